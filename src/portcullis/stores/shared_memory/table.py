"""A fixed table in shared memory: from keys to one 64-bit word each, without pointers and without sweeping.

A key's place is a *bucket* of :data:`WAYS` slots, chosen by a keyed hash of 64 bits, its *tag*; the slot of the
bucket that carries the tag holds the key's word. The key of the hash is secret, so nobody outside can aim keys at one
bucket, and two keys share a tag by chance once in 10**14 look-ups of a new key in a full table of the default size.

The table does not know when a word means nothing: its users do, and take such slots for new keys. So nothing is ever
deleted, and a process may die between any two stores, each of which is one aligned store of 8 bytes:

* the tag is written before the word, and only into a slot whose word means nothing. To die in between leaves the
  new key with a word that means nothing, which is what it had;
* a word is written by one store.

With 64 ways a bucket of a table that is half full overflows once in five million.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, Literal

from portcullis.stores.shared_memory.locks import Locks, make_locks

WAYS: Final = 64
MAX_KEY: Final = 512
_STRIPES: Final = 1024
_CACHED: Final = 8192

Place = tuple[int, int, int]
"""Of a key: its tag, the slot where it was last seen (or its bucket's first), and its lock's handle."""


def shared_words(count: int, kind: Literal["q", "Q"]) -> memoryview[int]:
    """``count`` signed or unsigned 64-bit words, all 0, shared with every process forked from now on.

    Anonymous memory, not a mapped file: a full or slow disk must never stop a decision (or raise ``SIGBUS``).
    """
    return memoryview(mmap.mmap(-1, count * 8)).cast(kind)


class SlotTable:
    """A table for at least ``slots`` keys. ``tags`` and ``words`` are the memory itself, by slot.

    Made before the fork, and shared from then on by every process. Who reads more than one word, or writes a tag,
    holds the lock of the key's place.
    """

    def __init__(self, slots: int, secret: bytes, word: Literal["q", "Q"]) -> None:
        self._buckets = -(-slots // WAYS)
        self.slots = self._buckets * WAYS
        self._secret = secret
        self._tag_memory = mmap.mmap(-1, self.slots * 8)
        self.tags = memoryview(self._tag_memory).cast("Q")
        self.words = shared_words(self.slots, word)
        self._stripes = min(_STRIPES, self._buckets)
        self.locks: Locks = make_locks(self._stripes)
        self.places: dict[bytes, Place] = {}

    def place(self, key: bytes) -> Place:
        """Where ``key`` is or would be; remembered in ``places`` of this process, which stays small."""
        if len(key) > MAX_KEY:
            raise ValueError(f"a key has at most {MAX_KEY} bytes")
        tag = int.from_bytes(blake2b(key, digest_size=8, key=self._secret).digest(), sys.byteorder)
        bucket = tag % self._buckets
        place = (tag, bucket * WAYS, self.locks.handle(bucket % self._stripes))
        self.remember(key, place)
        return place

    def remember(self, key: bytes, place: Place) -> None:
        """Note where ``key`` was seen."""
        if len(self.places) >= _CACHED:
            self.places.clear()
        self.places[key] = place

    def find(self, tag: int) -> int | None:
        """The slot that carries ``tag``, if there is one."""
        return next(self.find_all(tag), None)

    def find_all(self, tag: int) -> Iterator[int]:
        """Every slot that carries ``tag``, in order. Most tables have one word a key, and one such slot."""
        position = self.first_slot(tag) * 8
        end = position + WAYS * 8
        wanted = tag.to_bytes(8, sys.byteorder)
        while (position := self._tag_memory.find(wanted, position, end)) >= 0:
            if position % 8:
                position += 1
            else:
                yield position // 8
                position += 8

    def first_slot(self, tag: int) -> int:
        """The first slot of the bucket of ``tag``."""
        return tag % self._buckets * WAYS
