from __future__ import annotations

import os
import signal
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine import gcra
from portcullis.engine.ports import CounterStoreError
from portcullis.stores.shared_memory import locks
from portcullis.stores.shared_memory.counters import GRACE_NS, SharedCounters
from portcullis.stores.shared_memory.table import WAYS

SECOND = 1_000_000_000
SECRET = b"s" * 16


@pytest.fixture
def counters() -> SharedCounters:
    """One bucket: every key meets every other."""
    return SharedCounters(WAYS, SECRET)


def fill(counters: SharedCounters, now: int) -> None:
    for number in range(WAYS):
        assert counters.take(b"other %d" % number, SECOND, 10, now).allowed


def test_a_burst_passes_and_then_one_an_interval(counters: SharedCounters) -> None:
    now = 5 * SECOND
    assert [counters.take(b"a", SECOND, 2, now).allowed for _ in range(3)] == [True, True, False]
    assert counters.take(b"a", SECOND, 2, now + SECOND - 1).retry_after_ns == 1
    assert [counters.take(b"a", SECOND, 2, now + SECOND).allowed for _ in range(2)] == [True, False]


def test_keys_are_counted_apart(counters: SharedCounters) -> None:
    assert counters.take(b"a", SECOND, 1, 0).allowed
    assert counters.take(b"b", SECOND, 1, 0).allowed
    assert not counters.take(b"a", SECOND, 1, 0).allowed


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(st.tuples(st.sampled_from([b"%d" % n for n in range(30)]), st.integers(0, 3 * SECOND)), max_size=150))
def test_it_counts_as_a_dictionary_of_exact_counters_does(calls: list[tuple[bytes, int]]) -> None:
    counters = SharedCounters(WAYS, SECRET)
    expected: dict[bytes, int] = defaultdict(int)
    now = 0
    for key, pause in calls:
        now += pause
        expected[key], taken = gcra.take(expected[key], SECOND, 3, now)
        assert counters.take(key, SECOND, 3, now) == taken


def test_two_processes_count_in_one_place(counters: SharedCounters) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if counters.take(b"a", SECOND, 1, 0).allowed else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert not counters.take(b"a", SECOND, 1, 0).allowed


def test_a_key_without_debt_makes_room_for_another_and_begins_afresh(counters: SharedCounters) -> None:
    fill(counters, now=SECOND)
    assert counters.take(b"new", SECOND, 10, 2 * SECOND + GRACE_NS).allowed
    assert counters.take(b"other 0", SECOND, 10, 2 * SECOND + GRACE_NS).remaining == 9


def test_a_slot_is_kept_for_a_while_after_its_debt_so_that_late_clock_readings_find_it(
    counters: SharedCounters,
) -> None:
    fill(counters, now=SECOND)
    with pytest.raises(CounterStoreError):
        counters.take(b"new", SECOND, 10, 2 * SECOND + GRACE_NS - 1)


def test_a_full_table_refuses_new_keys_counts_that_and_goes_on_for_the_others(counters: SharedCounters) -> None:
    fill(counters, now=0)
    for _ in range(2):
        with pytest.raises(CounterStoreError, match="counter_slots"):
            counters.take(b"new", SECOND, 10, 0)
    assert counters.refused_for_room == 2
    assert counters.take(b"other 5", SECOND, 10, 0).remaining == 8


def test_another_process_that_moved_a_key_is_followed(counters: SharedCounters) -> None:
    counters.take(b"a", SECOND, 2, 0)
    later = 10 * SECOND
    pid = os.fork()
    if pid == 0:
        fill(counters, now=later)
        counters.take(b"a", SECOND, 2, later + 100 * SECOND)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert counters.take(b"a", SECOND, 2, later + 100 * SECOND).remaining == 0


def test_a_stopped_worker_makes_the_store_fail_rather_than_wait(
    counters: SharedCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.01)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        handle = counters._table.place(b"a")[2]
        counters._table.locks.try_lock(handle)
        os.write(writer, b"x")
        signal.pause()
        os._exit(0)
    os.read(reader, 1)
    try:
        with pytest.raises(CounterStoreError):
            counters.take(b"a", SECOND, 1, 0)
        with pytest.raises(CounterStoreError):
            counters.recall(b"a", 0)
        with pytest.raises(CounterStoreError):
            counters.replace(b"a", 0, SECOND, 0)
        assert counters.refused_for_lock == 3
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)
    assert counters.take(b"a", SECOND, 1, 0).allowed
    assert counters.recovered_locks == 1


def test_a_moment_is_remembered_until_it_has_come(counters: SharedCounters) -> None:
    assert counters.recall(b"a", 0) == 0
    assert counters.replace(b"a", 0, 5 * SECOND + 3, 0)
    assert counters.recall(b"a", 5 * SECOND) == 5 * SECOND + 3
    assert counters.recall(b"b", 0) == 0
    assert counters.recall(b"a", 5 * SECOND + 3) == 0
    assert counters.replace(b"a", 0, 9 * SECOND, 6 * SECOND)


def test_a_moment_that_has_changed_meanwhile_is_not_replaced(counters: SharedCounters) -> None:
    counters.replace(b"a", 0, 5 * SECOND, 0)
    assert not counters.replace(b"a", 0, 7 * SECOND, 0)
    assert counters.replace(b"a", 5 * SECOND, 7 * SECOND, 0)
    assert counters.recall(b"a", 0) == 7 * SECOND


def test_asking_for_what_nobody_has_noted_takes_no_room(counters: SharedCounters) -> None:
    fill(counters, now=0)
    assert counters.recall(b"new", 0) == 0
    with pytest.raises(CounterStoreError, match="counter_slots"):
        counters.replace(b"new", 0, SECOND, 0)


def test_moments_are_the_same_in_every_process_wherever_they_were_put(counters: SharedCounters) -> None:
    counters.replace(b"a", 0, SECOND, 0)
    later = 10 * SECOND
    pid = os.fork()
    if pid == 0:
        fill(counters, now=later)
        counters.replace(b"a", 0, later + 100 * SECOND, later + 5 * SECOND)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert counters.recall(b"a", later + 5 * SECOND) == later + 100 * SECOND


@rows("slots", [WAYS, 4 * WAYS, 64 * WAYS])
def test_debts_can_be_taken_over_by_a_table_of_another_size(slots: int) -> None:
    before, after = SharedCounters(16 * WAYS, SECRET), SharedCounters(slots, SECRET)
    now = 100 * SECOND
    for number in range(40):
        before.take(b"%d" % number, SECOND, 1, now)
    before.take(b"long ago", SECOND, 1, SECOND)
    debts = list(before.debts(now))
    assert len(debts) == 40
    assert after.restore(debts, now) == 40
    assert not any(after.take(b"%d" % number, SECOND, 1, now).allowed for number in range(40))
    assert after.take(b"long ago", SECOND, 1, now).allowed


def test_a_smaller_table_keeps_the_greatest_debts(counters: SharedCounters) -> None:
    counters.restore([(tag, SECOND * tag) for tag in range(1, 2 * WAYS + 1)], 0)
    assert sorted(tag for tag, _ in counters.debts(0)) == list(range(WAYS + 1, 2 * WAYS + 1))
