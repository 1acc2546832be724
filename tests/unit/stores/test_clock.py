"""The clocks of this machine."""

from __future__ import annotations

import time

from portcullis.stores.clock import SystemClock


def test_the_clock_is_the_monotonic_one_that_all_processes_share() -> None:
    before = time.monotonic_ns()
    now = SystemClock().now_ns()
    assert before <= now <= time.monotonic_ns()
    assert isinstance(now, int)


def test_the_wall_clock_is_unix_time() -> None:
    before = time.time()
    assert before <= SystemClock().wall_s() <= time.time()
