"""A set of keys, and which of them a token can have been signed with.

A token names a key (``kid``) and an algorithm. Both only choose among what the set holds: a key that is not in it is
never used, wherever a token says that it can be had (``jku``, ``x5u``, ``jwk``, ``x5c``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.authentication.jose.algorithms import Verify
from portcullis.engine.authentication.jose.errors import REFUSED_ALGORITHM, TokenError, UnknownSignerError
from portcullis.engine.authentication.jose.errors import UNKNOWN_SIGNER as UNKNOWN
from portcullis.engine.authentication.jose.keys import (
    PEM,
    NotForUsError,
    UnusableKeyError,
    VerificationKey,
    read_jwk,
    read_pem,
)
from portcullis.engine.decision import shorten

MAX_KEYS: Final = 100
"""Keys of a set; the largest issuers have a dozen."""
MAX_TRIED: Final = 8
"""Keys that are tried on a token which names none: each costs a whole verification."""
_LIMITS: Final = strict_json.Limits(depth=8, keys=20_000, string=65_536, digits=64)


def _without_ambiguous(keys: Iterable[VerificationKey]) -> tuple[list[VerificationKey], list[str]]:
    """``keys`` without repetitions, and without different ones of the same name: which of them is meant nobody knows.

    Keys of one name may differ by their algorithm (RFC 7517 4.5).
    """
    by_name: dict[tuple[str, str], set[bytes]] = {}
    merged: dict[tuple[str | None, bytes], VerificationKey] = {}
    for key in keys:
        before = merged.setdefault((key.kid, key.material), key)
        merged[key.kid, key.material] = msgspec.structs.replace(key, verifiers={**before.verifiers, **key.verifiers})
    distinct = merged.values()
    for key in distinct:
        if key.kid is not None:
            for algorithm in key.verifiers:
                by_name.setdefault((key.kid, algorithm), set()).add(key.material)
    ambiguous = {kid for (kid, _), materials in by_name.items() if len(materials) > 1}
    problems = [f'the keys "{shorten(kid, 60)}" are not used: several have this kid' for kid in sorted(ambiguous)]
    return [key for key in distinct if key.kid not in ambiguous], problems


class MalformedKeySetError(ValueError):
    """A document is no key set. Says why."""


class KeySet:
    """Keys, arranged by what a token may say. Raises ``ValueError`` for secrets among public keys (RFC 8725 2.1).

    ``problems``: why keys are not used, a line each.
    """

    __slots__ = ("_all", "_kids", "_named", "_nameless", "is_secret", "problems", "size")

    def __init__(self, keys: Iterable[VerificationKey] = (), problems: Iterable[str] = ()) -> None:
        kept, ambiguous = _without_ambiguous(keys)
        if len({key.is_secret for key in kept}) > 1:
            raise ValueError("secrets and public keys are not kept together (RFC 8725 2.1)")
        self.is_secret = any(key.is_secret for key in kept)
        self.problems = (*problems, *ambiguous)
        self.size = len(kept)
        self._kids = frozenset(key.kid for key in kept if key.kid is not None)
        self._named: dict[tuple[str, str], Verify] = {}
        self._nameless: dict[str, list[Verify]] = {}
        self._all: dict[str, list[Verify]] = {}
        for key in kept:
            for algorithm, verify in key.verifiers.items():
                self._all.setdefault(algorithm, []).append(verify)
                if key.kid is None:
                    self._nameless.setdefault(algorithm, []).append(verify)
                else:
                    self._named[key.kid, algorithm] = verify

    def __repr__(self) -> str:
        return f"KeySet({self.size} keys, {', '.join(sorted(self._all)) or 'for nothing'})"

    def candidates(self, algorithm: str, kid: str | None) -> Sequence[Verify]:
        """How a token that names ``algorithm`` and ``kid`` can be verified: one way, or some that are to be tried.

        Raises :class:`TokenError`; :class:`UnknownSignerError` where a newer set may have the key.
        """
        if kid is None:
            found = self._all.get(algorithm, ())
            if len(found) > MAX_TRIED:
                raise TokenError(UNKNOWN, f"no kid, and {len(found)} keys would have to be tried", "a token with a kid")
        elif verify := self._named.get((kid, algorithm)):
            return (verify,)
        elif kid in self._kids:
            raise TokenError(REFUSED_ALGORITHM, f"{algorithm} with the key {shorten(kid, 60)}", "the key's algorithm")
        else:
            found = self._nameless.get(algorithm, ())[:MAX_TRIED]
        if not found:
            named = "no kid" if kid is None else f"the kid {shorten(kid, 60)}"
            raise UnknownSignerError(UNKNOWN, f"{named}, {algorithm}", "a key of the issuer")
        return found


NO_KEYS: Final = KeySet()


class ReadKeySet(msgspec.Struct, frozen=True, eq=False):
    """A key set that was read, and ``document``: those of its members that are in use, as text."""

    keys: KeySet
    document: bytes


def read_key_set(document: bytes, accepted: Collection[str] | None = None) -> ReadKeySet:
    """The keys in a JWK set (RFC 7517 5) that can be used for the ``accepted`` algorithms.

    Keys for something else are passed over; of others that can't be used the set's ``problems`` say why. Raises
    :class:`MalformedKeySetError`; a set without a key is none: it says that no key holds.
    """
    try:
        value = strict_json.loads(document, _LIMITS)
    except strict_json.MalformedJsonError as error:
        raise MalformedKeySetError(f"it is no JSON that can be read one way only: {error}") from None
    members = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(members, list):
        raise MalformedKeySetError('it is no JSON object with a list "keys"')
    if len(members) > MAX_KEYS:
        raise MalformedKeySetError(f"it has {len(members)} keys, and at most {MAX_KEYS} are read")
    keys, problems, used = [], [], []
    for position, member in enumerate(members, 1):
        try:
            keys.append(read_jwk(member if isinstance(member, dict) else {}, accepted))
            used.append(_public_part(member))
        except NotForUsError:
            continue
        except UnusableKeyError as error:
            problems.append(f"{_name(position, member)} is not used: {error}")
    return ReadKeySet(KeySet(keys, problems), msgspec.json.encode({"keys": used}))


def read_key_file(content: bytes, accepted: Collection[str] | None = None) -> KeySet:
    """The keys in a file: a JWK set, or one public key in PEM. Raises ``ValueError``."""
    if content.lstrip().startswith(PEM):
        return KeySet([read_pem(content, accepted)])
    return read_key_set(content, accepted).keys


def _public_part(member: Mapping[str, Any]) -> dict[str, Any]:
    return {name: member[name] for name in ("kty", "kid", "alg", "use", "crv", "x", "y", "n", "e") if name in member}


def _name(position: int, member: Any) -> str:
    kid = member.get("kid") if isinstance(member, dict) else None
    return f"key {position}" + (f' ("{shorten(kid, 60)}")' if isinstance(kid, str) else "")
