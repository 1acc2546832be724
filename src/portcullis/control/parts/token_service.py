"""The token service: answers workers' questions, rotates its keys, and tells workers of both keys and revocations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from portcullis.control.parts import ControlServices, PartKind
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.token_service.messages import CALLS, IDENTITY_KEY, KEYS, REVOCATIONS, encode

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.token_service.answering import TokenEndpoints
    from portcullis.control.token_service.assembling import TokenServiceParts

POLL_SECONDS: Final = 0.3
"""How often what another process changed in the database is noticed, so that it is known within a second."""
SHORTEST_SLEEP: Final = 0.01
FORGET_SECONDS: Final = 600.0
_FORGOTTEN_AT_A_TIME: Final = 1_000

_log = logging.getLogger(__name__)


class TokenServicePart:
    """Keeps the service going. Where the file has none it answers nothing."""

    def __init__(self, services: ControlServices, parts: TokenServiceParts, endpoints: TokenEndpoints) -> None:
        self._services = services
        self._parts = parts
        self._endpoints = endpoints
        self._settings = TokenServiceSettings()
        self._advance_at = 0.0
        self._forget_at = 0.0
        self._told: tuple[bytes | None, bytes | None] = (None, None)
        self._in_trouble = False
        hub = services.hub
        hub.answer(CALLS, endpoints.answer)
        hub.answer(KEYS, self._keys_again)
        hub.announce(KEYS, self._published)
        hub.announce(IDENTITY_KEY, self._identity_key)
        hub.announce(REVOCATIONS, parts.revoked.whole)

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings`` from now on. Keys that are missing are made at once: no worker serves without."""
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        self._settings = settings
        try:
            if settings.issuer:
                self._read_all()
                self._advance_at = self._parts.keys.advance(settings)
        except DatabaseError as error:
            self._note(str(error))  # the next look will do
        self._apply()

    def routes(self) -> Sequence[BaseRoute]:
        """``/v1/tokens`` and ``/v1/token-clients``."""
        from portcullis.control.token_service.routes import token_routes  # noqa: PLC0415

        return token_routes(self._parts.service)

    async def run(self) -> None:
        """Rotate keys when it is time, and notice what other processes change, until cancelled."""
        while True:
            due = self._advance_at - self._services.wall_s() if self._settings.issuer else POLL_SECONDS
            await asyncio.sleep(min(POLL_SECONDS, max(SHORTEST_SLEEP, due)))
            if self._settings.issuer:
                await self._look()

    async def _look(self) -> None:
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        try:
            if self._services.wall_s() >= self._advance_at:
                settings = self._settings
                self._advance_at = await asyncio.to_thread(self._parts.keys.advance, settings)
            self._apply()
            await asyncio.to_thread(self._parts.clients.refresh)
            await self._parts.withdrawals.tell()
            if self._services.wall_s() >= self._forget_at:
                self._forget_at = self._services.wall_s() + FORGET_SECONDS
                await self._forget()
        except DatabaseError as error:
            self._advance_at = max(self._advance_at, self._services.wall_s() + POLL_SECONDS)
            self._note(str(error))
        else:
            self._note("")

    def _note(self, trouble: str) -> None:
        """Say once that there is trouble, and that it is over."""
        if bool(trouble) != self._in_trouble:
            _log.warning("portcullis: the database of tokens: %s", trouble or "works again")
        self._in_trouble = bool(trouble)

    async def _forget(self) -> None:
        """Remove from the database what is over."""
        from portcullis.stores.database.refresh_tokens import forget_families  # noqa: PLC0415
        from portcullis.stores.database.token_revocations import forget_revocations  # noqa: PLC0415

        now, writes = self._services.wall_s(), self._parts.writes
        await writes.run(lambda connection: forget_revocations(connection, now))
        forgotten = _FORGOTTEN_AT_A_TIME
        while forgotten == _FORGOTTEN_AT_A_TIME:
            forgotten = await writes.run(lambda connection: forget_families(connection, now, _FORGOTTEN_AT_A_TIME))

    def _read_all(self) -> None:
        """At the beginning: everything, before the first worker is told. Raises ``DatabaseError``."""
        self._parts.clients.refresh()
        news = self._parts.revoked.take_over(*self._parts.revoked.read_news())
        if news is not None:
            self._services.hub.publish(REVOCATIONS, news)

    def _apply(self) -> None:
        """Sign and verify with the keys as they are now, and tell workers of those that they were not told of."""
        self._parts.take_over(self._settings)
        self._endpoints.take_over(self._settings)
        known = (self._published(), self._identity_key())
        for topic, before, now in zip((KEYS, IDENTITY_KEY), self._told, known, strict=True):
            if now is not None and now != before:
                self._services.hub.publish(topic, now)
        self._told = known

    def _published(self) -> bytes | None:
        keys = self._parts.keys.published()
        return None if keys is None else encode(keys)

    def _identity_key(self) -> bytes | None:
        key = self._parts.keys.identity_key()
        return None if key is None else encode(key)

    async def _keys_again(self, _question: bytes) -> bytes:
        return self._published() or b""


def _make(services: ControlServices) -> Any:
    # What signs and what reads the database is loaded where it is used: the supervisor only reads the settings.
    from portcullis.control.token_service.answering import TokenEndpoints  # noqa: PLC0415
    from portcullis.control.token_service.assembling import assemble  # noqa: PLC0415
    from portcullis.control.token_service.measuring import TokenCollector  # noqa: PLC0415
    from portcullis.stores.clock import SystemClock  # noqa: PLC0415

    hub = services.hub
    parts = assemble(services.database, lambda message: hub.publish(REVOCATIONS, message), services.wall_s)
    endpoints = TokenEndpoints(
        parts.clients,
        parts.tokens,
        parts.refresh_tokens,
        parts.revoked,
        parts.withdrawals,
        services.counters,
        SystemClock(),
    )
    hub.metrics.add(TokenCollector(endpoints, parts.refresh_tokens, parts.revoked))
    return TokenServicePart(services, parts, endpoints)


PART = PartKind("token_service", TokenServiceSettings, TokenServiceSettings.of, _make)
