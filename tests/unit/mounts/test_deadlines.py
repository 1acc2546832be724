"""Deadlines and the sweep that looks at them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from portcullis.mounts.deadlines import RETRY_NS, Deadlines


class Waiter:
    def __init__(self, deadline: int, then: Callable[[], object] = lambda: None) -> None:
        self.deadline = deadline
        self.then = then
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        self.then()


class Now:
    def __init__(self) -> None:
        self.ns = 1000
        self.deadlines = Deadlines(lambda: self.ns)

    def watch(self, *waiters: Waiter) -> None:
        for waiter in waiters:
            self.deadlines.add(waiter)

    def sweep_at(self, ns: int) -> None:
        self.ns = ns
        self.deadlines.sweep()


@pytest.fixture
def now() -> Now:
    return Now()


def test_a_deadline_strikes_when_it_has_passed_and_not_before(now: Now) -> None:
    waiter = Waiter(2000)
    now.watch(waiter)
    now.sweep_at(1999)
    assert waiter.expired == 0
    now.sweep_at(2000)
    assert waiter.expired == 1


def test_it_strikes_once_for_each_time_it_is_set(now: Now) -> None:
    waiter = Waiter(2000)
    now.watch(waiter)
    now.sweep_at(3000)
    now.sweep_at(4000)
    assert (waiter.expired, waiter.deadline) == (1, 0)
    waiter.deadline = 5000
    now.sweep_at(5000)
    assert waiter.expired == 2


def test_without_a_deadline_nothing_strikes(now: Now) -> None:
    waiter = Waiter(0)
    now.watch(waiter)
    now.sweep_at(10**18)
    assert waiter.expired == 0


def test_what_is_watched_no_more_does_not_expire(now: Now) -> None:
    waiter = Waiter(2000)
    now.watch(waiter, waiter)
    assert len(now.deadlines) == 1
    now.deadlines.discard(waiter)
    now.deadlines.discard(waiter)
    now.sweep_at(3000)
    assert (waiter.expired, len(now.deadlines)) == (0, 0)


def test_one_that_expires_may_set_a_new_deadline(now: Now) -> None:
    waiter = Waiter(2000)
    waiter.then = lambda: setattr(waiter, "deadline", 9000)
    now.watch(waiter)
    now.sweep_at(2000)
    assert waiter.deadline == 9000


@pytest.mark.parametrize("moved", [0, 9000])
def test_what_an_expiry_ends_or_moves_does_not_expire_in_the_same_sweep(now: Now, moved: int) -> None:
    first, second = Waiter(2000), Waiter(2000)
    for one, other in ((first, second), (second, first)):
        one.then = lambda other=other: setattr(other, "deadline", moved)  # type: ignore[misc]
    now.watch(first, second)
    now.sweep_at(2000)
    assert first.expired + second.expired == 1


def test_what_an_expiry_takes_off_the_watch_does_not_expire_in_the_same_sweep(now: Now) -> None:
    first, second = Waiter(2000), Waiter(2000)
    first.then = lambda: now.deadlines.discard(second)
    second.then = lambda: now.deadlines.discard(first)
    now.watch(first, second)
    now.sweep_at(2000)
    assert first.expired + second.expired == 1


def test_what_is_added_during_a_sweep_is_looked_at_in_the_next(now: Now) -> None:
    late = Waiter(1)
    early = Waiter(1, lambda: now.deadlines.add(late))
    now.watch(early)
    now.sweep_at(2000)
    assert (early.expired, late.expired) == (1, 0)
    now.sweep_at(2001)
    assert late.expired == 1


def test_one_that_fails_is_reported_tried_again_and_keeps_nobody_from_expiring(
    now: Now, caplog: pytest.LogCaptureFixture
) -> None:
    failing = [Waiter(2000, lambda: 1 / 0) for _ in range(3)]
    sound = [Waiter(2000) for _ in range(3)]
    now.watch(*failing, *sound)
    with caplog.at_level(logging.ERROR):
        now.sweep_at(2000)
    assert [waiter.expired for waiter in (*failing, *sound)] == [1] * 6
    assert len(caplog.records) == 3
    now.sweep_at(2000 + RETRY_NS)
    assert [waiter.expired for waiter in (*failing, *sound)] == [2, 2, 2, 1, 1, 1]
