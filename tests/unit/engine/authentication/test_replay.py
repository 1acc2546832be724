from __future__ import annotations

import pytest

from portcullis.engine.authentication.replay import MAX_SECONDS, SingleUse
from portcullis.engine.ports import CounterStoreError
from portcullis.testing.fakes import FakeClock, FakeCounters


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def counters() -> FakeCounters:
    return FakeCounters()


@pytest.fixture
def once(clock: FakeClock, counters: FakeCounters) -> SingleUse:
    return SingleUse("jti", counters, clock)


def test_the_first_use_wins(once: SingleUse) -> None:
    assert once.is_first("a", 60)
    assert not once.is_first("a", 60)
    assert once.is_first("b", 60)
    assert once.is_first(b"c", 60)
    assert not once.is_first("c", 60)


def test_a_use_is_remembered_for_as_long_as_the_thing_lasts(once: SingleUse, clock: FakeClock) -> None:
    assert once.is_first("a", 60)
    for _ in range(60):
        clock.advance(1)
        assert not once.is_first("a", 60)
    assert not once.is_first("a", 0)


def test_that_a_thing_is_said_to_end_sooner_does_not_free_it(once: SingleUse, clock: FakeClock) -> None:
    assert once.is_first("a", 60)
    clock.advance(30)
    for seconds in (0, 1, 29, 30, 31, 1000):
        assert not once.is_first("a", seconds)


def test_uses_of_different_kinds_have_nothing_to_do_with_one_another(counters: FakeCounters, clock: FakeClock) -> None:
    assert SingleUse("jti https://a", counters, clock).is_first("x", 60)
    assert SingleUse("jti https://b", counters, clock).is_first("x", 60)
    assert not SingleUse("jti https://a", counters, clock).is_first("x", 60)


def test_what_lasts_too_long_can_not_be_remembered(once: SingleUse) -> None:
    assert once.is_first("a", MAX_SECONDS)
    with pytest.raises(ValueError, match="86400 s at most"):
        once.is_first("b", MAX_SECONDS + 1)


def test_a_store_that_can_not_be_reached_is_no_first_use(once: SingleUse, counters: FakeCounters) -> None:
    counters.broken = True
    with pytest.raises(CounterStoreError):
        once.is_first("a", 60)


def test_names_of_any_length(once: SingleUse) -> None:
    assert once.is_first("x" * 10_000, 60)
    assert not once.is_first("x" * 10_000, 60)


def test_a_use_that_came_to_nothing_is_given_back(once: SingleUse) -> None:
    once.give_back("a")
    assert once.is_first("a", 60)
    once.give_back("a")
    assert once.is_first("a", 60)
    assert not once.is_first("a", 60)
