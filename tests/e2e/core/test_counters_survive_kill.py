"""The shared counters between real processes that are killed at any instruction.

Workers are forked, hammer one counter as fast as they can, and are killed without warning. The clock is an argument,
so what must come out is a number, not a range.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from portcullis.engine.ports import CounterStoreError
from portcullis.stores.shared_memory import SharedConnectionCounts, SharedCounters, locks, table
from portcullis.stores.shared_memory.locks import RecordLocks
from portcullis.stores.shared_memory.table import shared_words

SECRET = b"s" * 16
SECOND = 1_000_000_000
NOW = 1_000 * SECOND
ENDLESS = 10**9
KILLS = 200
PROCESSES = 4


@pytest.fixture(params=["robust mutexes", "record locks"], autouse=True)
def _kind_of_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of this platform, and those for platforms without robust mutexes; patient on a busy machine."""
    monkeypatch.setattr(locks, "PATIENCE", 30.0)
    if request.param == "record locks":
        monkeypatch.setattr(table, "make_locks", lambda _count: RecordLocks())


def fork(work: Callable[[], None]) -> int:
    """A process that does ``work`` and ends."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


@contextmanager
def workers(*work: Callable[[], None]) -> Iterator[list[int]]:
    """Processes that do ``work`` for ever; none is left behind."""
    pids = [fork(one) for one in work]
    try:
        yield pids
    finally:
        for pid in pids:
            kill(pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def hammer(counters: SharedCounters, passed: memoryview[int], worker: int, key: bytes = b"a") -> None:
    """Take for ever, and count in shared memory what was let through: the decision first, then the deed."""
    while True:
        if counters.take(key, 1, ENDLESS, NOW).allowed:
            passed[worker] += 1


def claim(counters: SharedCounters, passed: memoryview[int], now: int) -> None:
    """Take three times for each of as many keys as ``passed`` has places, in some order."""
    keys = range(len(passed))
    for key in random.Random(now).sample(keys, len(keys)) * 3:
        if counters.take(b"%d" % key, SECOND, 3, now).allowed:
            passed[key] += 1
    signal.pause()


def taken(counters: SharedCounters, key: bytes = b"a") -> int:
    """How many requests the counter knows of; this one included."""
    return counters.take(key, 1, ENDLESS, NOW).reset_after_ns


def test_all_processes_together_pass_exactly_the_burst_and_the_rate() -> None:
    counters, passed = SharedCounters(1024, SECRET), shared_words(PROCESSES, "Q")

    def work(worker: int) -> None:
        for second in range(5):
            for _ in range(2_000):
                passed[worker] += counters.take(b"a", SECOND // 100, 1_000, NOW + second * SECOND).allowed

    pids = [fork(partial(work, worker)) for worker in range(PROCESSES)]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * PROCESSES
    assert sum(passed) == 1_000 + 4 * 100


def test_killed_workers_stop_nobody_and_lose_at_most_one_request_each() -> None:
    counters, passed = SharedCounters(1024, SECRET), shared_words(3, "Q")
    chance = random.Random(7)
    with workers(*(partial(hammer, counters, passed, worker) for worker in (0, 1))) as survivors:
        for _ in range(KILLS):
            before = passed[2]
            moment = chance.randrange(1, 200)
            victim = fork(partial(hammer, counters, passed, 2))
            while passed[2] < before + moment:
                os.sched_yield()
            kill(victim)
            alive = list(passed[:2])
            while passed[0] == alive[0] or passed[1] == alive[1]:
                os.sched_yield()
        assert all(os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in survivors)
    known = taken(counters) - 1
    # What was counted and not served died between the two; what was served and not counted must not exist.
    assert 0 <= known - sum(passed) <= KILLS + len(survivors)


def test_the_kills_hit_the_critical_section() -> None:
    counters, passed = SharedCounters(64, SECRET), shared_words(1, "Q")
    if isinstance(counters._table.locks, RecordLocks):
        pytest.skip("the kernel drops record locks without a word")
    chance = random.Random(11)
    for _ in range(KILLS):
        if counters.recovered_locks >= 10:
            break
        before = passed[0]
        moment = chance.randrange(1, 50)
        victim = fork(partial(hammer, counters, passed, 0))
        while passed[0] < before + moment:
            os.sched_yield()
        kill(victim)
        counters.take(b"a", 1, ENDLESS, NOW)
    assert counters.recovered_locks >= 10


def test_slots_claimed_under_fire_are_never_given_to_two_keys_nor_lost() -> None:
    """One bucket whose slots are all free again in each round, and two workers that fight for them and are killed."""
    counters, keys, burst = SharedCounters(64, SECRET), range(50), 3
    chance = random.Random(13)
    for round_number in range(KILLS // 2):
        now = NOW + round_number * 100 * SECOND
        passed = shared_words(2 * len(keys), "Q")
        moment = chance.randrange(1, burst * len(keys))
        with workers(*(partial(claim, counters, passed[half:][: len(keys)], now) for half in (0, len(keys)))):
            while sum(passed) < moment:
                os.sched_yield()
        tags = [tag for tag in counters._table.tags.tolist() if tag]
        assert len(tags) == len(set(tags))
        left = [sum(counters.take(b"%d" % key, SECOND, burst, now).allowed for _ in range(burst + 1)) for key in keys]
        lost = [burst - left[key] - passed[key] - passed[len(keys) + key] for key in keys]
        assert min(lost) >= 0
        assert sum(lost) <= 2


def test_a_table_that_is_full_refuses_in_every_process() -> None:
    counters, refused = SharedCounters(64, SECRET), shared_words(PROCESSES, "Q")
    for number in range(64):
        counters.take(b"%d" % number, SECOND, 1, NOW)

    def work(worker: int) -> None:
        for number in range(64, 164):
            try:
                counters.take(b"%d" % number, SECOND, 1, NOW)
            except CounterStoreError:
                refused[worker] += 1

    pids = [fork(partial(work, worker)) for worker in range(PROCESSES)]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * PROCESSES
    assert list(refused) == [100] * PROCESSES


def test_connections_of_killed_workers_are_forgotten_and_the_limit_holds_for_the_others() -> None:
    counts, opened = SharedConnectionCounts(1024, 3, SECRET), shared_words(3, "Q")
    chance = random.Random(17)
    limit = 10

    def come_and_go(worker: int) -> None:
        held = 0
        while True:
            if counts.acquire("192.0.2.1", worker, limit):
                held += 1
            opened[worker] += 1
            if held and opened[worker] % 3:
                counts.release("192.0.2.1", worker)
                held -= 1

    with workers(partial(come_and_go, 0), partial(come_and_go, 1)):
        for _ in range(KILLS):
            before = opened[2]
            moment = chance.randrange(1, 100)
            victim = fork(partial(come_and_go, 2))
            while opened[2] < before + moment:
                os.sched_yield()
            assert counts.count("192.0.2.1") <= limit
            kill(victim)
            counts.forget(2)
    counts.forget(0)
    counts.forget(1)
    assert counts.count("192.0.2.1") == 0
    assert [counts.acquire("192.0.2.1", 2, limit) for _ in range(limit + 1)] == [True] * limit + [False]
