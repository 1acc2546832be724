"""What the control process remembers of users and the addresses they come from.

Where a user has proven himself he is known: attempts from there have a count of their own, so that strangers who guess
at his password can't lock him out. What he mistypes anywhere is remembered for as long as it counts, to be taken back
when he gets it right.

Bounded: what has not been touched for longest goes first. Failures, which anyone can bring about, can't push out who is
known, which takes a right password. Nothing of it outlives the process: then failures count for the user as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from portcullis.engine.backoff import Backoff

MAX_ENTRIES: Final = 65_536
KNOWN_NS: Final = 7 * 86_400 * 1_000_000_000
Pair = tuple[str, str, str]
"""Identity, user and address."""


class UserAddresses:
    """Pairs of users and addresses: which are known, and the failures of each, as words of :mod:`~.backoff`."""

    def __init__(self) -> None:
        self._known: OrderedDict[Pair, int] = OrderedDict()
        self._failures: OrderedDict[Pair, int] = OrderedDict()

    def is_known(self, pair: Pair, now_ns: int) -> bool:
        """Whether the user has proven himself at that address, and not too long ago."""
        return self._known.get(pair, 0) > now_ns

    def proven(self, pair: Pair, now_ns: int) -> int:
        """The user has proven himself: his failures there are forgotten. Gives their word."""
        _put(self._known, pair, now_ns + KNOWN_NS)
        return self._failures.pop(pair, 0)

    def failed(self, pair: Pair, backoff: Backoff, now_ns: int) -> int:
        """Count a failure: the word of the pair then."""
        word = backoff.failed(self.failures(pair, now_ns), now_ns)
        _put(self._failures, pair, word)
        return word

    def failures(self, pair: Pair, now_ns: int) -> int:
        """The word of the pair's failures; 0 where there are none that count."""
        word = self._failures.get(pair, 0)
        return word if word > now_ns else 0


def _put(entries: OrderedDict[Pair, int], pair: Pair, value: int) -> None:
    entries.pop(pair, None)
    while len(entries) >= MAX_ENTRIES:
        entries.popitem(last=False)
    entries[pair] = value
