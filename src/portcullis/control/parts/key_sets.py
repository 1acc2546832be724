"""The keys of issuers: fetched in the control process, told to every worker, kept on the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.authentication.jose.key_source import (
    FRESH,
    REFETCH,
    STALE,
    KeySetUpdate,
    KeySource,
    decode_source,
    encode_update,
)
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.key_sets.fetching import KeySetFetcher
    from portcullis.control.key_sets.kept import KeptKeySets

LONGEST_SLEEP: Final = 60.0
"""Seconds after which the times are looked at anew: clocks may be set."""
MAX_ASKED_FOR: Final = 1_000
"""Sources beyond which none is added because of a question alone."""

_log = logging.getLogger(__name__)


class KeySetsSettings(msgspec.Struct, frozen=True):
    """Where keys are to be fetched."""

    sources: tuple[KeySource, ...] = ()


class KeySets:
    """Keeps the key sets of all sources fresh."""

    def __init__(
        self, services: ControlServices, kept: KeptKeySets, make_fetcher: Callable[..., KeySetFetcher]
    ) -> None:
        self.fetchers: dict[KeySource, KeySetFetcher] = {}
        self._services = services
        self._kept = kept
        self._make_fetcher = make_fetcher
        self._due = asyncio.Event()
        self._saving: set[asyncio.Task[None]] = set()
        self._told_unsaved = False
        services.hub.answer(REFETCH, self._answer)

    def take_over(self, settings: KeySetsSettings) -> None:
        """Go by ``settings`` from now on."""
        for source in self.fetchers.keys() - set(settings.sources):
            self.fetchers.pop(source).end()
            self._services.hub.withdraw(source.topic)
        for source in settings.sources:
            self._fetcher(source)
        self._kept.prune(settings.sources)

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Fetch what is due, until cancelled."""
        try:
            while True:
                self._due.clear()
                now = self._services.wall_s()
                waits = []
                for fetcher in list(self.fetchers.values()):
                    if fetcher.due <= now:
                        fetcher.begin().add_done_callback(lambda _task: self._due.set())
                    else:
                        waits.append(fetcher.due - now)
                await _within(min([LONGEST_SLEEP, *waits]), self._due)
        finally:
            for fetcher in self.fetchers.values():
                fetcher.end()
            await asyncio.gather(*self._saving)

    def _fetcher(self, source: KeySource) -> KeySetFetcher:
        """The one of ``source``. Workers of a generation that is about to serve may ask before it is taken over."""
        fetcher = self.fetchers.get(source)
        if fetcher is None:
            services = self._services
            kept = self._kept.load(source, services.wall_s())
            fetcher = self._make_fetcher(source, services.outgoing, services.wall_s, self._changed, kept)
            self.fetchers[source] = fetcher
            services.hub.announce(source.topic, partial(_known, fetcher))
            self._due.set()
        return fetcher

    def _changed(self, source: KeySource, update: KeySetUpdate) -> None:
        self._services.hub.publish(source.topic, encode_update(update))
        task = asyncio.create_task(self._save(source, update))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def _save(self, source: KeySource, update: KeySetUpdate) -> None:
        try:
            await asyncio.to_thread(self._kept.save, source, update)
        except OSError as error:
            if not self._told_unsaved:
                self._told_unsaved = True
                _log.warning("portcullis: keys can't be kept for a restart: %s", error.strerror or error)

    async def _answer(self, question: bytes) -> bytes:
        source = decode_source(question)
        if source not in self.fetchers and len(self.fetchers) >= MAX_ASKED_FOR:
            return STALE
        return FRESH if await self._fetcher(source).refetch() else STALE


def _known(fetcher: KeySetFetcher) -> bytes | None:
    return None if fetcher.latest is None else encode_update(fetcher.latest)


async def _within(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def sources_of(configuration: Configuration) -> tuple[KeySource, ...]:
    """Every source that an identity of ``configuration`` names, each once."""

    def named() -> Iterator[KeySource]:
        for identity in configuration.identities.values():
            if identity.jwt is not None and identity.jwt.key_source is not None:
                yield identity.jwt.key_source

    return tuple(dict.fromkeys(named()))


def _settings(configuration: Configuration) -> KeySetsSettings:
    return KeySetsSettings(sources_of(configuration))


def _make(services: ControlServices) -> Any:
    # What fetches is loaded where it fetches: the supervisor, which reads the settings, makes no calls.
    from portcullis.control.key_sets.fetching import KeySetFetcher  # noqa: PLC0415
    from portcullis.control.key_sets.kept import KeptKeySets  # noqa: PLC0415
    from portcullis.control.key_sets.measuring import KeySetCollector  # noqa: PLC0415

    part = KeySets(services, KeptKeySets(services.state), KeySetFetcher)
    services.hub.metrics.add(KeySetCollector(part.fetchers, services.wall_s))
    return part


PART = PartKind("key_sets", KeySetsSettings, _settings, _make)
