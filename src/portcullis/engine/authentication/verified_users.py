"""Users that proved themselves a short while ago, so that a caller who comes again costs a look-up and no hash.

A credential is known by a keyed digest, of what was sent and of the address that sent it: passwords are chosen by
people and could be found from a plain digest. The key is random, made by each process when it first needs one, and
never leaves it. Since the address is in it, whoever is found here has proven himself from there: a lock that others
brought about need not concern him, and tells nobody anything.

Bounded: what has been there longest goes first. Only who is proven gets in. Users that change are forgotten at once;
that they have is remembered for some seconds, in which all sessions that they opened before come to know of it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from portcullis.engine.authentication.user_messages import decode_update
from portcullis.engine.identity import Identity

MAX_ENTRIES: Final = 16_384
"""Credentials of one worker: some 10 MiB at most, names of users and roles being what they may be."""
CHANGED_NS: Final = 60 * 10**9
"""So long it is known when a user has changed. Sessions ask every second."""
_KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 32


class _Verified(msgspec.Struct, frozen=True):
    until_ns: int
    identity: Identity


class VerifiedUsers:
    """Who proved to be whom, for ``lasts_ns`` each; 0 remembers nobody. ``revision``: of the users, as far as told."""

    __slots__ = ("_all_changed_ns", "_changed", "_entries", "_key", "_lasts_ns", "revision")

    def __init__(self, lasts_ns: int) -> None:
        self._lasts_ns = lasts_ns
        self._entries: OrderedDict[bytes, _Verified] = OrderedDict()
        self._key = b""
        self._changed: dict[str, int] = {}
        self._all_changed_ns = -1
        self.revision = -1

    def __repr__(self) -> str:
        return f"VerifiedUsers({len(self._entries)} entries, revision={self.revision})"

    def __len__(self) -> int:
        return len(self._entries)

    def digest(self, credential: bytes, address: str) -> bytes:
        """What ``credential``, sent from ``address``, is known by."""
        key = self._key
        if not key:
            key = self._key = secrets.token_bytes(_KEY_BYTES)
        # No field has a NUL in it, so where the credential ends is unambiguous.
        return blake2b(b"%b\0%b" % (credential, address.encode()), digest_size=_DIGEST_BYTES, key=key).digest()

    def find(self, digest: bytes, now_ns: int) -> Identity | None:
        """Who proved himself by that, if that was not too long ago."""
        found = self._entries.get(digest)
        return found.identity if found is not None and now_ns < found.until_ns else None

    def keep(self, digest: bytes, identity: Identity, revision: int, now_ns: int) -> None:
        """Remember who proved himself when users were as of ``revision``: unless they have changed since."""
        if not self._lasts_ns or revision < self.revision:
            return
        entries = self._entries
        entries.pop(digest, None)
        while len(entries) >= MAX_ENTRIES:
            entries.popitem(last=False)
        entries[digest] = _Verified(now_ns + self._lasts_ns, identity)

    def changed(self, user: str, since_ns: float) -> bool:
        """Whether ``user`` was changed, disabled or removed lately, after ``since_ns``, or may have been."""
        return since_ns < self._all_changed_ns or since_ns < self._changed.get(user, -1)

    def apply(self, message: bytes, now_ns: int) -> None:
        """Take over an encoded ``UserUpdate`` that came at ``now_ns``. Raises ``ValueError``."""
        update = decode_update(message)
        if update.revision == self.revision:
            return
        if update.since == self.revision >= 0:
            self._forget(update.names)
            self._changed = {name: at for name, at in self._changed.items() if now_ns < at + CHANGED_NS}
            self._changed |= dict.fromkeys(update.names, now_ns)
        else:
            self._entries.clear()  # others changed too, and nobody tells who
            if self.revision >= 0:
                self._all_changed_ns = now_ns
        self.revision = update.revision

    def _forget(self, names: Sequence[str]) -> None:
        changed = frozenset(names)
        for digest in [each for each, found in self._entries.items() if found.identity.subject in changed]:
            del self._entries[digest]
