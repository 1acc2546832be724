"""Counters of one process."""

from __future__ import annotations

import pytest

from portcullis.engine import gcra
from portcullis.engine.ports import CounterStoreError
from portcullis.stores.local_counters import MAKE_ROOM_EVERY_NS, LocalCounters

SECOND = 1_000_000_000


def test_counting_is_gcra_for_each_key() -> None:
    counters = LocalCounters()
    tat = 0
    for now in (0, 1, SECOND // 2, SECOND, 3 * SECOND, 3 * SECOND + 1):
        tat, expected = gcra.take(tat, SECOND, 2, now)
        assert counters.take(b"a", SECOND, 2, now) == expected
    assert counters.take(b"b", SECOND, 2, 3 * SECOND + 1).remaining == 1


def test_a_refused_request_does_not_count() -> None:
    counters = LocalCounters()
    assert counters.take(b"a", SECOND, 1, 0).allowed
    for _ in range(5):
        assert not counters.take(b"a", SECOND, 1, SECOND // 2).allowed
    assert counters.take(b"a", SECOND, 1, SECOND).allowed


def test_a_full_store_refuses_to_answer_for_new_keys_only() -> None:
    counters = LocalCounters(capacity=2)
    counters.take(b"a", SECOND, 5, 0)
    counters.take(b"b", SECOND, 5, 0)
    with pytest.raises(CounterStoreError):
        counters.take(b"c", SECOND, 5, 0)
    assert counters.take(b"a", SECOND, 5, 0).allowed


def test_counters_without_debt_make_room() -> None:
    counters = LocalCounters(capacity=2)
    counters.take(b"a", SECOND, 5, 0)
    counters.take(b"b", 10 * SECOND, 1, 0)
    assert counters.take(b"c", SECOND, 5, SECOND).allowed
    assert not counters.take(b"b", 10 * SECOND, 1, SECOND).allowed


def test_a_flood_of_new_keys_does_not_look_for_room_at_every_request() -> None:
    counters = LocalCounters(capacity=1)
    counters.take(b"a", 10, 1, 0)
    counters.take(b"b", 10, 1, 10)
    with pytest.raises(CounterStoreError):
        counters.take(b"c", 10, 1, 20)
    assert counters.take(b"c", 10, 1, 10 + MAKE_ROOM_EVERY_NS).allowed


def test_a_moment_is_remembered_until_it_has_come_and_replaced_only_as_it_is() -> None:
    counters = LocalCounters(capacity=1)
    assert counters.recall(b"a", 0) == 0
    assert counters.replace(b"a", 0, 5, 0)
    assert counters.recall(b"a", 4) == 5
    assert not counters.replace(b"a", 4, 9, 4)
    assert counters.replace(b"a", 5, 9, 4)
    with pytest.raises(CounterStoreError):
        counters.replace(b"b", 0, 9, 4)
    assert counters.recall(b"a", 9) == 0
    later = 2 * MAKE_ROOM_EVERY_NS
    assert counters.replace(b"b", 0, later + 1, later)
