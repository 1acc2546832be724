"""Tokens that were verified already, so that a caller who comes again costs a look-up.

Bounded by entries and by bytes: what has been there longest goes first. Only tokens that were fine get in, so nobody
can push others out without being an identity himself. Tokens are known by their SHA-256, never kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

MAX_ENTRIES: Final = 65_536
BASE_BYTES: Final = 2_048
"""What an entry takes besides its claims: the objects, the digest, the place in the table."""
BYTES_A_BYTE: Final = 6
"""What a byte of a token takes once its claims are objects: measured with many short ones. An issuer that signs nothing
but empty objects would make it three times as much."""

T = TypeVar("T")


class VerifiedTokens(Generic[T]):
    """What tokens proved, by the SHA-256 of the token. ``max_bytes``: an estimate of the memory; 0 keeps none."""

    __slots__ = ("_bytes", "_entries", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[bytes, tuple[float, T, int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"VerifiedTokens({len(self._entries)} entries, {self._bytes} bytes)"

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes, now: float) -> T | None:
        """What the token proved, if it was verified before and still holds at ``now``, in Unix seconds."""
        entry = self._entries.get(digest)
        return entry[1] if entry is not None and now < entry[0] else None

    def keep(self, digest: bytes, size: int, proved: T, until: float) -> None:
        """Keep what a token of ``size`` bytes proved ``until`` its end, in Unix seconds."""
        size = BASE_BYTES + BYTES_A_BYTE * size
        entries = self._entries
        if size > self._max_bytes:
            return
        if (before := entries.pop(digest, None)) is not None:
            self._bytes -= before[2]
        while entries and (self._bytes + size > self._max_bytes or len(entries) >= MAX_ENTRIES):
            self._bytes -= entries.popitem(last=False)[1][2]
        entries[digest] = (until, proved, size)
        self._bytes += size

    def forget(self, digest: bytes) -> None:
        """Forget the token with this digest, if it is known: what it proved holds no longer."""
        if (entry := self._entries.pop(digest, None)) is not None:
            self._bytes -= entry[2]

    def clear(self) -> None:
        """Forget all: keys or revocations have changed."""
        self._entries.clear()
        self._bytes = 0
