"""Logins of browsers and their sessions: the control process talks to providers, and keeps what workers ask about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.config.model import Configuration
from portcullis.engine.oidc import messages
from portcullis.engine.oidc.messages import RelyingPartySource, encode
from portcullis.engine.policies.authenticate.oidc import source_of

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.oidc.relying_party import RelyingParty
    from portcullis.control.oidc.sessions import Sessions

PATIENCE_SECONDS: Final = 2.0
"""How long a question is kept that names no relying party known here: workers of a new generation may be ahead."""
SWEEP_SECONDS: Final = 30.0

_log = logging.getLogger(__name__)
Open = Callable[[RelyingPartySource], "RelyingParty | None"]


class OidcSettings(msgspec.Struct, frozen=True):
    """All relying parties."""

    sources: tuple[RelyingPartySource, ...] = ()


class Oidc:
    """Answers workers' questions by the relying parties of the file that is in force."""

    def __init__(
        self, services: ControlServices, parties: dict[str, RelyingParty], sessions: Sessions, open_party: Open
    ) -> None:
        self.parties = parties
        self._services = services
        self._sessions = sessions
        self._open = open_party
        self._taken_over = asyncio.Event()
        self._in_trouble = False
        hub = services.hub
        hub.announce(messages.SESSIONS, lambda: encode(messages.SessionNews(whole=True)))
        hub.answer(messages.PROVIDERS, self._provider)
        hub.answer(messages.LOGINS, self._login)
        hub.answer(messages.SESSIONS, self._session)
        hub.answer(messages.LOGOUTS, self._logout)
        hub.answer(messages.BACK_CHANNEL, self._back_channel)

    def take_over(self, settings: OidcSettings) -> None:
        """Go by ``settings`` from now on."""
        before = dict(self.parties)
        self.parties.clear()
        for source in settings.sources:
            opened = self._open(source)  # anew: a secret may have been replaced
            if opened is not None:
                if source.realm in before:
                    opened.follow(before[source.realm])
                self.parties[source.realm] = opened
        # Logins that are under way go on by the old ones; what is not gone on with has its own end.
        self._taken_over.set()
        self._taken_over = asyncio.Event()

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Remove sessions that are over, until cancelled."""
        try:
            while True:
                await self._sweep()
                await asyncio.sleep(SWEEP_SECONDS)
        finally:
            await asyncio.gather(*(party.end() for party in self.parties.values()))

    async def _sweep(self) -> None:
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        try:
            await self._sessions.sweep()
        except DatabaseError as error:
            if not self._in_trouble:
                _log.warning("portcullis: the database of sessions: %s", error)
            self._in_trouble = True
        else:
            self._in_trouble = False

    async def _provider(self, message: bytes) -> bytes:
        party = await self._party(messages.decode_provider_question(message).realm)
        return encode(messages.ProviderAnswer(reason=_AWAY) if party is None else await party.endpoints())

    async def _login(self, message: bytes) -> bytes:
        question = messages.decode_login_question(message)
        party = await self._party(question.realm)
        if party is None:
            return encode(messages.LoginAnswer("unavailable", _AWAY))
        return encode(await party.log_in(question))

    async def _session(self, message: bytes) -> bytes:
        question = messages.decode_session_question(message)
        party = await self._party(question.realm)
        if party is None:
            return encode(messages.SessionAnswer("unavailable", reason=_AWAY))
        return encode(await party.session(question.session))

    async def _logout(self, message: bytes) -> bytes:
        question = messages.decode_logout_question(message)
        party = await self._party(question.realm)
        if party is None:
            return encode(messages.LogoutAnswer("unavailable", reason=_AWAY))
        return encode(await party.log_out(question.session))

    async def _back_channel(self, message: bytes) -> bytes:
        question = messages.decode_back_channel_question(message)
        party = await self._party(question.realm)
        if party is None:
            return encode(messages.BackChannelAnswer("unavailable", reason=_AWAY))
        return encode(await party.back_channel(question.token))

    async def _party(self, realm: str) -> RelyingParty | None:
        if realm not in self.parties:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._taken_over.wait()
            except TimeoutError:
                pass
        return self.parties.get(realm)


_AWAY: Final = "the relying party is not known, or its secret can't be used: see the log"


def sources_of(configuration: Configuration) -> tuple[RelyingPartySource, ...]:
    """The relying party of each identity of ``configuration`` that is one."""
    identities = configuration.identities.items()
    return tuple(source_of(name, identity.oidc) for name, identity in identities if identity.oidc is not None)


def _settings(configuration: Configuration) -> OidcSettings:
    return OidcSettings(sources_of(configuration))


def _make(services: ControlServices) -> Any:
    # What talks to providers is loaded where it does: the supervisor only reads the settings.
    from portcullis.control.oidc.measuring import OidcCollector  # noqa: PLC0415
    from portcullis.control.oidc.sessions import Sessions  # noqa: PLC0415

    def tell(digests: tuple[bytes, ...]) -> None:
        services.hub.publish(messages.SESSIONS, encode(messages.SessionNews(whole=False, digests=digests)))

    parties: dict[str, RelyingParty] = {}
    sessions = Sessions(services.database, services.wall_s, tell)
    services.hub.metrics.add(OidcCollector(parties, sessions))
    return Oidc(services, parties, sessions, lambda source: _open_party(source, sessions, services))


def _open_party(source: RelyingPartySource, sessions: Sessions, services: ControlServices) -> RelyingParty | None:
    """The relying party of ``source``; ``None`` where its secret can't be used, which the log says."""
    from portcullis.control.introspection.client_proof import ClientProofError  # noqa: PLC0415
    from portcullis.control.oidc.provider import Provider  # noqa: PLC0415
    from portcullis.control.oidc.relying_party import RelyingParty  # noqa: PLC0415
    from portcullis.control.oidc.tokens import TokenEndpoint  # noqa: PLC0415
    from portcullis.engine.authentication.replay import SingleUse  # noqa: PLC0415
    from portcullis.engine.config.values import SecretReference  # noqa: PLC0415
    from portcullis.engine.ports import SecretError  # noqa: PLC0415
    from portcullis.stores.clock import SystemClock  # noqa: PLC0415
    from portcullis.stores.secrets import SourceSecrets  # noqa: PLC0415

    try:
        secret = SourceSecrets(services.files).reveal(SecretReference.parse(source.secret)) if source.secret else b""
        endpoint = TokenEndpoint(source, secret, services.outgoing, services.wall_s)
    except (SecretError, ClientProofError) as error:
        _log.error("portcullis: nobody can log in by %s: %s", source.name, error)
        return None
    once = SingleUse(f"oidc logout {source.realm}", services.counters, SystemClock())
    provider = Provider(source, services.outgoing, services.wall_s)
    return RelyingParty(source, provider, endpoint, sessions, once, services.wall_s)


PART = PartKind("oidc", OidcSettings, _settings, _make)
