"""ID tokens: what they must say beyond what any token must (OpenID Connect Core 2, 3.1.3.7 and 12.2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.claims import LATEST_DATE, TokenRules
from portcullis.engine.authentication.jose.errors import INVALID_CLAIMS, OLD_TOKEN, TokenError
from portcullis.engine.authentication.jose.verifier import VerifiedToken
from portcullis.engine.decision import shorten
from portcullis.engine.oidc.messages import RelyingPartySource

TYPES: Final = frozenset({"", "jwt"})
"""What ``typ`` may be: access tokens and log-out tokens are signed by the same keys (RFC 8725 3.11)."""
_DIGESTS: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def id_token_rules(source: RelyingPartySource) -> TokenRules:
    """What the verifier asks of them."""
    return TokenRules(source.issuer, frozenset({source.client}), TYPES, frozenset({"sub", "iat"}), source.leeway)


def check_id_token(source: RelyingPartySource, verified: VerifiedToken, access_token: str, now: float) -> None:
    """Whether it is for nobody else, belongs to ``access_token``, and is of a login as it was asked for.

    Raises :class:`TokenError`.
    """
    claims = verified.claims
    _check_parties(source, claims)
    if "at_hash" in claims and not _same(claims["at_hash"], token_hash(verified.header.algorithm, access_token)):
        raise _wrong("at_hash", "another access token's", "that of the access token")
    if source.max_age is not None:
        _check_age(claims.get("auth_time"), now, source.max_age + source.leeway)
    if source.acr_values and claims.get("acr") not in source.acr_values:
        raise _wrong("acr", shorten(claims.get("acr"), 60), ", ".join(source.acr_values))


def check_nonce(claims: Mapping[str, Any], nonce: str) -> None:
    """Whether it was made for this login. Raises :class:`TokenError`."""
    if not _same(claims.get("nonce"), nonce):
        raise _wrong("nonce", "another one, or none", "that of the login")


def check_renewed(claims: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Whether an ID token that came of a refresh is of the same login. Raises :class:`TokenError`."""
    for name in ("sub", "auth_time", "nonce", "sid"):
        must_be_there = name == "sub"
        if (must_be_there or (name in claims and name in before)) and claims.get(name) != before.get(name):
            raise _wrong(name, "another one than before", "the same as at the login")


def token_hash(algorithm: str, access_token: str) -> str:
    """``at_hash`` (3.1.3.6): the left half of a digest, of the signature's algorithm. Ed25519 has SHA-512 in it."""
    digest = _DIGESTS.get(algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    return base64url.encode(digest[: len(digest) // 2]).decode()


def _check_parties(source: RelyingPartySource, claims: Mapping[str, Any]) -> None:
    """Of ``aud`` that it has the client in it has been checked."""
    audience = claims["aud"]
    several = audience if isinstance(audience, list) else [audience]
    if foreign := [each for each in several if each != source.client and each not in source.audiences]:
        raise _wrong("aud", f"also {shorten(foreign[0], 80)}", "the client, and audiences that the file names")
    if "azp" in claims or len(several) > 1:
        party = claims.get("azp")
        if party != source.client:
            raise _wrong("azp", shorten(party, 80), source.client)


def _check_age(proven: Any, now: float, most: float) -> None:
    if type(proven) not in (int, float) or not 0 <= proven <= LATEST_DATE:
        raise _wrong("auth_time", shorten(proven, 60), "a date in Unix seconds")
    if now - proven > most:
        raise TokenError(OLD_TOKEN, f"auth_time {proven}, {now - proven:.0f} s ago", f"at most {most:g} s")


def _same(value: Any, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "replace"), wanted.encode())


def _wrong(claim: str, found: str, allowed: str) -> TokenError:
    return TokenError(INVALID_CLAIMS, f"{claim}: {found}", allowed)
