"""What the claims of a token must say (RFC 7519 4.1, RFC 8725 3.8 to 3.11, RFC 9068)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import msgspec

from portcullis.engine.authentication.jose.errors import (
    EXPIRED_TOKEN,
    FOREIGN_AUDIENCE,
    FOREIGN_ISSUER,
    INVALID_CLAIMS,
    OLD_TOKEN,
    PREMATURE_TOKEN,
    WRONG_TOKEN_TYPE,
    ForeignTokenError,
    TokenError,
)
from portcullis.engine.decision import shorten

LATEST_DATE: Final = 253_402_300_799
"""The end of the year 9999: a token that is to hold longer has no end."""
MAX_AUDIENCES: Final = 64
MAX_ID: Final = 255
"""Characters of a ``jti``, a ``sub`` (OpenID Connect Core 2) and the like."""
ORDINARY_TYPES: Final = frozenset({"", "jwt", "at+jwt"})
"""The ``typ`` of tokens that say who calls: others, such as proofs and log-out tokens, are signed by the same keys."""
ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt"})
ACCESS_TOKEN_CLAIMS: Final = frozenset({"iss", "exp", "aud", "sub", "client_id", "iat", "jti"})
"""What RFC 9068 2.2 requires."""
_TEXTS: Final = frozenset({"sub", "jti", "client_id", "azp", "sid"})


class TokenRules(msgspec.Struct, frozen=True):
    """What is asked of the tokens of one issuer.

    ``issuer``: exactly its ``iss``; ``audiences``: one of them must be in ``aud``; ``types``: what ``typ`` may be, as
    :func:`~portcullis.engine.authentication.jose.compact.media_type` gives it; ``required``: claims that must be there
    besides ``iss``, ``aud`` and ``exp``; ``leeway``: seconds by which clocks may differ; ``max_age``: seconds since
    ``iat`` (a token without one is old).
    """

    issuer: str
    audiences: frozenset[str]
    types: frozenset[str] = ORDINARY_TYPES
    required: frozenset[str] = frozenset()
    leeway: float = 0.0
    max_age: float | None = None


def check_type(rules: TokenRules, kind: str) -> None:
    """Whether a token of type ``kind`` is what was asked for (RFC 8725 3.11). Raises :class:`TokenError`."""
    if kind not in rules.types:
        wanted = ", ".join(sorted(rules.types - {""}))
        raise TokenError(WRONG_TOKEN_TYPE, f"typ {shorten(kind, 60) or 'is missing'}", f"typ {wanted}")


def check_recipient(rules: TokenRules, claims: Mapping[str, Any]) -> None:
    """Whether the token is of the issuer and for the audience. Needs no key, and grants nothing.

    Raises :class:`ForeignTokenError`.
    """
    if claims.get("iss") != rules.issuer:
        raise ForeignTokenError(FOREIGN_ISSUER, f"iss {shorten(claims.get('iss'), 80)}", rules.issuer)
    audience = claims.get("aud")
    if not (audience in rules.audiences if type(audience) is str else _names_one(audience, rules.audiences)):
        raise ForeignTokenError(FOREIGN_AUDIENCE, f"aud {shorten(audience, 80)}", ", ".join(sorted(rules.audiences)))


def check_claims(rules: TokenRules, claims: Mapping[str, Any], now: float) -> float:
    """Until when the token holds, in Unix seconds with the leeway. Raises :class:`TokenError` if it does not.

    ``now`` is in Unix seconds. Other claims than these are the caller's to judge.
    """
    get, leeway = claims.get, rules.leeway
    for name in rules.required:
        if name not in claims or (name in _TEXTS and not is_identifier(claims[name])):
            raise TokenError(INVALID_CLAIMS, f"{name} {shorten(get(name), 80)}", f"the claim {name}")
    if "jti" in claims and not is_identifier(claims["jti"]):
        raise TokenError(INVALID_CLAIMS, f"jti {shorten(claims['jti'], 80)}", f"text of at most {MAX_ID} characters")
    exp: Any = get("exp")
    nbf, iat = get("nbf", 0), get("iat", 0)
    for name, date in (("exp", exp), ("nbf", nbf), ("iat", iat)):
        if not ((type(date) is int or type(date) is float) and 0 <= date <= LATEST_DATE):
            raise TokenError(INVALID_CLAIMS, f"{name} {shorten(date, 60)}", "a date in Unix seconds")
    until: float = exp + leeway
    if until <= now:
        raise TokenError(EXPIRED_TOKEN, f"exp {exp}, {now - exp:.0f} s ago", "a token that holds")
    soon = now + leeway
    if nbf > soon:
        raise TokenError(PREMATURE_TOKEN, f"nbf {nbf}, in {nbf - now:.0f} s", "a token that holds already")
    if iat > soon:
        raise TokenError(PREMATURE_TOKEN, f"iat {iat}, in {iat - now:.0f} s", "a token that was issued already")
    if rules.max_age is not None:
        until = min(until, iat + rules.max_age + leeway)
        if until <= now:
            raise TokenError(OLD_TOKEN, f"iat {iat}, {now - iat:.0f} s ago", f"at most {rules.max_age:g} s")
    return until


def is_identifier(value: Any) -> TypeGuard[str]:
    """Whether ``value`` can name something: a text without control characters, neither empty nor long."""
    return type(value) is str and 0 < len(value) <= MAX_ID and value.isprintable()


def _names_one(listed: Any, audiences: frozenset[str]) -> bool:
    if type(listed) is not list or len(listed) > MAX_AUDIENCES or not all(type(each) is str for each in listed):
        return False
    return not audiences.isdisjoint(listed)
