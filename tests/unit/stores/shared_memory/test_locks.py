from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from portcullis.stores.shared_memory import locks
from portcullis.stores.shared_memory.locks import Locks, RecordLocks, RobustMutexes, make_locks

KINDS: list[Callable[[], Locks]] = [lambda: RobustMutexes(4), RecordLocks]


@pytest.fixture(params=KINDS, ids=["robust mutexes", "record locks"])
def made(request: pytest.FixtureRequest) -> Locks:
    return request.param()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.01)


@contextmanager
def another_process_holds(made: Locks, handle: int) -> Iterator[int]:
    """The process id of one that has taken the lock and will not give it back."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, b"y" if made.try_lock(handle) == 0 else b"n")
        signal.pause()
        os._exit(0)
    try:
        assert os.read(reader, 1) == b"y"
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)


def test_a_free_lock_is_taken_and_given_back(made: Locks) -> None:
    for _ in range(3):
        assert made.try_lock(made.handle(1)) == 0
        made.unlock(made.handle(1))


@pytest.mark.slow
def test_a_lock_that_another_process_holds_is_waited_for_with_patience_only(made: Locks) -> None:
    handle = made.handle(2)
    with another_process_holds(made, handle):
        outcome = made.try_lock(handle)
        assert outcome in (errno.EBUSY, errno.EAGAIN, errno.EACCES)
        with pytest.raises(TimeoutError):
            made.settle(handle, outcome)


@pytest.mark.slow
def test_unlocking_what_another_process_holds_changes_nothing(made: Locks) -> None:
    handle = made.handle(2)
    with another_process_holds(made, handle):
        made.unlock(handle)
        assert made.try_lock(handle) != 0


def test_other_locks_stay_free(made: Locks) -> None:
    with another_process_holds(made, made.handle(2)):
        assert made.try_lock(made.handle(1)) == 0
        made.unlock(made.handle(1))


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_taken_over_again_and_again(made: Locks) -> None:
    handle = made.handle(3)
    for _ in range(3):
        with another_process_holds(made, handle):
            pass
        if outcome := made.try_lock(handle):
            made.settle(handle, outcome)
        made.unlock(handle)
    assert made.recovered == (3 if isinstance(made, RobustMutexes) else 0)


def test_a_wait_ends_when_the_owner_is_killed(made: Locks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 10.0)
    handle = made.handle(0)
    with another_process_holds(made, handle) as pid:
        outcome = made.try_lock(handle)
        killer = threading.Thread(target=os.kill, args=(pid, signal.SIGKILL))
        killer.start()
        made.settle(handle, outcome)
        killer.join()
    made.unlock(handle)


def test_a_wait_for_a_mutex_lets_the_thread_that_holds_it_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 10.0)
    mutexes = RobustMutexes(1)
    handle = mutexes.handle(0)
    held = threading.Event()
    waits = threading.Event()

    def hold() -> None:
        mutexes.try_lock(handle)
        held.set()
        waits.wait()
        mutexes.unlock(handle)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    outcome = mutexes.try_lock(handle)
    assert outcome == errno.EBUSY
    waits.set()
    mutexes.settle(handle, outcome)
    holder.join()
    mutexes.unlock(handle)


def test_an_unknown_failure_of_a_lock_is_an_error(made: Locks) -> None:
    with pytest.raises(OSError, match="not recoverable"):
        made.settle(made.handle(0), errno.ENOTRECOVERABLE)


def test_a_platform_without_robust_mutexes_gets_record_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __init__(self, _name: None) -> None:
            pass

    monkeypatch.setattr(locks.ctypes, "PyDLL", Library)
    assert isinstance(make_locks(4), RecordLocks)


def test_linux_has_robust_mutexes() -> None:
    assert isinstance(make_locks(4), RobustMutexes)
