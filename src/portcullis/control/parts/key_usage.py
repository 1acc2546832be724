"""When API keys were last used: seen in the records of the workers, kept in the database."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.stores.database.keys import KeyStore

WRITE_SECONDS: Final = 5.0
"""How often uses are written, all in one transaction."""
ONCE_IN_SECONDS: Final = 60.0
"""How often the use of one key is written at most."""
MAX_KEYS: Final = 100_000
"""Keys whose uses are remembered at a time; what has been there longest goes first."""

# Quotes inside of a JSON text are escaped, so this can only be the member itself. An issuer of tokens could give one
# the identifier of a key of ours; but who may vouch for callers may be believed in that too.
_CREDENTIAL: Final = re.compile(rb'"credential":"([0-9a-z]{8})"')

_log = logging.getLogger(__name__)


class KeyUsageSettings(msgspec.Struct, frozen=True):
    """There is nothing to set."""


class KeyUsage:
    """Notes uses of keys."""

    def __init__(self, services: ControlServices, store: KeyStore) -> None:
        self._wall_s = services.wall_s
        self._store = store
        self._seen: dict[str, float] = {}
        self._written: dict[str, float] = {}
        self._in_trouble = False
        services.hub.watch(self.see)

    def take_over(self, settings: KeyUsageSettings) -> None:
        """There is nothing to go by."""

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    def see(self, records: bytes) -> None:
        """Look through a batch of records for the credentials in them."""
        found = set(_CREDENTIAL.findall(records))
        if found:
            now = self._wall_s()
            for key in found:
                _put(self._seen, key.decode(), now)

    async def run(self) -> None:
        """Write what was seen, until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                await self.write(ONCE_IN_SECONDS)
        finally:
            await self.write(0.0)

    async def write(self, once_in: float) -> None:
        """Write the uses of keys of which none was written in the last ``once_in`` seconds."""
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        written = self._written
        due = {key: at for key, at in self._seen.items() if at - written.get(key, -once_in) >= once_in}
        if not due:
            return
        for key, at in due.items():
            del self._seen[key]
            _put(written, key, at)
        try:
            await asyncio.to_thread(self._store.note_uses, due)
        except DatabaseError as error:
            if not self._in_trouble:
                _log.warning("portcullis: when keys were last used can't be written: %s", error)
            self._in_trouble = True
        else:
            self._in_trouble = False


def _put(times: dict[str, float], key: str, at: float) -> None:
    if key not in times and len(times) >= MAX_KEYS:
        del times[next(iter(times))]
    times[key] = at


def _make(services: ControlServices) -> Any:
    from portcullis.stores.database.keys import KeyStore  # noqa: PLC0415

    return KeyUsage(services, KeyStore(services.database))


PART = PartKind("key_usage", KeyUsageSettings, lambda _configuration: KeyUsageSettings(), _make)
