"""Locks that grow: so many failures in a while, then a pause, and a longer one each time.

Failures are counted as debt, as in :mod:`portcullis.engine.gcra`: each adds one interval (``within / failures``), and
time pays it back. While there is room for one more failure the next attempt may be made. The failure that leaves no
room locks: for ``first_ns`` at first, then for twice as long, and so on up to ``longest_ns``. When a lock ends there is
room for just one attempt; if it fails too, the next, longer lock begins. Room comes back as debt is paid, and once all
of it is paid everything is forgotten, also how long the last lock was.

All of that is one number, the *word* of a counter: the moment at which everything will be forgotten, in nanoseconds,
whose last five bits tell how many locks there were instead. A word in the past means the same as none.
"""

from __future__ import annotations

from typing import Final

import msgspec

_LOCKS: Final = 31
"""The bits of a word that count locks, and the most that they can count."""
MIN_FAILURES: Final = 2
"""With one failure allowed there would be no time after a lock in which it is remembered."""


class Backoff(msgspec.Struct, frozen=True, array_like=True):
    """``failures`` in ``within_ns`` lock for ``first_ns``, and further ones for longer, up to ``longest_ns``."""

    failures: int
    within_ns: int
    first_ns: int
    longest_ns: int

    @property
    def name(self) -> bytes:
        """What tells it from others: a word means something only under the rule that made it."""
        return b"%dx%dx%dx%d" % (self.failures, self.within_ns, self.first_ns, self.longest_ns)

    @property
    def interval_ns(self) -> int:
        """The debt of one failure, and the time in which it is paid."""
        return self.within_ns // self.failures

    @property
    def room_ns(self) -> int:
        """The debt up to which another attempt may be made."""
        return self.interval_ns * (self.failures - 1)

    def locked_for(self, word: int, now_ns: int) -> int:
        """Nanoseconds until the next attempt may be made; 0: now."""
        return max(0, (word & ~_LOCKS) - now_ns - self.room_ns)

    def failed(self, word: int, now_ns: int) -> int:
        """The word after one more failure. One that was under way when the lock began changes nothing."""
        if self.locked_for(word, now_ns):
            return word
        locks = word & _LOCKS if word > now_ns else 0
        debt = self.debt(word, now_ns) + self.interval_ns
        if debt <= self.room_ns:
            return _word(now_ns + debt, locks)
        pause = min(self.first_ns << locks, self.longest_ns)
        return _word(now_ns + pause + self.room_ns, min(locks + 1, _LOCKS))

    def debt(self, word: int, now_ns: int) -> int:
        """What of the failures is not paid yet, in nanoseconds."""
        return max(0, (word & ~_LOCKS) - now_ns)

    def forgiven(self, word: int, debt_ns: int, now_ns: int) -> int:
        """The word when ``debt_ns`` of it is paid at once; 0 if nothing is left. A lock stands."""
        if self.locked_for(word, now_ns):
            return word
        left = self.debt(word, now_ns) - debt_ns
        return _word(now_ns + left, word & _LOCKS) if left > 0 else 0


def _word(moment_ns: int, locks: int) -> int:
    return (moment_ns & ~_LOCKS) | locks
