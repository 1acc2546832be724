from __future__ import annotations

from portcullis.mounts.http2.allowance import MOST_EARNED, Allowance
from portcullis.testing import FakeClock


def test_as_many_as_a_minute_has_may_be_used_at_once():
    allowance = Allowance(3, FakeClock().now_ns)
    assert [allowance.spend() for _ in range(4)] == [True, True, True, False]


def test_they_come_back_as_time_passes():
    clock = FakeClock()
    allowance = Allowance(60, clock.now_ns)
    assert all(allowance.spend() for _ in range(60))
    clock.advance(2)
    assert [allowance.spend() for _ in range(3)] == [True, True, False]
    clock.advance(10_000)
    assert sum(allowance.spend() for _ in range(100)) == 60


def test_useful_work_earns_some_for_later():
    allowance = Allowance(2, FakeClock().now_ns)
    allowance.earn(3)
    assert [allowance.spend() for _ in range(6)] == [True] * 5 + [False]
    allowance.earn(1)
    assert [allowance.spend() for _ in range(2)] == [True, False]


def test_what_is_earned_is_bounded():
    allowance = Allowance(2, FakeClock().now_ns)
    allowance.earn(10**9)
    assert sum(allowance.spend() for _ in range(MOST_EARNED + 10)) == MOST_EARNED + 2
