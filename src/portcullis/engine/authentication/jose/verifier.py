"""Verifies tokens: the one way in for whoever was given one.

The order of checks: size and form; the header, whose algorithm must be one that is accepted here; issuer and audience,
since a token for somebody else is worth no computation; the key, the signature; and then all else that it says. A
token's own words choose a key among those that are known, and nothing more (RFC 8725).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.algorithms import Verify
from portcullis.engine.authentication.jose.claims import TokenRules, check_claims, check_recipient, check_type
from portcullis.engine.authentication.jose.compact import Header, read_claims, read_header, split
from portcullis.engine.authentication.jose.errors import (
    BAD_SIGNATURE,
    MALFORMED_TOKEN,
    REFUSED_ALGORITHM,
    TokenError,
)
from portcullis.engine.authentication.jose.key_set import KeySet
from portcullis.engine.decision import shorten

_MAX_REMEMBERED: Final = 64
"""Headers that are remembered with their key: an issuer writes the same one into all of its tokens."""


class Keys(Protocol):
    """Where keys come from: a :class:`~portcullis.engine.authentication.jose.key_ring.KeyRing`, for one."""

    def usable(self, now: float) -> KeySet:
        """The keys to go by at ``now``, in Unix seconds. Raises ``NoKeysError``."""

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever they change."""


class VerifiedToken(msgspec.Struct, frozen=True):
    """A token that was verified: its header, its claims, and ``until`` when it holds (Unix seconds, with leeway).

    ``signed``: what was signed, which no one but the issuer can have written.
    """

    header: Header
    claims: Mapping[str, Any]
    until: float
    signed: bytes


class TokenVerifier:
    """Verifies signed tokens of one issuer by its ``keys``, the ``accepted`` algorithms and ``rules``."""

    __slots__ = ("_accepted", "_keys", "_remembered", "_rules")

    def __init__(self, keys: Keys, accepted: Collection[str], rules: TokenRules) -> None:
        self._keys = keys
        self._accepted = frozenset(accepted)
        self._rules = rules
        self._remembered: dict[bytes, tuple[Header, Verify]] = {}
        keys.on_change(self._remembered.clear)

    def verify(self, token: bytes, now: float) -> VerifiedToken:
        """What ``token`` says, at ``now`` in Unix seconds. Raises :class:`TokenError`, and nothing else.

        ``ForeignTokenError``: it is for somebody else; ``UnknownSignerError``, ``NoKeysError``: newer keys may help.
        """
        signed, encoded_header, encoded_claims, encoded_signature = split(token)
        known = self._remembered.get(encoded_header)
        header = known[0] if known is not None else self._read_header(encoded_header)
        claims = read_claims(encoded_claims)
        check_recipient(self._rules, claims)
        keys = self._keys.usable(now)
        try:
            signature = base64url.decode(encoded_signature)
        except ValueError:
            raise TokenError(MALFORMED_TOKEN, "the signature is not base64url", "base64url") from None
        if known is None or not _verifies(known[1], signature, signed):
            if known is not None and header.kid is not None:
                raise _bad_signature(header)
            self._find_key(keys, header, encoded_header, signature, signed)
        return VerifiedToken(header, claims, check_claims(self._rules, claims, now), signed)

    def _read_header(self, encoded: bytes) -> Header:
        header = read_header(encoded)
        if header.algorithm not in self._accepted:
            raise TokenError(
                REFUSED_ALGORITHM, f"alg {shorten(header.algorithm, 40)}", ", ".join(sorted(self._accepted))
            )
        check_type(self._rules, header.type)
        return header

    def _find_key(self, keys: KeySet, header: Header, encoded_header: bytes, signature: bytes, signed: bytes) -> None:
        """Find the key that verifies ``signature``, and remember it. Raises :class:`TokenError`."""
        for verify in keys.candidates(header.algorithm, header.kid):
            if _verifies(verify, signature, signed):
                if len(self._remembered) >= _MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[encoded_header] = (header, verify)
                return
        raise _bad_signature(header)


def _bad_signature(header: Header) -> TokenError:
    named = "no kid" if header.kid is None else f"kid {shorten(header.kid, 60)}"
    return TokenError(BAD_SIGNATURE, f"{header.algorithm}, {named}", "a signature of the issuer")


def _verifies(verify: Verify, signature: bytes, signed: bytes) -> bool:
    try:
        verify(signature, signed)
    except InvalidSignature:
        return False
    return True
