"""Asking the control process of a running gateway, through its socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from portcullis.control.service_errors import ServiceError

TIMEOUT_S: Final = 10.0
IMPORT_TIMEOUT_S: Final = 120.0
T = TypeVar("T")


class NoControlProcess(Exception):  # noqa: N818 - a fact, not a fault
    """Nobody listens at the control socket; nothing was sent."""


class _Problem(msgspec.Struct):
    code: str = "control.failed"
    detail: str = ""


class ControlClient:
    """Asks the control process at ``socket`` about one kind of things.

    ``failure``: what to raise for every failure; ``invalid``: in its place, for an order that made no sense;
    ``listing``: the command that shows what became of it.
    """

    def __init__(self, socket: Path, failure: type[ServiceError], invalid: type[ServiceError], listing: str) -> None:
        transport = httpx.HTTPTransport(uds=str(socket))
        self._client = httpx.Client(transport=transport, base_url="http://control", timeout=TIMEOUT_S, trust_env=False)
        self._failure = failure
        self._invalid = invalid
        self._listing = listing

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(self, method: str, path: str, wanted: type[T], order: object = None, **options: Any) -> T:
        """The answer to ``order``. ``options`` are those of ``httpx``.

        Raises :class:`NoControlProcess` where nobody listens, and the ``failure`` for everything else.
        """
        if order is not None:
            options["content"] = msgspec.json.encode(order)
        try:
            response = self._client.request(method, path, **options)
        except httpx.ConnectError as error:
            raise NoControlProcess from error
        except httpx.HTTPError as error:
            # It may have been done: trying again elsewhere could do it twice.
            raise self._failure(f"the control process did not answer; see `{self._listing}`") from error
        try:
            if response.is_success:
                return msgspec.json.decode(response.content, type=wanted)
            problem = msgspec.json.decode(response.content, type=_Problem)
        except msgspec.MsgspecError:
            raise self._failure("the control process gave an answer that can't be read") from None
        if problem.code == self._invalid.code:
            raise self._invalid(problem.detail)
        raise self._failure(problem.detail, problem.code)
