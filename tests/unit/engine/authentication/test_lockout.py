from __future__ import annotations

import warnings
from collections.abc import Awaitable
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.authentication.lockout import (
    LOCKED_OUT,
    AddressAttempts,
    AddressLockout,
    Attempts,
    Lockout,
    guarded,
)
from portcullis.engine.authentication.proof import ABSENT, FAILED, UNAVAILABLE, NotMine, Outcome
from portcullis.engine.backoff import Backoff
from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.ports import CounterStoreError
from portcullis.testing import FakeClock, FakeCounters, make_request

MINUTE = 60_000_000_000
ALICE = Identity("test", "alice")
WRONG = Refuse(FAILED)
EXPIRED = Code("authenticate.expired", 401, "It was good once", FAILED)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def counters() -> FakeCounters:
    return FakeCounters()


@pytest.fixture
def lockout(counters: FakeCounters, clock: FakeClock) -> Lockout:
    return Lockout("staff", "addresses", Backoff(3, 15 * MINUTE, MINUTE, 8 * MINUTE), counters, clock)


async def _try(lockout: Lockout, outcome: Outcome, client: str = "192.0.2.7") -> Any:
    prove = guarded(lambda *_: outcome, lockout, "#/identities/staff", {EXPIRED})
    decided = prove(make_request("GET", "/", client=client), Facts())
    return await decided if isinstance(decided, Awaitable) else decided


async def _later(outcome: Any) -> Any:
    return outcome


def test_three_failures_lock_and_the_lock_ends(lockout: Lockout, clock: FakeClock) -> None:
    assert [lockout.failed("a") for _ in range(3)] == [0, 0, 60]
    assert (lockout.locked_for("a"), lockout.locked_for("b")) == (60, 0)
    clock.advance(59.5)
    assert lockout.locked_for("a") == 1
    clock.advance(0.6)
    assert lockout.locked_for("a") == 0
    assert lockout.failed("a") == 120


def test_failures_can_be_taken_back(lockout: Lockout) -> None:
    lockout.failed("a")
    lockout.failed("a")
    lockout.forgive("a", 20 * MINUTE)
    assert lockout.failed("a") == 0


def test_identities_kinds_and_rules_are_counted_apart(counters: FakeCounters, clock: FakeClock) -> None:
    rule = Backoff(2, 15 * MINUTE, MINUTE, MINUTE)
    others = [("staff", "users", rule), ("others", "addresses", rule), ("staff", "addresses", Backoff(9, 9, 9, 9))]
    first = Lockout("staff", "addresses", rule, counters, clock)
    first.failed("a")
    first.failed("a")
    assert first.locked_for("a") == 60
    assert [Lockout(*other, counters, clock).locked_for("a") for other in others] == [0, 0, 0]


def test_a_count_that_another_worker_changes_meanwhile_is_not_lost(lockout: Lockout, counters: FakeCounters) -> None:
    recall = counters.recall
    interrupted = []

    def interrupt(key: bytes, now_ns: int) -> int:
        word = recall(key, now_ns)
        if not interrupted:
            interrupted.append(1)
            lockout.failed("a")
        return word

    counters.recall = interrupt  # type: ignore[method-assign]
    lockout.failed("a")
    assert lockout.failed("a") == 60


def test_a_count_that_never_stands_still_is_no_count(lockout: Lockout, counters: FakeCounters) -> None:
    counters.replace = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(CounterStoreError):
        lockout.failed("a")


async def test_a_locked_address_gets_429_for_whatever_it_presents(lockout: Lockout) -> None:
    for _ in range(3):
        assert await _try(lockout, WRONG) is WRONG
    for outcome in (WRONG, ALICE, _later(ALICE)):
        refusal = await _try(lockout, outcome)
        assert (refusal.code, refusal.status) == (LOCKED_OUT, 429)
        assert refusal.fields == ((b"retry-after", b"60"),)
        assert refusal.detail == "Try again in 60 seconds."
    assert await _try(lockout, ALICE, client="192.0.2.8") is ALICE


async def test_whoever_presents_nothing_is_not_concerned(lockout: Lockout) -> None:
    for _ in range(3):
        await _try(lockout, WRONG)
    assert await _try(lockout, ABSENT) == ABSENT
    foreign = NotMine(WRONG)
    assert await _try(lockout, foreign) is foreign


async def test_what_waits_is_not_begun_for_a_locked_address(lockout: Lockout) -> None:
    for _ in range(3):
        await _try(lockout, _later(WRONG))
    begun = []

    async def ask() -> Identity:
        begun.append(1)
        return ALICE

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await _try(lockout, ask())).code is LOCKED_OUT
    assert begun == []


@rows("outcome", [ALICE, Refuse(EXPIRED), Refuse(UNAVAILABLE)])
async def test_what_is_no_guess_does_not_count(lockout: Lockout, outcome: Outcome) -> None:
    for _ in range(9):
        assert await _try(lockout, outcome) == outcome
    assert lockout.locked_for("192.0.2.7") == 0


async def test_ipv6_addresses_are_counted_by_64_bits(lockout: Lockout) -> None:
    for last in range(3):
        await _try(lockout, WRONG, client=f"2001:db8:0:1::{last}")
    assert (await _try(lockout, ALICE, client="2001:db8:0:1:ffff::1")).code is LOCKED_OUT
    assert await _try(lockout, ALICE, client="2001:db8:0:2::1") is ALICE


async def test_a_success_in_between_does_not_help_an_address(lockout: Lockout) -> None:
    for _ in range(3):
        await _try(lockout, WRONG)
        await _try(lockout, ALICE)
    assert (await _try(lockout, ALICE)).code is LOCKED_OUT


@rows("outcome", [WRONG, ALICE])
async def test_where_nothing_can_be_counted_nobody_passes(
    lockout: Lockout, counters: FakeCounters, outcome: Outcome
) -> None:
    counters.broken = True
    assert (await _try(lockout, outcome)).code is UNAVAILABLE


async def test_a_failure_that_can_not_be_counted_is_refused_as_such(lockout: Lockout, counters: FakeCounters) -> None:
    counters.replace = lambda *_: False  # type: ignore[method-assign]
    assert (await _try(lockout, WRONG)).code is UNAVAILABLE


def test_a_name_of_any_length_can_be_counted(lockout: Lockout) -> None:
    for name in ("\ud800", "n" * 100_000):
        assert [lockout.failed(name) for _ in range(3)] == [0, 0, 60]


def test_settings_are_times_and_numbers() -> None:
    read = Attempts.model_validate({"failures": 3, "within": "10m", "for": "30s", "up_to": "1h"})
    assert read.backoff == Backoff(3, 10 * MINUTE, MINUTE // 2, 60 * MINUTE)
    assert Attempts().backoff == Backoff(5, 15 * MINUTE, MINUTE, 60 * MINUTE)
    assert AddressAttempts().failures == 20
    assert AddressLockout.model_validate({"per_address": {"failures": 9}}).per_address.failures == 9


@rows(
    "settings",
    [{"failures": 1}, {"failures": 1001}, {"within": "0s"}, {"for": "2h"}, {"for": "1h", "up_to": "59m"}, {"fr": "1m"}],
)
def test_settings_that_could_not_work_are_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Attempts.model_validate(settings)
