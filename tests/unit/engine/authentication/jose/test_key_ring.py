from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from portcullis.engine.authentication.jose.errors import NoKeysError, UnknownSignerError
from portcullis.engine.authentication.jose.key_ring import MAX_WAITING, SILENT_SECONDS, FixedKeys, KeyRing
from portcullis.engine.authentication.jose.key_set import NO_KEYS, KeySet
from portcullis.engine.authentication.jose.key_source import (
    FRESH,
    REFETCH,
    STALE,
    KeySetUpdate,
    KeySource,
    decode_source,
    encode_update,
)
from portcullis.engine.authentication.jose.keys import read_jwk
from portcullis.engine.ports import Ports, Unanswered
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of

FIRST, SECOND = Signer("ES256", "first"), Signer("ES256", "second")
SOURCE = KeySource("https://id.example.com", refetch=10.0)


class World:
    """A ring, and what it asks."""

    def __init__(self) -> None:
        self.clock = FakeClock(wall_s=1000.0)
        self.asked: list[KeySource] = []
        self.answer: bytes | None = FRESH
        self.hold: asyncio.Event | None = None
        self.subscribed: dict[str, Callable[[bytes], None]] = {}
        ports = Ports(self.clock, FakeCounters(), FakeKeys(), questions=self, topics=self)
        self.ring = KeyRing(SOURCE, ports)

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.subscribed[topic] = apply

    async def ask(self, topic: str, question: bytes) -> bytes:
        assert topic == REFETCH
        self.asked.append(decode_source(question))
        if self.hold is not None:
            await self.hold.wait()
        if self.answer is None:
            raise Unanswered(topic)
        return self.answer

    def tell(self, *signers: Signer, until: float = 2000.0) -> None:
        document = json.dumps(key_set_of(*signers)).encode()
        self.subscribed[SOURCE.topic](encode_update(KeySetUpdate(document, 1000.0, until)))


@pytest.fixture
def world() -> World:
    return World()


def test_nobody_is_known_before_keys_are_told(world: World) -> None:
    with pytest.raises(NoKeysError) as caught:
        world.ring.usable(1000.0)
    assert caught.value.found == "no keys were fetched yet: https://id.example.com"
    assert repr(world.ring) == "KeyRing(https://id.example.com, KeySet(0 keys, for nothing), until=0, waiting=0)"


def test_keys_are_used_until_they_are_too_old(world: World) -> None:
    world.tell(FIRST)
    assert world.ring.usable(1999.0).size == 1
    with pytest.raises(NoKeysError, match="unavailable") as caught:
        world.ring.usable(2000.0)
    assert caught.value.found == "the keys are too old: https://id.example.com"
    world.tell(FIRST, until=3000.0)
    assert world.ring.usable(2000.0).size == 1


def test_those_who_go_by_the_keys_are_told_when_they_change(world: World) -> None:
    changes = []
    world.ring.on_change(lambda: changes.append(world.ring.keys.size))
    world.tell(FIRST)
    world.tell(FIRST, until=3000.0)
    assert changes == [1]  # the same keys, for longer
    world.tell(SECOND, FIRST)
    assert changes == [1, 2]
    with pytest.raises(UnknownSignerError):
        world.ring.keys.candidates("ES256", "third")


@pytest.mark.parametrize("message", [b"nonsense", encode_update(KeySetUpdate(b"<html>", 0.0, 9e9))])
def test_what_can_not_be_read_changes_nothing(world: World, message: bytes) -> None:
    world.tell(FIRST)
    with pytest.raises(ValueError):
        world.ring.apply(message)
    assert (world.ring.keys.size, world.ring.usable_until) == (1, 2000.0)


async def test_it_asks_once_in_a_while(world: World) -> None:
    assert world.ring.may_ask
    await world.ring.ask()
    assert world.asked == [SOURCE]
    assert not world.ring.may_ask
    world.clock.advance(9.9)
    assert not world.ring.may_ask
    world.clock.advance(0.2)
    assert world.ring.may_ask


async def test_there_is_doubt_while_the_issuer_is_away(world: World) -> None:
    world.answer = STALE
    await world.ring.ask()
    assert world.ring.in_doubt
    assert not world.ring.may_ask
    world.tell(FIRST)
    assert not world.ring.in_doubt
    world.answer = FRESH
    world.clock.advance(10)
    await world.ring.ask()
    assert not world.ring.in_doubt


async def test_without_an_answer_it_asks_again_soon(world: World) -> None:
    world.answer = None
    await world.ring.ask()
    assert world.ring.in_doubt
    assert not world.ring.may_ask
    world.clock.advance(SILENT_SECONDS)
    assert world.ring.may_ask


async def test_only_some_wait(world: World) -> None:
    world.hold = asyncio.Event()
    waiting = [asyncio.create_task(world.ring.ask()) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    assert world.ring.is_crowded
    assert not world.ring.may_ask
    world.hold.set()
    await asyncio.gather(*waiting)
    assert not world.ring.is_crowded
    world.clock.advance(10)
    assert world.ring.may_ask


async def test_one_who_gives_up_waits_no_more(world: World) -> None:
    world.hold = asyncio.Event()
    task = asyncio.create_task(world.ring.ask())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "waiting=0" in repr(world.ring)


async def test_fixed_keys_hold_for_ever_and_have_nobody_to_ask() -> None:
    keys = KeySet([read_jwk(FIRST.jwk)])
    fixed = FixedKeys(keys)
    fixed.on_change(lambda: pytest.fail("they do not change"))
    assert fixed.usable(9e99) is keys
    assert (fixed.may_ask, fixed.in_doubt, fixed.is_crowded) == (False, False, False)
    assert await fixed.ask() is None  # type: ignore[func-returns-value]


def test_keys_that_are_not_to_be_had_are_no_keys() -> None:
    with pytest.raises(NoKeysError) as caught:
        FixedKeys(NO_KEYS, "not known here").usable(0.0)
    assert caught.value.found == "not known here"
