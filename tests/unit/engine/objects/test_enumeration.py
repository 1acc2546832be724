"""One caller is refused many different objects."""

from __future__ import annotations

import msgspec
import pytest
from rule_samples import ALICE

from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.ports import CounterStoreError
from portcullis.testing import FakeClock, FakeCounters


def facts_of(identity: Identity) -> Facts:
    facts = Facts()
    facts.identity = identity
    return facts


ME, BOB = facts_of(ALICE), facts_of(Identity("api_key", "bob", consumer=Consumer("bob")))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def enumeration(clock: FakeClock) -> Enumeration:
    return Enumeration(FakeCounters(), clock, "shop", 5, 60)


def refused(enumeration: Enumeration, *objects: object, facts: Facts = ME) -> list[bool]:
    return [enumeration.refused(facts, f"/orders/{each}".encode()) for each in objects]


def test_so_many_different_objects_are_many(enumeration: Enumeration) -> None:
    assert refused(enumeration, *range(5)) == [False, False, False, False, True]
    assert refused(enumeration, 5, 6) == [True, True]


def test_the_same_object_again_is_no_other(enumeration: Enumeration) -> None:
    assert not any(refused(enumeration, *[1] * 50))


def test_callers_are_counted_each_for_himself(enumeration: Enumeration) -> None:
    refused(enumeration, *range(4))
    assert refused(enumeration, *range(4), facts=BOB) == [False] * 4
    assert refused(enumeration, 4) == [True]


def test_time_makes_them_few_again(enumeration: Enumeration, clock: FakeClock) -> None:
    refused(enumeration, *range(5))
    clock.advance(60)
    assert refused(enumeration, *range(4)) == [False] * 4


def test_slowly_is_not_many(enumeration: Enumeration, clock: FakeClock) -> None:
    for number in range(50):
        assert refused(enumeration, number) == [False]
        clock.advance(13)


def test_nobody_in_particular_is_not_counted(enumeration: Enumeration) -> None:
    nobody = facts_of(ANONYMOUS)
    assert not any(refused(enumeration, *range(50), facts=nobody))
    assert enumeration.is_locked(nobody) is None


def test_who_has_no_consumer_is_counted_by_its_subject(enumeration: Enumeration) -> None:
    some = facts_of(Identity("jwt", "alice"))
    assert refused(enumeration, *range(5), facts=some)[-1]
    assert refused(enumeration, 1, facts=facts_of(Identity("mtls", "alice"))) == [False]


@pytest.fixture
def locking(clock: FakeClock) -> Enumeration:
    return Enumeration(FakeCounters(), clock, "shop", 5, 60, locks=True)


def test_a_caller_is_locked_for_a_while(locking: Enumeration, clock: FakeClock) -> None:
    assert locking.is_locked(ME) is None
    refused(locking, *range(4))
    assert locking.is_locked(ME) is None
    refused(locking, 4)
    taken = locking.is_locked(ME)
    assert taken is not None
    assert taken.retry_after_ns == pytest.approx(60e9, abs=2000)
    assert locking.is_locked(BOB) is None
    clock.advance(59)
    assert locking.is_locked(ME) is not None
    clock.advance(1)
    assert locking.is_locked(ME) is None


def test_who_goes_on_is_locked_again(locking: Enumeration, clock: FakeClock) -> None:
    refused(locking, *range(5))
    clock.advance(61)
    assert locking.is_locked(ME) is None
    refused(locking, *range(5))
    assert locking.is_locked(ME) is not None


def test_without_a_lock_nobody_is_locked(enumeration: Enumeration) -> None:
    refused(enumeration, *range(50))
    assert enumeration.is_locked(ME) is None


def test_asking_locks_nobody(locking: Enumeration, clock: FakeClock) -> None:
    for _ in range(10_000):
        assert locking.is_locked(ME) is None
        clock.advance(2e-9)


def test_a_million_objects_take_no_more_room_than_a_few(clock: FakeClock) -> None:
    counters = FakeCounters()
    enumeration = Enumeration(counters, clock, "shop", 5, 60)
    refused(enumeration, *range(2000))
    assert len(counters._arrivals) <= 256 + 1


def test_counters_that_can_not_be_reached_are_told(clock: FakeClock) -> None:
    counters = FakeCounters()
    counters.broken = True
    enumeration = Enumeration(counters, clock, "shop", 5, 60)
    with pytest.raises(CounterStoreError):
        refused(enumeration, 1)
    with pytest.raises(CounterStoreError):
        msgspec.structs.replace(enumeration, locks=True).is_locked(ME)
