"""How often a peer may do what makes the gateway work and brings nothing: cancel streams, ping, change settings.

One cheap frame of a peer can cost its server much: a stream that is opened and reset at once (CVE-2023-44487), a reset
that the peer provokes (CVE-2025-8671), pings and settings that must be answered (CVE-2019-9512, CVE-2019-9515), empty
frames (CVE-2019-9518).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MOST_EARNED: Final = 100_000
_MINUTE_NS: Final = 60 * 10**9


class Allowance:
    """So many a minute, as many of them at once as a minute has, and what is earned. ``now``: nanoseconds."""

    __slots__ = ("_left", "_most", "_now", "_since")

    def __init__(self, per_minute: int, now: Callable[[], int]) -> None:
        self._most = per_minute
        self._left = float(per_minute)
        self._now = now
        self._since = now()

    def spend(self) -> bool:
        """Whether there is one left; if so it is used. The clock is looked at only when all seem used."""
        if self._left < 1:
            now = self._now()
            self._left = min(self._most, self._left + (now - self._since) * self._most / _MINUTE_NS)
            self._since = now
            if self._left < 1:
                return False
        self._left -= 1
        return True

    def earn(self, count: int) -> None:
        """Something useful was done, in the course of which ``count`` of these are to be expected.

        They may come much later and all at once: a thousand answers are sent before the first of them is read.
        """
        self._left = min(self._most + MOST_EARNED, self._left + count)
