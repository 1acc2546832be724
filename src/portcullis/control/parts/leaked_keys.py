"""API keys that were sent in clear: told of in the log, and revoked where the file says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.codes import KEY_IN_CLEAR
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

MAX_KEYS: Final = 10_000
"""Keys that are remembered to have been told of; what has been there longest goes first."""
RETRY_SECONDS: Final = 5.0

_MARK: Final = KEY_IN_CLEAR.name.encode()
_log = logging.getLogger(__name__)


class LeakedKeysSettings(msgspec.Struct, frozen=True):
    """``revoke``: whether keys that were sent in clear are revoked."""

    revoke: bool = False


class _Line(msgspec.Struct):
    code: str = ""
    credential: str = ""
    consumer: str = ""
    client: str = ""


class LeakedKeys:
    """Looks through the records for leaked keys. ``revoke``: revokes a key, given its id, and may raise."""

    def __init__(self, services: ControlServices, revoke: Callable[[str], object]) -> None:
        self._revoke = revoke
        self._revokes = False
        self._told: dict[str, None] = {}
        self._leaked: asyncio.Queue[str] = asyncio.Queue(MAX_KEYS)
        self._decode = msgspec.json.Decoder(_Line).decode
        services.hub.watch(self.see)

    def take_over(self, settings: LeakedKeysSettings) -> None:
        """Go by ``settings`` from now on."""
        self._revokes = settings.revoke

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    def see(self, records: bytes) -> None:
        """Look through a batch of records."""
        if _MARK in records:
            for line in records.splitlines():
                if _MARK in line:
                    self._see(self._decode(line))

    def _see(self, record: _Line) -> None:
        # What a client wrote may contain the mark; only the gateway says that it is the code of a record.
        key = record.credential
        if record.code != KEY_IN_CLEAR.name or not key or key in self._told or self._leaked.full():
            return
        if len(self._told) >= MAX_KEYS:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        what = "it is being revoked" if self._revokes else "rotate it, or revoke it: `portcullis keys revoke`"
        _log.warning(
            "portcullis: API key %s of %s was sent in clear by %s, so others may have it; %s",
            key,
            record.consumer,
            record.client,
            what,
        )
        if self._revokes:
            self._leaked.put_nowait(key)

    async def run(self) -> None:
        """Revoke what has leaked, until cancelled; what can't be revoked now is tried again."""
        from portcullis.control.service_errors import ServiceError  # noqa: PLC0415
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        while True:
            key = await self._leaked.get()
            while True:
                try:
                    await asyncio.to_thread(self._revoke, key)
                except ServiceError as error:
                    _log.warning("portcullis: API key %s was not revoked: %s", key, error)
                except DatabaseError as error:
                    _log.warning("portcullis: API key %s could not be revoked yet: %s", key, error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                break


def _make(services: ControlServices) -> Any:
    return LeakedKeys(services, services.keys.revoke)


def _settings(configuration: Configuration) -> LeakedKeysSettings:
    return LeakedKeysSettings(configuration.keys.revoke_leaked)


PART = PartKind("leaked_keys", LeakedKeysSettings, _settings, _make)
