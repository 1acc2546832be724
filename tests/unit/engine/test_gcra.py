"""GCRA against an exact model of the thing it stands for: a bucket of tokens, in fractions, refilled continuously."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine import gcra

SECOND = gcra.NANOSECONDS


class Bucket:
    """``burst`` tokens at first, one more every ``interval``; nothing is ever rounded."""

    def __init__(self, interval: int, burst: int) -> None:
        self.interval, self.burst = interval, burst
        self.tokens = Fraction(burst)
        self.now = 0

    def take(self, now: int) -> bool:
        self.tokens = min(Fraction(self.burst), self.tokens + Fraction(now - self.now, self.interval))
        self.now = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    @property
    def until_next(self) -> Fraction:
        return max(Fraction(0), (1 - self.tokens) * self.interval)

    @property
    def until_full(self) -> Fraction:
        return (self.burst - self.tokens) * self.interval


@given(
    interval=st.integers(1, 5000),
    burst=st.integers(1, 20),
    pauses=st.lists(st.integers(0, 20_000) | st.integers(0, 100), max_size=100),
)
def test_it_decides_as_an_exact_token_bucket_does(interval: int, burst: int, pauses: list[int]) -> None:
    bucket = Bucket(interval, burst)
    tat = now = 0
    for pause in pauses:
        now += pause
        before = tat
        tat, taken = gcra.take(tat, interval, burst, now)
        assert taken.allowed == bucket.take(now)
        assert taken.remaining == bucket.tokens // 1
        assert taken.reset_after_ns == bucket.until_full
        assert taken.retry_after_ns == (0 if taken.allowed else bucket.until_next)
        assert taken.allowed or tat == before


@given(
    interval=st.integers(1, 10**12), burst=st.integers(1, 1000), tat=st.integers(0, 10**15), now=st.integers(0, 10**15)
)
def test_what_retry_after_promises_holds_to_the_nanosecond(interval: int, burst: int, tat: int, now: int) -> None:
    tat, taken = gcra.take(tat, interval, burst, now)
    if not taken.allowed:
        assert not gcra.take(tat, interval, burst, now + taken.retry_after_ns - 1)[1].allowed
        assert gcra.take(tat, interval, burst, now + taken.retry_after_ns)[1].allowed


def test_a_fresh_counter_gives_the_burst_and_then_one_an_interval() -> None:
    tat = 0
    answers = []
    for now in [*[100 * SECOND] * 4, 101 * SECOND, 101 * SECOND]:
        tat, taken = gcra.take(tat, SECOND, 3, now)
        answers.append(taken.allowed)
    assert answers == [True, True, True, False, True, False]


def test_a_clock_reading_from_before_the_last_one_gains_nothing() -> None:
    tat, _ = gcra.take(0, SECOND, 1, 100 * SECOND)
    assert not gcra.take(tat, SECOND, 1, 99 * SECOND)[1].allowed


@rows(
    ("requests", "seconds", "expected"),
    [(60, 60, SECOND), (7, 1, 142_857_143), (1, 86400, 86400 * SECOND), (10**6, 1, 1000), (3, 10, 3_333_333_334)],
)
def test_the_interval_is_rounded_up_so_that_no_rate_is_exceeded(requests: int, seconds: int, expected: int) -> None:
    assert gcra.interval_ns(requests, seconds) == expected
    assert expected * requests >= seconds * SECOND
