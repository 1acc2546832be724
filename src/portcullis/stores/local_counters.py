"""Counters of one process, for where nothing is shared: explaining offline, an embedded mount, tests."""

from __future__ import annotations

from typing import Final

from portcullis.engine import gcra
from portcullis.engine.ports import CounterStoreError, Taken

# Looking through a full table for room takes milliseconds: a flood of new keys must not make every request do it.
MAKE_ROOM_EVERY_NS: Final = 100_000_000


class LocalCounters:
    """Exact counters in a dictionary. Implements :class:`portcullis.engine.ports.Counters`.

    ``capacity``: how many counters may have debt at a time; beyond that the store refuses to answer.
    """

    def __init__(self, capacity: int = 131_072) -> None:
        self._arrivals: dict[bytes, int] = {}
        self._capacity = capacity
        self._look_again_ns = 0

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """As :meth:`portcullis.engine.ports.Counters.take`."""
        arrivals = self._arrivals
        if key not in arrivals and len(arrivals) >= self._capacity:
            arrivals = self._make_room(now_ns)
        arrivals[key], taken = gcra.take(arrivals.get(key, 0), interval_ns, burst, now_ns)
        return taken

    def recall(self, key: bytes, now_ns: int) -> int:
        """As :meth:`portcullis.engine.ports.Counters.recall`."""
        moment = self._arrivals.get(key, 0)
        return moment if moment > now_ns else 0

    def replace(self, key: bytes, before: int, after: int, now_ns: int) -> bool:
        """As :meth:`portcullis.engine.ports.Counters.replace`."""
        if self.recall(key, now_ns) != before:
            return False
        if key not in self._arrivals and len(self._arrivals) >= self._capacity:
            self._make_room(now_ns)
        self._arrivals[key] = after
        return True

    def _make_room(self, now_ns: int) -> dict[bytes, int]:
        """Forget counters without debt. Raises :class:`CounterStoreError` if all have some, or were seen just now."""
        if now_ns >= self._look_again_ns:
            self._look_again_ns = now_ns + MAKE_ROOM_EVERY_NS
            self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now_ns}
            if len(self._arrivals) < self._capacity:
                return self._arrivals
        raise CounterStoreError("all counters are in use")
