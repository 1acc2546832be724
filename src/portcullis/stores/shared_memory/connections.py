"""How many connections a client has open, over all workers.

Each worker has a slot of its own for each client that it has connections with; the client's count is the sum over the
slots with its tag. A word holds *worker*, *life* and *count*. The life of a worker is a number that :meth:`forget`
raises when the worker has died: at once, and by one store, everything the dead one had counted means nothing, and its
slots are free.

Only its worker ever writes a slot in use. To count up it holds the lock, since it decides by the sum; to count down is
one store and needs none. A worker killed at any instruction leaves words that are whole, and are forgotten with it.

Clients are counted by :func:`~portcullis.engine.client_address.counted_as`: IPv6 by /64. Where the table has no room
for a client it is refused: that it is one of very many is no reason to let it pass uncounted.
"""

from __future__ import annotations

from typing import Final

from portcullis.engine.client_address import counted_as
from portcullis.stores.shared_memory.table import WAYS, Place, SlotTable, shared_words

# A process has far less than 2**24 descriptors, and no worker dies 2**30 times.
_COUNT_BITS: Final = 24
_LIFE_BITS: Final = 30
_WORKER_BITS: Final = 10
_COUNT: Final = (1 << _COUNT_BITS) - 1
_LIVES: Final = 1 << _LIFE_BITS
MAX_WORKERS: Final = 1 << _WORKER_BITS


class SharedConnectionCounts:
    """Open connections by client address.

    ``slots``: twice as many as there may be connections at a time leaves room always; ``workers``: how many worker
    indices there are, those of a draining generation included: no two living workers may have the same.
    ``refused_for_room`` and ``refused_for_lock``: how often this process could not count, and why.
    """

    def __init__(self, slots: int, workers: int, secret: bytes) -> None:
        if not 0 < workers <= MAX_WORKERS:
            raise ValueError(f"between 1 and {MAX_WORKERS} workers can be counted")
        self._table = SlotTable(slots, secret, "Q")
        self._lives = shared_words(workers, "Q")
        self._open: dict[tuple[str, int], int] = {}
        self.refused_for_room = 0
        self.refused_for_lock = 0

    def acquire(self, address: str, worker: int, limit: int) -> bool:
        """Count one more connection of ``address``, unless it has ``limit`` already, or can't be counted."""
        client = counted_as(address)
        key = client.encode()
        place = self._table.places.get(key) or self._table.place(key)
        locks, lock = self._table.locks, place[2]
        try:
            if outcome := locks.try_lock(lock):
                locks.settle(lock, outcome)
            slot = self._count_up(place, worker, limit)
        except OSError:
            self.refused_for_lock += 1
            return False
        finally:
            locks.unlock(lock)
        if slot is None:
            return False
        self._open[client, worker] = slot
        return True

    def release(self, address: str, worker: int) -> None:
        """Count one less, of what the same process acquired; harmless for what it did not."""
        key = (counted_as(address), worker)
        slot = self._open.get(key)
        if slot is None:
            return
        word = self._table.words[slot]
        # Differs only if the worker was taken for dead, and others may own the slot by now.
        if word >> _COUNT_BITS == self._owner(worker):
            self._table.words[slot] = word - 1
            if word & _COUNT > 1:
                return
        del self._open[key]

    def forget(self, worker: int) -> None:
        """Drop everything ``worker`` has counted: it has died. The next worker of this index begins with nothing."""
        self._lives[worker] = (self._lives[worker] + 1) % _LIVES

    def count(self, address: str) -> int:
        """How many connections ``address`` has open right now. Raises ``OSError`` if its lock can't be had."""
        words, locks = self._table.words, self._table.locks
        tag, _, lock = self._table.place(counted_as(address).encode())
        try:
            if outcome := locks.try_lock(lock):
                locks.settle(lock, outcome)
            return sum(words[slot] & _COUNT for slot in self._table.find_all(tag) if self._counts(words[slot]))
        finally:
            locks.unlock(lock)

    def _count_up(self, place: Place, worker: int, limit: int) -> int | None:
        """Count one more at ``place``: the slot where it was counted, or ``None``. The lock is held."""
        words, owner, tag = self._table.words, self._owner(worker), place[0]
        total, own = 0, None
        for slot in self._table.find_all(tag):
            word = words[slot]
            if self._counts(word):
                total += word & _COUNT
                if word >> _COUNT_BITS == owner:
                    own = slot
        if total >= limit:
            return None
        if own is not None:
            words[own] += 1
            return own
        free = self._free_slot(self._table.first_slot(tag))
        if free is None:
            self.refused_for_room += 1
            return None
        self._table.tags[free] = tag
        words[free] = owner << _COUNT_BITS | 1
        return free

    def _free_slot(self, first: int) -> int | None:
        words = self._table.words[first : first + WAYS].tolist()
        return next((first + way for way, word in enumerate(words) if not self._counts(word)), None)

    def _owner(self, worker: int) -> int:
        return worker << _LIFE_BITS | self._lives[worker]

    def _counts(self, word: int) -> bool:
        """Whether the word of a slot means anything: a count, by a worker that lives."""
        return bool(word & _COUNT) and word >> _COUNT_BITS == self._owner(word >> (_COUNT_BITS + _LIFE_BITS))
