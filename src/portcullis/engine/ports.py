"""What the engine needs from outside: small protocols that the stores (and, in tests, fakes) implement."""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from portcullis.engine.identity import ANONYMOUS, Consumer, Identity


class Clock(Protocol):
    """Time comes from outside, so that every test runs without sleeping."""

    def now_ns(self) -> int:
        """Nanoseconds of a clock that never goes back and that all workers of one machine share."""

    def wall_s(self) -> float:
        """Seconds since the Unix epoch."""


class Taken(msgspec.Struct, frozen=True):
    """The answer to one :meth:`Counters.take`.

    ``allowed``: the request conforms; ``remaining``: whole requests left right now;
    ``retry_after_ns``: until the next one would conform (0 if allowed);
    ``reset_after_ns``: until the full burst is available again.
    """

    allowed: bool
    remaining: int
    retry_after_ns: int
    reset_after_ns: int


class CounterStoreError(Exception):
    """The store could not answer. The caller of the store decides what that means (default: refuse)."""


class Counters(Protocol):
    """Exact rate counters, shared by every worker."""

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """Take one request of the rate "one per ``interval_ns``, bursts of ``burst``" for ``key`` (GCRA).

        ``key`` is any byte string up to 512 bytes; it names one counter of one rate: who changes the rate changes
        the key. ``now_ns`` is of :meth:`Clock.now_ns`; readings may reach the store somewhat out of order. Raises
        :class:`CounterStoreError`.
        """


class KeyGrant(msgspec.Struct, frozen=True):
    """What one API key grants. ``expires`` and ``not_after``: Unix seconds or ``None``.

    ``revoked``: refused from now on; kept so that the record can say so.
    ``not_after`` is the end of the overlap in which a rotated key still works.

    Made from these, so that a request has nothing left to work out: ``identity``, the caller that the key
    proves, and ``usable_until``, the Unix time from which it is refused (0 if revoked, infinity if never).
    """

    id: str
    consumer: Consumer
    scopes: frozenset[str] = frozenset()
    expires: float | None = None
    revoked: bool = False
    not_after: float | None = None
    identity: Identity = ANONYMOUS
    usable_until: float = 0.0

    def __post_init__(self) -> None:
        identity = Identity("api_key", self.consumer.name, self.id, self.scopes, self.consumer)
        ends = [moment for moment in (self.expires, self.not_after) if moment is not None]
        msgspec.structs.force_setattr(self, "identity", identity)
        msgspec.structs.force_setattr(self, "usable_until", 0.0 if self.revoked else min(ends, default=math.inf))


class KeyDirectory(Protocol):
    """API keys by the SHA-256 digest of the key, as this worker knows them now."""

    def find(self, digest: bytes) -> KeyGrant | None:
        """The grant of the key with this digest (32 bytes), or ``None``. Never waits."""


class SourceFiles(Protocol):
    """Access to the files that the configuration names. Paths are relative to the configuration file."""

    def read(self, path: str) -> bytes:
        """The content of ``path``; raises ``OSError``."""

    def matching(self, glob: str) -> list[str]:
        """The regular files below the configuration file's folder that ``glob`` matches, sorted.

        ``*`` and ``?`` stand for text within one segment, ``**`` for any number of folders; hidden files are not
        matched by them. Raises ``FileNotFoundError`` where what stands before the first wildcard is not there, and
        ``OSError`` with a ``filename`` for one that is no regular file or that a link leads out of the folder.
        """

    def environment(self, name: str) -> str | None:
        """The value of an environment variable, for ``env:NAME`` secrets."""


class DocumentCache(Protocol):
    """Loaded OpenAPI documents by a digest of what they were loaded from. May forget whatever it likes."""

    def get(self, key: str) -> bytes | None:
        """What was put under ``key``; it is checked by whoever asks."""

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key``, if that is possible."""


class Ports(msgspec.Struct, frozen=True):
    """The ports that policies are compiled against."""

    clock: Clock
    counters: Counters
    keys: KeyDirectory
