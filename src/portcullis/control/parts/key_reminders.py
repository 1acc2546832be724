"""Reminders of API keys that soon expire, or are old enough to be rotated: a line in the log each day, and metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.values import format_duration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.stores.database.keys import KeyReminders, KeyStore

LOOK_SECONDS: Final = 60.0
DAY: Final = 86_400.0

_log = logging.getLogger(__name__)


class KeyRemindersSettings(msgspec.Struct, frozen=True):
    """``expiring``: how long before its end a key is told of; ``rotate_every``: how old keys get; in seconds."""

    expiring: float = 30 * DAY
    rotate_every: float | None = 365 * DAY


class Reminders:
    """Looks for keys to remind of. ``latest``: those of the last look."""

    def __init__(self, services: ControlServices, store: KeyStore) -> None:
        self.latest: KeyReminders | None = None
        self._wall_s: Callable[[], float] = services.wall_s
        self._store = store
        self._settings = KeyRemindersSettings()
        self._remind_at = 0.0

    def take_over(self, settings: KeyRemindersSettings) -> None:
        """Go by ``settings`` from now on."""
        self._settings = settings

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Look every minute, tell once a day, until cancelled."""
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        while True:
            try:
                await self.look()
            except DatabaseError:
                self.latest = None  # whoever watches the database tells of it
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Count the keys, and tell of them if that was not done for a day. Raises ``DatabaseError``."""
        now = self._wall_s()
        expires_before = now + self._settings.expiring
        created_before = 0.0 if self._settings.rotate_every is None else now - self._settings.rotate_every
        self.latest = await asyncio.to_thread(self._store.reminders, now, expires_before, created_before)
        if now >= self._remind_at and (self.latest.expiring or self.latest.due):
            self._remind_at = now + DAY
            _log.warning("portcullis: %s", self._in_words(self.latest))

    def _in_words(self, found: KeyReminders) -> str:
        told = []
        within = format_duration(self._settings.expiring)
        if found.expiring:
            first = found.first[0]
            day = f"{datetime.fromtimestamp(first.expires or 0.0, UTC):%Y-%m-%d}"
            told.append(
                f"{_keys(found.expiring)} will expire within {within}, "
                f"the first is {first.id} of {first.consumer.name} on {day}"
            )
        if found.due and self._settings.rotate_every is not None:
            told.append(
                f"{_keys(found.due)} older than {format_duration(self._settings.rotate_every)} should be rotated"
            )
        return f"{'; '.join(told)} (portcullis keys list --expiring {within})"


def _keys(count: int) -> str:
    return f"{count} API key{'s' * (count != 1)}"


def _settings(configuration: Configuration) -> KeyRemindersSettings:
    return KeyRemindersSettings(configuration.keys.expiring, configuration.keys.rotate_every)


def _make(services: ControlServices) -> Any:
    from portcullis.control.key_measuring import KeyCollector  # noqa: PLC0415
    from portcullis.stores.database.keys import KeyStore  # noqa: PLC0415

    part = Reminders(services, KeyStore(services.database))
    services.hub.metrics.add(KeyCollector(lambda: part.latest))
    return part


PART = PartKind("key_reminders", KeyRemindersSettings, _settings, _make)
