"""Locks between processes that a killed owner does not keep.

Workers are killed without warning: by the kernel when memory is short, by an operator, by a bug in a C library. A
lock that the dead take with them would stop every other worker at its next request. Two kinds free themselves:

* :class:`RobustMutexes`: POSIX mutexes in shared memory, ``PTHREAD_MUTEX_ROBUST``. The kernel walks a dying thread's
  list of held mutexes, and the next to lock one is told ``EOWNERDEAD``. 0.25 us to lock and unlock. (Linux before
  5.18 can lose that list when it kills for want of memory; the keys of that one stripe are then refused.)
* :class:`RecordLocks`: ``fcntl`` locks on single bytes of a file, which the kernel drops with the process. 0.6 us,
  and blind to threads; for platforms without robust mutexes (macOS).

A lock guards a *stripe* of a table and is named by a *handle*, an integer that the caller computes once. The holder
does a few loads and one store, and every store leaves the table whole, so a lock of the dead can simply be taken
over. An owner that is stopped, not dead, still holds its lock: waiting ends after :data:`PATIENCE`.

Use, with nothing between ``try`` and the first call::

    try:
        if outcome := locks.try_lock(handle):
            locks.settle(handle, outcome)
        ...
    finally:
        locks.unlock(handle)

``unlock`` of a lock that is not ours does nothing (POSIX asks that of robust mutexes), so that ``try`` may begin
before the lock is taken and no exception can slip in between.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, cast

PATIENCE: Final = 0.25
"""Seconds to wait for a lock whose owner lives: a thousand times what a busy machine needs, and the most that a
stopped worker can delay a decision about the keys of one stripe."""
_QUICK_ATTEMPTS: Final = 50
"""Tries without a pause, some 20 us: an owner that runs is done in less than one."""
_PAUSE: Final = 50e-6
"""Seconds between later tries, so that an owner without a processor gets one."""
_BUSY: Final = (errno.EBUSY, errno.EAGAIN, errno.EACCES)

_MUTEX_BYTES: Final = 64
"""A cache line, so that neighbours do not slow each other down; ``pthread_mutex_t`` has 40 or 48 bytes on Linux."""
_ATTRIBUTES_BYTES: Final = 64
_PROCESS_SHARED: Final = 1
_ROBUST: Final = 1


class Locks(Protocol):
    """A fixed number of locks, shared with every process forked after they were made.

    ``recovered``: how many locks of dead owners this process took over.
    """

    recovered: int

    def handle(self, stripe: int, /) -> int:
        """The handle of lock ``stripe``."""

    def try_lock(self, handle: int, /) -> int:
        """Take the lock if it is free: 0, or an error number for :meth:`settle`."""

    def settle(self, handle: int, outcome: int, /) -> None:
        """Take the lock after ``try_lock`` gave ``outcome``. Raises ``OSError``: mostly ``TimeoutError``."""

    def unlock(self, handle: int, /) -> object:
        """Give it back; nothing happens if it is not ours."""


def make_locks(count: int) -> Locks:
    """``count`` locks of the best kind that this platform has."""
    try:
        return RobustMutexes(count)
    except OSError:
        return RecordLocks()


class RobustMutexes:
    """Robust POSIX mutexes in anonymous shared memory. Raises ``OSError`` where the platform has none."""

    def __init__(self, count: int) -> None:
        # PyDLL keeps the GIL: what is called returns at once, and giving the GIL up costs more than the lock.
        library = ctypes.PyDLL(None)
        self._memory = mmap.mmap(-1, count * _MUTEX_BYTES)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        try:
            self.try_lock = _function(library, "pthread_mutex_trylock")
            self.unlock = _function(library, "pthread_mutex_unlock")
            self._consistent = _function(library, "pthread_mutex_consistent")
            self._initialise(library, count)
        except AttributeError as error:
            raise OSError(errno.ENOSYS, "no robust mutexes on this platform") from error
        self.recovered = 0

    def _initialise(self, library: ctypes.PyDLL, count: int) -> None:
        attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
        _must(library.pthread_mutexattr_init(attributes))
        _must(library.pthread_mutexattr_setpshared(attributes, _PROCESS_SHARED))
        _must(library.pthread_mutexattr_setrobust(attributes, _ROBUST))
        for stripe in range(count):
            _must(library.pthread_mutex_init(ctypes.c_void_p(self.handle(stripe)), attributes))

    def handle(self, stripe: int) -> int:
        """The address of the mutex, which is the same in every forked process."""
        return self._base + stripe * _MUTEX_BYTES

    def settle(self, handle: int, outcome: int) -> None:
        """Wait for a busy mutex; take over that of a dead owner."""
        outcome = _wait(self.try_lock, handle, outcome)
        if outcome == errno.EOWNERDEAD:
            outcome = self._consistent(handle)
            self.recovered += 1
        _must(outcome)


class RecordLocks:
    """``fcntl`` locks on the bytes of an unlinked file. Threads of one process do not exclude each other."""

    def __init__(self) -> None:
        # A process loses all its locks on a file when it closes any descriptor of it: so a file that nobody can open.
        self._descriptor, path = tempfile.mkstemp()
        Path(path).unlink()
        weakref.finalize(self, os.close, self._descriptor)
        self.recovered = 0

    def handle(self, stripe: int) -> int:
        """The offset of the byte that is locked."""
        return stripe

    def try_lock(self, handle: int) -> int:
        """Take the lock if it is free."""
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, handle)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def unlock(self, handle: int) -> None:
        """Give it back."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, handle)

    def settle(self, handle: int, outcome: int) -> None:
        """Wait for a busy lock."""
        _must(_wait(self.try_lock, handle, outcome))


def _wait(try_lock: Callable[[int], int], handle: int, outcome: int) -> int:
    """Try until the lock is no longer busy: what ``try_lock`` says then. Raises ``TimeoutError``.

    Never by ``pthread_mutex_lock``: a waiter that sleeps in the kernel is woken by the owner, and if the owner (or
    another waiter, woken in its stead) is killed at the wrong moment it is not woken at all.
    """
    attempts, deadline = 0, time.monotonic() + PATIENCE
    while outcome in _BUSY:
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        attempts += 1
        if attempts > _QUICK_ATTEMPTS:
            time.sleep(_PAUSE)
        outcome = try_lock(handle)
    return outcome


def _function(library: ctypes.PyDLL, name: str) -> Callable[[int], int]:
    function = getattr(library, name)
    function.argtypes = (ctypes.c_void_p,)
    return cast("Callable[[int], int]", function)


def _must(outcome: int) -> None:
    if outcome:
        raise OSError(outcome, os.strerror(outcome))
