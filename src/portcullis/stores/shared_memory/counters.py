"""Exact rate counters in shared memory: :class:`~portcullis.engine.ports.Counters` for the workers of one machine.

The word of a key is its TAT (see :mod:`portcullis.engine.gcra`). A TAT in the past is no debt, so a slot with one is
free for any key, and the table cleans itself.

**Exact.** Under one lock a decision reads the TAT, decides, and stores the new one; what all workers together let
through is what one process would have. Their readings of the clock may reach the table out of order: a slot is
therefore given to another key only once it has been free for :data:`GRACE_NS`.

**Killed workers.** The store of the TAT *is* the decision. A worker killed before it has let nothing through; one
killed after it leaves one request counted that it did not serve. So a kill costs a caller at most one request, and
never gives anyone one too many.

**A full table.** If all 64 slots where a key may be are in use by others, the request can't be counted and
:class:`~portcullis.engine.ports.CounterStoreError` is raised: to push out the debt of another would be a way round
the limit. Keys in use keep their slots, so who floods the table with new keys keeps out other new keys only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from portcullis.engine import gcra
from portcullis.engine.ports import CounterStoreError, Taken
from portcullis.stores.shared_memory.table import WAYS, SlotTable

GRACE_NS: Final = 1_000_000_000


class SharedCounters:
    """Counters for at least ``slots`` keys with debt. ``secret`` (16 to 64 bytes) keys the hash.

    ``refused_for_room`` and ``refused_for_lock``: how often this process could not count, and why.
    """

    def __init__(self, slots: int, secret: bytes) -> None:
        self._table = SlotTable(slots, secret, "q")
        self._places = self._table.places
        self._tags = self._table.tags
        self._tats = self._table.words
        self._locks = self._table.locks
        self._try_lock = self._locks.try_lock
        self._unlock = self._locks.unlock
        self.refused_for_room = 0
        self.refused_for_lock = 0

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """Take one request for ``key``; see :meth:`Counters.take <portcullis.engine.ports.Counters.take>`."""
        tag, slot, lock = self._places.get(key) or self._table.place(key)
        try:
            if outcome := self._try_lock(lock):
                self._locks.settle(lock, outcome)
            if self._tags[slot] != tag:
                slot = self._claim(key, tag, lock, now_ns)
            self._tats[slot], taken = gcra.take(self._tats[slot], interval_ns, burst, now_ns)
        except OSError as error:
            raise self._held() from error
        finally:
            self._unlock(lock)
        return taken

    def recall(self, key: bytes, now_ns: int) -> int:
        """The word of ``key``; see :meth:`Counters.recall <portcullis.engine.ports.Counters.recall>`."""
        tag, slot, lock = self._places.get(key) or self._table.place(key)
        try:
            if outcome := self._try_lock(lock):
                self._locks.settle(lock, outcome)
            if self._tags[slot] == tag:
                word = self._tats[slot]
            else:
                found = self._table.find(tag)
                word = 0 if found is None else self._tats[found]
        except OSError as error:
            raise self._held() from error
        finally:
            self._unlock(lock)
        return word if word > now_ns else 0

    def replace(self, key: bytes, before: int, after: int, now_ns: int) -> bool:
        """Replace the word of ``key``; see :meth:`Counters.replace <portcullis.engine.ports.Counters.replace>`."""
        tag, slot, lock = self._places.get(key) or self._table.place(key)
        try:
            if outcome := self._try_lock(lock):
                self._locks.settle(lock, outcome)
            if self._tags[slot] != tag:
                slot = self._claim(key, tag, lock, now_ns)
            word = self._tats[slot]
            if (word if word > now_ns else 0) != before:
                return False
            self._tats[slot] = after
        except OSError as error:
            raise self._held() from error
        finally:
            self._unlock(lock)
        return True

    def _held(self) -> CounterStoreError:
        self.refused_for_lock += 1
        return CounterStoreError("a worker holds the lock of this counter and does not go on")

    @property
    def recovered_locks(self) -> int:
        """How many locks of killed workers this process took over."""
        return self._locks.recovered

    def _claim(self, key: bytes, tag: int, lock: int, now_ns: int) -> int:
        """The slot of ``key``, which is elsewhere in its bucket or nowhere yet; the lock is held."""
        slot = self._table.find(tag)
        if slot is None:
            first = self._table.first_slot(tag)
            tats = self._tats[first : first + WAYS].tolist()
            earliest = min(tats)
            if earliest and earliest > now_ns - GRACE_NS:
                self.refused_for_room += 1
                raise CounterStoreError("no slot is free for another counter (state.counter_slots)")
            slot = first + tats.index(earliest)
            self._tags[slot] = tag
        self._table.remember(key, (tag, slot, lock))
        return slot

    def debts(self, now_ns: int) -> Iterator[tuple[int, int]]:
        """Tag and TAT of every counter with debt. For when no worker runs."""
        for first in range(0, self._table.slots, WAYS):
            tats = self._tats[first : first + WAYS].tolist()
            if max(tats) > now_ns:
                yield from ((self._tags[first + way], tat) for way, tat in enumerate(tats) if tat > now_ns)

    def restore(self, debts: Iterable[tuple[int, int]], now_ns: int) -> int:
        """Take over what :meth:`debts` of a table with the same secret gave, whatever its size: how many. At the start.

        Where a smaller table has no room the greatest debts stay.
        """
        restored = 0
        for tag, tat in debts:
            first = self._table.first_slot(tag)
            tats = self._tats[first : first + WAYS].tolist()
            earliest = min(tats)
            if tat > max(earliest, now_ns):
                slot = first + tats.index(earliest)
                self._tags[slot], self._tats[slot] = tag, tat
                restored += earliest <= now_ns
        return restored
