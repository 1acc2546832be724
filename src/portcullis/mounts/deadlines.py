"""Deadlines without a timer for each: whoever waits holds a time, and one sweep looks at all of them.

Moving a deadline is then a plain assignment, several times a request; the price is that it strikes up to one
sweep late, which no deadline here minds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

_log = logging.getLogger(__name__)
SWEEP_SECONDS: Final = 0.25
RETRY_NS: Final = 5 * 10**9


class Waiting(Protocol):
    """Something with a deadline, in nanoseconds of the clock of its :class:`Deadlines`; 0 means none."""

    deadline: int

    def expire(self) -> None:
        """The deadline has passed. Called once for each time that ``deadline`` was set."""


class Deadlines:
    """Everything in this worker that waits. ``now`` gives the time in nanoseconds."""

    __slots__ = ("_waiting", "now")

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self._waiting: set[Waiting] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting) -> None:
        """Watch ``waiting`` from now on."""
        self._waiting.add(waiting)

    def discard(self, waiting: Waiting) -> None:
        """Watch it no more. Harmless if it was not watched."""
        self._waiting.discard(waiting)

    def sweep(self) -> None:
        """Call :meth:`Waiting.expire` of everything whose deadline has passed.

        One that fails is called again after ``RETRY_NS``, and does not keep the others from being called: without
        deadlines every slow client would stay.
        """
        now = self.now()
        for waiting in [w for w in self._waiting if 0 < w.deadline <= now]:
            # What expired before it may have ended it, or moved its deadline.
            if waiting in self._waiting and 0 < waiting.deadline <= now:
                waiting.deadline = 0
                try:
                    waiting.expire()
                except Exception:  # noqa: BLE001 - whatever fails, the others must be called
                    _log.exception("%r could not expire", waiting)
                    waiting.deadline = waiting.deadline or now + RETRY_NS
