"""Logout tokens, by which a provider tells that sessions ended (OpenID Connect Back-Channel Logout 1.0, 2.4, 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from portcullis.engine.authentication.jose.claims import TokenRules, is_identifier
from portcullis.engine.authentication.jose.errors import INVALID_CLAIMS, TokenError
from portcullis.engine.decision import shorten
from portcullis.engine.oidc.messages import RelyingPartySource

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TYPES: Final = frozenset({"", "jwt", "logout+jwt"})
"""The last one is recommended; many providers leave it out. ID tokens are told apart by the event, which none has."""
LONGEST_SECONDS: Final = 3_600.0
"""How long one may hold: it is remembered so long. Two minutes are recommended."""


class LoggedOut(msgspec.Struct, frozen=True):
    """Whose sessions have ended: of ``subject``, of the provider's session ``sid``, or of both at once."""

    subject: str | None
    sid: str | None


def logout_token_rules(source: RelyingPartySource) -> TokenRules:
    """What the verifier asks of them."""
    return TokenRules(source.issuer, frozenset({source.client}), TYPES, frozenset({"iat", "jti"}), source.leeway)


def read_logout_token(claims: Mapping[str, Any], lasts: float) -> LoggedOut:
    """What a verified token says, which ``lasts`` so many seconds. Raises :class:`TokenError`."""
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenError(INVALID_CLAIMS, f"events {shorten(events, 80)}", EVENT)
    if "nonce" in claims:  # so that no ID token is one
        raise TokenError(INVALID_CLAIMS, "a nonce", "a logout token, which has none")
    if lasts > LONGEST_SECONDS:
        raise TokenError(INVALID_CLAIMS, f"it holds for {lasts:.0f} s more", f"at most {LONGEST_SECONDS:.0f} s")
    told = LoggedOut(claims.get("sub"), claims.get("sid"))
    for name, value in (("sub", told.subject), ("sid", told.sid)):
        if value is not None and not is_identifier(value):
            raise TokenError(INVALID_CLAIMS, f"{name} {shorten(value, 60)}", "text of at most 255 characters")
    if told.subject is None and told.sid is None:
        raise TokenError(INVALID_CLAIMS, "neither sub nor sid", "one of them")
    return told
