"""Stand-ins for the ports."""

from __future__ import annotations

import hashlib

from portcullis.engine.ports import CounterStoreError, KeyGrant, Taken
from portcullis.stores.local_counters import LocalCounters


class FakeClock:
    """A clock that stands still until it is moved. Implements :class:`portcullis.engine.ports.Clock`."""

    def __init__(self, now_ns: int = 1_000_000_000_000, wall_s: float = 1_780_000_000.0) -> None:
        self._now_ns = now_ns
        self._wall_s = wall_s

    def now_ns(self) -> int:
        """Nanoseconds."""
        return self._now_ns

    def wall_s(self) -> float:
        """Unix seconds."""
        return self._wall_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += round(seconds * 1e9)
        self._wall_s += seconds


class FakeCounters(LocalCounters):
    """Exact counters in a dictionary. ``broken``: answer every call with an error, as an unreachable store would."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """As :meth:`portcullis.engine.ports.Counters.take`."""
        if self.broken:
            raise CounterStoreError("the store was told to be broken")
        return super().take(key, interval_ns, burst, now_ns)


class FakeKeys:
    """API keys in a dictionary."""

    def __init__(self) -> None:
        self.grants: dict[bytes, KeyGrant] = {}

    def add(self, key: str, grant: KeyGrant) -> None:
        """Let ``key`` (the key itself) have ``grant``."""
        self.grants[hashlib.sha256(key.encode()).digest()] = grant

    def find(self, digest: bytes) -> KeyGrant | None:
        """As :meth:`portcullis.engine.ports.KeyDirectory.find`."""
        return self.grants.get(digest)
