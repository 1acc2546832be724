from __future__ import annotations

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rows import rows

from portcullis.stores.shared_memory.connections import MAX_WORKERS, SharedConnectionCounts
from portcullis.stores.shared_memory.table import WAYS

SECRET = b"s" * 16
ADDRESSES = ["192.0.2.1", "192.0.2.2", "2001:db8::1"]


@pytest.fixture
def counts() -> SharedConnectionCounts:
    return SharedConnectionCounts(WAYS, 4, SECRET)


def test_the_limit_holds_over_all_workers(counts: SharedConnectionCounts) -> None:
    assert [counts.acquire("192.0.2.1", worker, 3) for worker in (0, 1, 2, 0, 1)] == [True] * 3 + [False] * 2
    assert counts.acquire("192.0.2.2", 0, 3)
    counts.release("192.0.2.1", 1)
    assert [counts.acquire("192.0.2.1", worker, 3) for worker in (3, 3)] == [True, False]


def test_ipv6_clients_are_counted_by_network(counts: SharedConnectionCounts) -> None:
    assert counts.acquire("2001:db8::1", 0, 1)
    assert not counts.acquire("2001:db8::ffff", 1, 1)
    assert counts.acquire("2001:db8:0:1::1", 0, 1)
    counts.release("2001:db8::1", 0)
    assert counts.acquire("2001:db8::2", 0, 1)


def test_what_a_dead_worker_had_counted_is_forgotten(counts: SharedConnectionCounts) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if all(counts.acquire("192.0.2.1", 1, 5) for _ in range(5)) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert not counts.acquire("192.0.2.1", 0, 5)
    counts.forget(1)
    assert counts.count("192.0.2.1") == 0
    assert counts.acquire("192.0.2.1", 1, 1)
    assert not counts.acquire("192.0.2.1", 0, 1)


def test_a_worker_taken_for_dead_does_no_harm_when_it_releases(counts: SharedConnectionCounts) -> None:
    assert counts.acquire("192.0.2.1", 1, 5)
    counts.forget(1)
    assert counts.acquire("192.0.2.1", 0, 5)
    counts.release("192.0.2.1", 1)
    assert counts.count("192.0.2.1") == 1


def test_a_release_without_a_connection_is_harmless(counts: SharedConnectionCounts) -> None:
    counts.release("192.0.2.1", 0)
    assert counts.acquire("192.0.2.1", 0, 5)
    counts.release("192.0.2.1", 0)
    counts.release("192.0.2.1", 0)
    assert counts.count("192.0.2.1") == 0


def test_a_full_table_refuses_new_clients_and_counts_that(counts: SharedConnectionCounts) -> None:
    for number in range(WAYS):
        assert counts.acquire(f"192.0.2.{number}", number % 4, 5)
    assert not counts.acquire("198.51.100.1", 0, 5)
    assert counts.refused_for_room == 1
    assert counts.acquire("192.0.2.4", 0, 5)
    counts.release("192.0.2.9", 1)
    assert counts.acquire("198.51.100.1", 0, 5)


def test_the_slots_of_a_dead_worker_are_free(counts: SharedConnectionCounts) -> None:
    for number in range(WAYS):
        assert counts.acquire(f"192.0.2.{number}", 1, 5)
    counts.forget(1)
    for number in range(WAYS):
        assert counts.acquire(f"198.51.100.{number}", 0, 5)


def test_nothing_is_remembered_of_closed_connections(counts: SharedConnectionCounts) -> None:
    for number in range(256):
        counts.acquire(f"192.0.2.{number}", 0, 5)
        counts.release(f"192.0.2.{number}", 0)
    assert counts._open == {}


@rows("workers", [0, MAX_WORKERS + 1])
def test_the_number_of_workers_is_bounded(workers: int) -> None:
    with pytest.raises(ValueError, match="workers"):
        SharedConnectionCounts(WAYS, workers, SECRET)


class Connections(RuleBasedStateMachine):
    """Against a list of who has which connection open."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = SharedConnectionCounts(WAYS, 3, SECRET)
        self.open: list[tuple[str, int]] = []

    @rule(address=st.sampled_from(ADDRESSES), worker=st.integers(0, 2), limit=st.integers(1, 6))
    def connect(self, address: str, worker: int, limit: int) -> None:
        expected = sum(1 for other, _ in self.open if other == address) < limit
        assert self.counts.acquire(address, worker, limit) == expected
        if expected:
            self.open.append((address, worker))

    @rule(choice=st.randoms(use_true_random=False))
    def disconnect(self, choice: object) -> None:
        if self.open:
            address, worker = self.open.pop(choice.randrange(len(self.open)))  # type: ignore[attr-defined]
            self.counts.release(address, worker)

    @rule(worker=st.integers(0, 2))
    def die(self, worker: int) -> None:
        self.counts.forget(worker)
        self.counts._open = {key: slot for key, slot in self.counts._open.items() if key[1] != worker}
        self.open = [(address, other) for address, other in self.open if other != worker]

    @invariant()
    def counts_agree(self) -> None:
        for address in ADDRESSES:
            assert self.counts.count(address) == sum(1 for other, _ in self.open if other == address)


Connections.TestCase.settings = settings(
    max_examples=settings.default.max_examples // 4, stateful_step_count=40, deadline=None
)
TestConnections = Connections.TestCase
