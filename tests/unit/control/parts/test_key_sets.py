from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.metrics import Metrics
from portcullis.control.outgoing import Fetched, OutgoingError
from portcullis.control.parts import ControlServices, key_sets
from portcullis.control.parts.key_sets import PART, KeySets, KeySetsSettings, sources_of
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.authentication.jose.key_source import (
    FRESH,
    REFETCH,
    STALE,
    KeySetUpdate,
    KeySource,
    decode_update,
    encode_source,
)
from portcullis.engine.config.model import Configuration
from portcullis.testing.tokens import Signer, key_set_of

FIRST, SECOND = Signer("ES256", "first"), Signer("ES256", "second")
SOURCE = KeySource("https://id.example.com", "https://id.example.com/keys", refetch=0.1)
OTHER = KeySource("https://other.example.com", "https://other.example.com/keys")


class Hub(WorkerHub):
    """A hub without lines: what would be told, and what could be asked."""

    def __init__(self) -> None:
        super().__init__(Metrics(lambda: 0), lambda _lines: None)
        self.published: asyncio.Queue[tuple[str, KeySetUpdate]] = asyncio.Queue()

    def publish(self, topic: str, known: bytes) -> None:
        self.published.put_nowait((topic, decode_update(known)))

    def known(self, source: KeySource) -> KeySetUpdate | None:
        known = self._topics[source.topic]()
        return None if known is None else decode_update(known)

    async def ask(self, source: KeySource) -> bytes:
        return await self._answers[REFETCH](encode_source(source))


class Calls:
    """Stands for the calls to others: a key set, or ``None`` for an issuer that is away."""

    def __init__(self) -> None:
        self.signers: list[Signer] | None = [FIRST]
        self.asked: list[str] = []

    async def get(self, url: str) -> Fetched:
        self.asked.append(url)
        if self.signers is None:
            raise OutgoingError("no answer")
        return Fetched(json.dumps(key_set_of(*self.signers)).encode())


class World:
    def __init__(self, state: Path) -> None:
        self.hub, self.calls, self.now = Hub(), Calls(), 1000.0
        nothing: Any = None
        outgoing: Any = self.calls
        services = ControlServices(self.hub, nothing, nothing, state, lambda: self.now, outgoing, nothing, nothing)
        part = PART.make(services)
        assert isinstance(part, KeySets)
        self.part = part

    @asynccontextmanager
    async def running(self, *sources: KeySource) -> AsyncIterator[None]:
        self.part.take_over(KeySetsSettings(sources))
        task = asyncio.create_task(self.part.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def told(self) -> tuple[str, KeySetUpdate]:
        async with asyncio.timeout(5):
            told = await self.hub.published.get()
        await asyncio.sleep(0)  # the fetch that told it ends
        return told


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[], World]:
    return lambda: World(tmp_path)


def kids(update: KeySetUpdate | None) -> list[str]:
    assert update is not None
    return [key["kid"] for key in json.loads(update.document)["keys"]]


async def test_keys_are_fetched_and_told_to_every_worker(make_world: Callable[[], World]) -> None:
    world = make_world()
    async with world.running(SOURCE):
        topic, update = await world.told()
        assert (topic, kids(update), update.fetched) == (SOURCE.topic, ["first"], 1000.0)
        assert kids(world.hub.known(SOURCE)) == ["first"]  # and to those who come later
        assert b"portcullis_key_set_keys" in world.hub.metrics.exposition()
    assert list(world.part.routes()) == []


async def test_a_worker_that_asks_waits_for_newer_keys(make_world: Callable[[], World]) -> None:
    world = make_world()
    async with world.running(SOURCE):
        await world.told()
        world.calls.signers = [FIRST, SECOND]
        world.now += 1
        assert await world.hub.ask(SOURCE) == FRESH
        assert kids((await world.told())[1]) == ["first", "second"]
        world.calls.signers = None
        world.now += 1
        assert await world.hub.ask(SOURCE) == STALE
        assert kids(world.hub.known(SOURCE)) == ["first", "second"]


async def test_a_worker_of_a_generation_that_is_not_taken_over_yet_is_answered(make_world: Callable[[], World]) -> None:
    world = make_world()
    async with world.running(SOURCE):
        await world.told()
        assert await world.hub.ask(OTHER) == FRESH
        assert kids(world.hub.known(OTHER)) == ["first"]
        world.part.take_over(KeySetsSettings((OTHER,)))
        assert list(world.part.fetchers) == [OTHER]
        assert SOURCE.topic not in world.hub._topics


async def test_questions_do_not_make_it_fetch_from_anywhere(
    make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "MAX_ASKED_FOR", 1)
    world = make_world()
    async with world.running(SOURCE):
        assert await world.hub.ask(SOURCE) == FRESH
        assert await world.hub.ask(OTHER) == STALE
        assert world.calls.asked == [SOURCE.url]


async def test_after_a_restart_in_an_outage_the_kept_keys_serve(make_world: Callable[[], World]) -> None:
    world = make_world()
    async with world.running(SOURCE):
        await world.told()
    again = make_world()
    again.calls.signers = None
    again.now = 1500.0
    async with again.running(SOURCE):
        known = again.hub.known(SOURCE)
        assert (kids(known), known and known.usable_until) == (["first"], 1000.0 + SOURCE.keep)


async def test_without_keys_there_is_nothing_to_tell(make_world: Callable[[], World]) -> None:
    world = make_world()
    world.calls.signers = None
    async with world.running(SOURCE):
        assert await world.hub.ask(SOURCE) == STALE
        assert world.hub.known(SOURCE) is None


async def test_a_question_that_can_not_be_read_is_not_answered(make_world: Callable[[], World]) -> None:
    world = make_world()
    async with world.running():
        with pytest.raises(ValueError):
            await world.hub._answers[REFETCH](b"nonsense")


async def test_keys_that_can_not_be_kept_are_told_once(
    make_world: Callable[[], World], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "key-sets").write_text("in the way")
    world = make_world()
    async with world.running(SOURCE):
        await world.told()
        world.now += 1
        await world.hub.ask(SOURCE)
        await world.told()
    assert caplog.text.count("keys can't be kept for a restart") == 1


def test_the_sources_are_those_of_the_identities() -> None:
    jwt = {"issuer": "https://id.example.com", "audience": "shop", "jwks": "auto"}
    identities = {
        "a": {"jwt": jwt},
        "b": {"jwt": {**jwt, "audience": "store"}},
        "c": {"jwt": {**jwt, "jwks": "https://id.example.com/keys"}},
        "d": {"jwt": {**jwt, "jwks": {"file": "keys.json"}}},
        "e": {"api_key": {}},
    }
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    configuration = Configuration.model_validate(
        {"listeners": {"a": {"bind": "127.0.0.1:0"}}, "identities": identities, "apis": {"shop": api}}
    )
    assert sources_of(configuration) == (
        KeySource("https://id.example.com"),
        KeySource("https://id.example.com", "https://id.example.com/keys"),
    )
    assert PART.of(configuration) == KeySetsSettings(sources_of(configuration))
