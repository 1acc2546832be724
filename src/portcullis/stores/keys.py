"""The API keys as a worker knows them, and the messages that keep that knowledge fresh.

The control process sends each worker a snapshot when it starts, and from then on every change. Each key carries the
revision of its last change, and what is older than what is known is ignored: a change that overtakes the snapshot,
or arrives twice, does no harm. Until the first snapshot a worker knows no key and so refuses all (fail closed).

Digests travel, never keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from portcullis.engine.identity import Consumer
from portcullis.engine.key_limits import KeyLimits
from portcullis.engine.ports import KeyGrant

DIGEST_LENGTH: Final = 32
TOPIC: Final = "keys"
"""Under which workers are told of keys."""


class KeyUpdateError(ValueError):
    """A message about keys could not be read. What was known before is unchanged."""


class KeyChange(msgspec.Struct, frozen=True, array_like=True):
    """One key as it is since ``revision``; times are Unix seconds.

    ``apis``, ``operations`` and ``networks``: where it works, everywhere if empty.
    """

    digest: bytes
    revision: int
    id: str
    consumer: str
    plan: str
    roles: Sequence[str]
    scopes: Sequence[str]
    expires: float | None
    not_after: float | None
    revoked: bool
    apis: Sequence[str] = ()
    operations: Sequence[str] = ()
    networks: Sequence[str] = ()
    environment: str = ""


class KeyUpdate(msgspec.Struct, frozen=True, array_like=True):
    """Keys as they are at ``revision``: all of them (``snapshot``), or those that changed."""

    revision: int
    snapshot: bool
    changes: Sequence[KeyChange]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeyUpdate).decode


def encode_update(revision: int, changes: Iterable[KeyChange], *, snapshot: bool) -> bytes:
    """The message that tells workers of ``changes``."""
    return _encode(KeyUpdate(revision, snapshot, tuple(changes)))


class WorkerKeyDirectory:
    """The keys of one worker. Implements :class:`portcullis.engine.ports.KeyDirectory`."""

    __slots__ = ("_consumers", "_early", "_grants", "_limits", "_revisions", "ready", "revision")

    def __init__(self) -> None:
        self._grants: dict[bytes, KeyGrant] = {}
        self._revisions: dict[bytes, int] = {}
        self._consumers: dict[tuple[str, str, frozenset[str]], Consumer] = {}
        self._limits: dict[tuple[tuple[str, ...], ...], KeyLimits | None] = {}
        self._early: list[KeyUpdate] = []  # changes that overtook the first snapshot
        self.ready = False
        """Whether a snapshot has arrived."""
        self.revision = -1
        """The newest revision that is known."""

    def __repr__(self) -> str:
        return f"WorkerKeyDirectory(keys={len(self._grants)}, revision={self.revision}, ready={self.ready})"

    def __len__(self) -> int:
        return len(self._grants)

    def find(self, digest: bytes) -> KeyGrant | None:
        """The grant of the key with this digest (32 bytes), or ``None``; always ``None`` before the first snapshot."""
        return self._grants.get(digest)

    def apply(self, message: bytes) -> None:
        """Take over an encoded :class:`KeyUpdate`. Raises :class:`KeyUpdateError`."""
        try:
            update = _decode(message)
        except msgspec.MsgspecError as error:
            raise KeyUpdateError("a message about keys can't be read") from error
        if any(len(change.digest) != DIGEST_LENGTH for change in update.changes):
            raise KeyUpdateError("a message about keys has a digest of the wrong length")
        if not self.ready and not update.snapshot:
            self._early.append(update)
            return
        if update.snapshot:
            self._forget_what_is_gone(update)
        for earlier in (update, *self._early):
            self._take_over(earlier)
        self._early.clear()
        self.ready = True

    def _take_over(self, update: KeyUpdate) -> None:
        for change in update.changes:
            if change.revision > self._revisions.get(change.digest, -1):
                self._revisions[change.digest] = change.revision
                self._grants[change.digest] = self._grant(change)
        self.revision = max(self.revision, update.revision)

    def _forget_what_is_gone(self, snapshot: KeyUpdate) -> None:
        present = {change.digest for change in snapshot.changes}
        for digest, revision in list(self._revisions.items()):
            if revision <= snapshot.revision and digest not in present:
                del self._revisions[digest], self._grants[digest]

    def _grant(self, change: KeyChange) -> KeyGrant:
        roles = frozenset(change.roles)
        # Keys of one consumer share the object that describes it, and keys that work at the same places theirs.
        consumer = self._consumers.setdefault(
            (change.consumer, change.plan, roles), Consumer(change.consumer, change.plan, roles)
        )
        places = (tuple(change.apis), tuple(change.operations), tuple(change.networks))
        if places not in self._limits:
            self._limits[places] = KeyLimits.of(*places)
        return KeyGrant(
            change.id,
            consumer,
            frozenset(change.scopes),
            change.expires,
            change.revoked,
            change.not_after,
            self._limits[places],
            change.environment,
        )
