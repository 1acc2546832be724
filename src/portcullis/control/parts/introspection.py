"""Tokens that only their issuer can read: the control process asks, so that no worker has the credentials for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.authentication.introspection_messages import (
    TOPIC,
    IntrospectionAnswer,
    IntrospectionSource,
    decode_question,
    encode,
)
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.introspection.asking import Endpoint

PATIENCE_SECONDS: Final = 2.0
"""How long a question is kept that names no endpoint known here: workers of a new generation may be ahead."""

_log = logging.getLogger(__name__)


class IntrospectionSettings(msgspec.Struct, frozen=True):
    """Whom to ask, and how."""

    sources: tuple[IntrospectionSource, ...] = ()


class Introspection:
    """Answers workers' questions by asking the endpoints of the file that is in force, and of the one before.

    Workers of the old generation end what they have after a reload.
    """

    def __init__(
        self, services: ControlServices, endpoints: dict[str, Endpoint], open_endpoint: Callable[..., Endpoint | None]
    ) -> None:
        self.endpoints = endpoints
        self._services = services
        self._open = open_endpoint
        self._current: frozenset[str] = frozenset()
        self._taken_over = asyncio.Event()
        services.hub.answer(TOPIC, self._answer)

    def take_over(self, settings: IntrospectionSettings) -> None:
        """Go by ``settings`` from now on."""
        before, self._current = self._current, frozenset(source.digest for source in settings.sources)
        for digest in self.endpoints.keys() - self._current - before:
            del self.endpoints[digest]
        for source in settings.sources:
            opened = self._open(source, self._services)  # anew: a secret may have been replaced
            old = self.endpoints.pop(source.digest, None)
            if opened is not None:
                if old is not None:
                    opened.results = old.results
                self.endpoints[source.digest] = opened
        self._taken_over.set()
        self._taken_over = asyncio.Event()

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Nothing has to be done regularly."""
        await asyncio.Event().wait()

    async def _answer(self, message: bytes) -> bytes:
        question = decode_question(message)
        endpoint = self.endpoints.get(question.source) or await self._awaited(question.source)
        if endpoint is None:
            return encode(IntrospectionAnswer("unavailable", reason="the endpoint can't be asked: see the log"))
        return encode(await endpoint.ask(question.token))

    async def _awaited(self, digest: str) -> Endpoint | None:
        if digest not in self._current:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._taken_over.wait()
            except TimeoutError:
                pass
        return self.endpoints.get(digest)


def sources_of(configuration: Configuration) -> tuple[IntrospectionSource, ...]:
    """Every source that an identity of ``configuration`` names, each once."""

    def named() -> Iterator[IntrospectionSource]:
        for identity in configuration.identities.values():
            if identity.introspection is not None:
                yield identity.introspection.introspection_source

    return tuple(dict.fromkeys(named()))


def _settings(configuration: Configuration) -> IntrospectionSettings:
    return IntrospectionSettings(sources_of(configuration))


def _make(services: ControlServices) -> Any:
    # What asks is loaded where it asks: the supervisor, which reads the settings, makes no calls.
    from portcullis.control.introspection.measuring import IntrospectionCollector  # noqa: PLC0415

    endpoints: dict[str, Endpoint] = {}
    services.hub.metrics.add(IntrospectionCollector(endpoints))
    return Introspection(services, endpoints, _open_endpoint)


def _open_endpoint(source: IntrospectionSource, services: ControlServices) -> Endpoint | None:
    """What asks ``source``; ``None`` where its secret can't be used, which the log says."""
    from portcullis.control.introspection.asking import Endpoint  # noqa: PLC0415
    from portcullis.control.introspection.client_proof import ClientProofError, prover  # noqa: PLC0415
    from portcullis.engine.config.values import SecretReference  # noqa: PLC0415
    from portcullis.engine.ports import SecretError  # noqa: PLC0415
    from portcullis.stores.secrets import SourceSecrets  # noqa: PLC0415

    try:
        secret = SourceSecrets(services.files).reveal(SecretReference.parse(source.secret))
        prove = prover(source, secret)
    except (SecretError, ClientProofError) as error:
        _log.error("portcullis: tokens can't be asked about at %s: %s", source.endpoint, error)
        return None
    return Endpoint(source, prove, services.outgoing, services.wall_s)


PART = PartKind("introspection", IntrospectionSettings, _settings, _make)
