"""The keys that sign: made ahead, published before they sign, kept until what they signed has ended.

Each key signs until the next one of its purpose does. Nothing but the plan decides what is to be done and when, so it
is the same whether the process ran all the time, was away for a month, or was killed between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Final

import msgspec

from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.token_service.messages import IdentityKey, PublishedKeys
from portcullis.engine.token_service.signing import TokenSigner, make_private_key
from portcullis.stores.database.signing_keys import Purpose, SigningKeyStore, StoredKey

MARGIN_SECONDS: Final = 10.0
"""How much longer than its last token a key is kept: workers may sign with it a little after the next one begins."""
TYPES: Final[dict[Purpose, str]] = {"access": "at+jwt", "identity": "identity+jwt"}
"""``typ`` of what is signed: neither is ever taken for the other (RFC 8725 3.11), and their keys differ too."""


class KeyPlan(msgspec.Struct, frozen=True):
    """What is to be done with the keys of one purpose at some moment.

    ``make``: when a new key is to sign, ``None`` for no new one; ``keep``: the others, with the lifetimes of today.
    """

    keep: tuple[StoredKey, ...]
    make: float | None
    next: float


def plan_keys(keys: Sequence[StoredKey], lifetime: float, settings: TokenServiceSettings, now: float) -> KeyPlan:
    """The plan at ``now`` for ``keys``, in the order in which they sign; ``next``: when to look again."""
    ends = [after.signs_from for after in keys[1:]]
    kept: list[StoredKey] = []
    times: list[float] = []
    for position, key in enumerate(keys):
        if position < len(ends):
            gone = ends[position] + key.lifetime + MARGIN_SECONDS
            if gone <= now:
                continue
            times.append(gone)
        if (position >= len(ends) or ends[position] > now) and key.lifetime < lifetime:
            key = msgspec.structs.replace(key, lifetime=lifetime)  # noqa: PLW2901
        times.extend([key.signs_from] if key.signs_from > now else [])
        kept.append(key)
    if not kept:
        return KeyPlan((), now, now)
    newest = kept[-1]
    due = newest.signs_from + settings.rotate_every
    make = None
    if newest.signs_from <= now and now >= due - settings.publish_before:
        make = max(due, now + settings.publish_before)
    times.append(max(due - settings.publish_before, newest.signs_from))
    return KeyPlan(tuple(kept), make, now if make is not None else min(each for each in times if each > now))


class SigningKeys:
    """The keys, of the database and in memory. Safe to use from several threads.

    ``may_make``: only the control process makes keys; commands beside it use what is there.
    """

    def __init__(self, store: SigningKeyStore, wall_s: Callable[[], float], *, may_make: bool = True) -> None:
        self._store = store
        self._wall_s = wall_s
        self._may_make = may_make
        self._lock = RLock()
        self._keys: dict[Purpose, list[tuple[StoredKey, TokenSigner]]] = {"access": [], "identity": []}
        self._signers: dict[str, TokenSigner] = {}
        self._settings = TokenServiceSettings()

    def advance(self, settings: TokenServiceSettings) -> float:
        """Do what is due by ``settings``; gives the moment (Unix seconds) of the next change. Raises ``DatabaseError``.

        It may take a while: keys are made and written.
        """
        with self._lock:
            self._settings = settings
            stored = self._store.all()
            if not self._may_make:
                self._take_over(stored)
                return self._wall_s()
            now = self._wall_s()
            put: list[StoredKey] = []
            kept: list[StoredKey] = []
            moments: list[float] = []
            lifetimes: dict[Purpose, float] = {
                "access": settings.token_lifetime,
                "identity": settings.identity_lifetime,
            }
            for purpose, lifetime in lifetimes.items():
                mine = [key for key in stored if key.purpose == purpose]
                plan = plan_keys(mine, lifetime, settings, now)
                new = [] if plan.make is None else [_make(purpose, lifetime, plan.make, settings)]
                put += [*(key for key in plan.keep if key not in mine), *new]
                kept += [*plan.keep, *new]
                moments.append(plan_keys([*plan.keep, *new], lifetime, settings, now).next)
            removed = {key.kid for key in stored} - {key.kid for key in kept}
            if put or removed:
                self._store.change(put, removed)
            self._take_over(kept)
            return min(moments)

    def _take_over(self, keys: Sequence[StoredKey]) -> None:
        signers = {
            key.kid: self._signers.get(key.kid) or TokenSigner(key.algorithm, key.private, TYPES[key.purpose])
            for key in keys
        }
        self._signers = signers
        purposes: tuple[Purpose, ...] = ("access", "identity")
        self._keys = {each: [(key, signers[key.kid]) for key in keys if key.purpose == each] for each in purposes}

    def signer(self) -> TokenSigner | None:
        """What signs access tokens now; ``None`` where there is no key yet."""
        current = self._current("access")
        return None if current is None else current[1]

    def published(self) -> PublishedKeys | None:
        """What workers and the world may know; ``None`` while there is no token service."""
        if not self._settings.issuer or not self._keys["access"]:
            return None
        access, identity = (
            msgspec.json.encode({"keys": [signer.jwk for _, signer in self._keys[purpose]]})
            for purpose in ("access", "identity")
        )
        return PublishedKeys(self._settings.issuer, access, identity)

    def identity_key(self) -> IdentityKey | None:
        """What workers sign with now."""
        current = self._current("identity")
        if current is None or not self._settings.issuer:
            return None
        key = current[0]
        return IdentityKey(self._settings.issuer, key.kid, key.algorithm, key.private)

    def _current(self, purpose: Purpose) -> tuple[StoredKey, TokenSigner] | None:
        now = self._wall_s()
        keys = self._keys[purpose]
        # Where the clock was set back the first one signs: it was published long ago.
        return next((each for each in reversed(keys) if each[0].signs_from <= now), keys[0] if keys else None)


def _make(purpose: Purpose, lifetime: float, signs_from: float, settings: TokenServiceSettings) -> StoredKey:
    private = make_private_key(settings.algorithm)
    kid = TokenSigner(settings.algorithm, private, TYPES[purpose]).kid
    return StoredKey(kid, purpose, settings.algorithm, private, signs_from, lifetime)
