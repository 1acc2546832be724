"""The key service as a command sees it, through the control API of a running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from portcullis.control.key_orders import (
    Imported,
    InvalidOrder,
    IssuedKey,
    KeyRecord,
    KeyServiceError,
    NewKey,
    Rotation,
)
from portcullis.engine.api_key_format import ApiKey

TIMEOUT_S: Final = 10.0
IMPORT_TIMEOUT_S: Final = 120.0
T = TypeVar("T")


class NoControlProcess(Exception):  # noqa: N818 - a fact, not a fault
    """Nobody listens at the control socket; nothing was sent."""


class Keys(Protocol):
    """What commands need: :class:`~portcullis.control.keys.KeyService`, here or in the control process."""

    def create(self, order: NewKey) -> IssuedKey:
        """Make a key, and its consumer if need be."""

    def listing(self, consumer: str | None = None) -> list[KeyRecord]:
        """All keys, or those of one consumer."""

    def rotate(self, key_id: str, rotation: Rotation) -> IssuedKey:
        """Make the key that replaces ``key_id``."""

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse a key from now on."""

    def import_records(self, records: Sequence[KeyRecord]) -> Imported:
        """Make the store agree with ``records``."""


class _Listing(msgspec.Struct):
    keys: list[KeyRecord]


class _Issued(msgspec.Struct):
    key: str
    record: KeyRecord

    def __repr__(self) -> str:
        return f"_Issued({self.record.id})"


class _Problem(msgspec.Struct):
    code: str = "control.failed"
    detail: str = ""


class RemoteKeys:
    """Asks the control process at ``socket``.

    Methods raise :class:`NoControlProcess` where nobody listens, and
    :class:`~portcullis.control.key_orders.KeyServiceError` for every other failure.
    """

    def __init__(self, socket: Path) -> None:
        transport = httpx.HTTPTransport(uds=str(socket))
        self._client = httpx.Client(transport=transport, base_url="http://control", timeout=TIMEOUT_S, trust_env=False)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def create(self, order: NewKey) -> IssuedKey:
        """Make a key, and its consumer if need be."""
        return _issued(self._ask("POST", "/v1/keys", _Issued, order))

    def listing(self, consumer: str | None = None) -> list[KeyRecord]:
        """All keys, or those of one consumer."""
        params = {"consumer": consumer} if consumer is not None else {}
        return self._ask("GET", "/v1/keys", _Listing, params=params).keys

    def rotate(self, key_id: str, rotation: Rotation) -> IssuedKey:
        """Make the key that replaces ``key_id``."""
        return _issued(self._ask("POST", _path(key_id, "rotate"), _Issued, rotation))

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse a key from now on."""
        return self._ask("POST", _path(key_id, "revoke"), KeyRecord)

    def import_records(self, records: Sequence[KeyRecord]) -> Imported:
        """Make the store agree with ``records``."""
        return self._ask("POST", "/v1/keys/import", Imported, records, timeout=IMPORT_TIMEOUT_S)

    def _ask(self, method: str, path: str, wanted: type[T], order: object = None, **options: Any) -> T:
        content = msgspec.json.encode(order) if order is not None else None
        try:
            response = self._client.request(method, path, content=content, **options)
        except httpx.ConnectError as error:
            raise NoControlProcess from error
        except httpx.HTTPError as error:
            # It may have been done: trying again elsewhere could do it twice.
            raise KeyServiceError("the control process did not answer; see `portcullis keys list`") from error
        try:
            if response.is_success:
                return msgspec.json.decode(response.content, type=wanted)
            problem = msgspec.json.decode(response.content, type=_Problem)
        except msgspec.MsgspecError:
            raise KeyServiceError("the control process gave an answer that can't be read") from None
        if problem.code == InvalidOrder.code:
            raise InvalidOrder(problem.detail)
        raise KeyServiceError(problem.detail, problem.code)


def _path(key_id: str, action: str) -> str:
    return f"/v1/keys/{quote(key_id, safe='')}/{action}"


def _issued(answer: _Issued) -> IssuedKey:
    return IssuedKey(ApiKey(answer.key), answer.record)
