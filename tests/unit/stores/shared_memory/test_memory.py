from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.engine.ports import Counters
from portcullis.stores.shared_memory import SharedMemory

SECOND = 1_000_000_000


def make(directory: Path | None, now: int = 0, slots: int = 1024) -> SharedMemory:
    return SharedMemory(directory, counter_slots=slots, connections=100, workers=2, now_ns=now)


def test_limits_survive_a_restart_even_one_with_another_size(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.counters.take(b"a", 100 * SECOND, 1, SECOND).allowed
    first.save(2 * SECOND)
    second = make(tmp_path, 3 * SECOND, slots=4096)
    assert second.restored == 1
    assert not second.counters.take(b"a", 100 * SECOND, 1, 3 * SECOND).allowed
    second.save(4 * SECOND)
    assert make(tmp_path, 200 * SECOND).restored == 0


def test_without_a_directory_nothing_is_kept(tmp_path: Path) -> None:
    first = make(None)
    first.counters.take(b"a", 100 * SECOND, 1, SECOND)
    first.save(SECOND)
    assert make(None, SECOND).restored == 0
    assert list(tmp_path.iterdir()) == []


def test_two_memories_hash_differently() -> None:
    first, second = make(None), make(None)
    assert first.counters._table.place(b"a")[0] != second.counters._table.place(b"a")[0]


def test_connections_have_room_for_twice_as_many_as_there_can_be() -> None:
    assert make(None).connections._table.slots >= 200


def test_a_missing_directory_is_an_error_when_saving(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        make(tmp_path / "missing").save(0)


def test_the_counters_are_the_engines_port() -> None:
    counters: Counters = make(None).counters
    assert counters.take(b"a", SECOND, 1, 0).allowed
