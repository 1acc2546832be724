"""The system's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """Implements :class:`portcullis.engine.ports.Clock` with the clocks of this machine."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Nanoseconds of the monotonic clock; the same in all processes of the machine."""
        return time.monotonic_ns()

    def wall_s(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()
