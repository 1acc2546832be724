from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.backoff import Backoff

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
RULE = Backoff(5, 15 * MINUTE, MINUTE, 60 * MINUTE)
START = 1_000 * MINUTE


def after(failures: int, now: int = START, word: int = 0) -> int:
    for _ in range(failures):
        word = RULE.failed(word, now)
    return word


@rows(("failures", "seconds"), [(0, 0), (1, 0), (4, 0), (5, 60), (6, 60), (50, 60)])
def test_the_failure_that_uses_the_last_room_locks_and_those_under_way_change_nothing(
    failures: int, seconds: int
) -> None:
    assert round(RULE.locked_for(after(failures), START) / SECOND) == seconds


def test_a_lock_ends_when_it_said_it_would() -> None:
    word = after(5)
    assert RULE.locked_for(word, START + MINUTE - 32) > 0
    assert RULE.locked_for(word, START + MINUTE) == 0


def test_each_further_failure_locks_for_twice_as_long_up_to_the_longest() -> None:
    word, now, pauses = after(5), START, []
    for _ in range(9):
        pauses.append(round(RULE.locked_for(word, now) / MINUTE))
        now += RULE.locked_for(word, now)
        word = RULE.failed(word, now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_failures_are_forgotten_evenly() -> None:
    word = after(4)
    assert RULE.locked_for(RULE.failed(word, START + 3 * MINUTE - SECOND), START + 3 * MINUTE) > 0
    assert RULE.locked_for(RULE.failed(word, START + 3 * MINUTE + SECOND), START + 3 * MINUTE + SECOND) == 0


def test_who_fails_no_oftener_than_is_forgotten_is_never_locked() -> None:
    word, now = 0, START
    for _ in range(200):
        word = RULE.failed(word, now)
        assert RULE.locked_for(word, now) == 0
        now += RULE.interval_ns


def test_how_long_locks_were_is_forgotten_with_the_failures() -> None:
    word = after(6)
    assert word < (later := START + MINUTE + 12 * MINUTE + 32)
    assert round(RULE.locked_for(after(5, later, word), later) / MINUTE) == 1


def test_failures_are_forgiven_and_locks_are_not() -> None:
    word = after(3)
    assert RULE.forgiven(word, 3 * RULE.interval_ns, START) == 0
    assert RULE.debt(RULE.forgiven(word, RULE.interval_ns, START), START) // MINUTE == 6
    locked = after(5)
    assert RULE.forgiven(locked, 100 * MINUTE, START) == locked
    assert RULE.forgiven(0, MINUTE, START) == 0


def test_the_number_of_locks_is_counted_no_further_than_it_can_be() -> None:
    rule = Backoff(2, 2 * SECOND, SECOND, SECOND)
    word, now = 0, START
    for _ in range(100):
        word = rule.failed(word, now)
        now += rule.locked_for(word, now)
    assert word & 31 == 31
    assert rule.locked_for(rule.failed(word, now), now) <= SECOND + 32


@given(st.lists(st.integers(0, 20 * MINUTE), max_size=60))
def test_no_time_holds_more_attempts_than_the_rule_lets_through(pauses: list[int]) -> None:
    word, made = 0, []
    for now in itertools.accumulate(pauses, initial=START):
        if not RULE.locked_for(word, now):
            made.append(now)
            word = RULE.failed(word, now)
    for first, last in itertools.combinations(range(len(made)), 2):
        length = made[last] - made[first]
        assert last - first + 1 <= RULE.failures + length // RULE.interval_ns + 1


def test_rules_that_differ_have_different_names() -> None:
    assert RULE.name != Backoff(5, 15 * MINUTE, MINUTE, 61 * MINUTE).name
