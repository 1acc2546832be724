"""Access tokens (RFC 9068): made, and read again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.keys import SigningKeys
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.authentication.jose.claims import ACCESS_TOKEN_CLAIMS, ACCESS_TOKEN_TYPES, TokenRules
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.key_set import KeySet, read_key_set
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.token_service.random_ids import new_id

ALGORITHMS = ("ES256", "EdDSA", "RS256")


class Grant(msgspec.Struct, frozen=True):
    """What a token is to say.

    ``actors``: who acts for the subject, the caller first; ``sid``: the family or the token that it began with;
    ``origins``: every token that was exchanged on the way to it, the latest first: ``jti`` and ``client_id``.
    """

    subject: str
    client: str
    audience: str
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    sid: str = ""
    origins: tuple[tuple[str, str], ...] = ()


class IssuedToken(msgspec.Struct, frozen=True):
    """A token, what it says, and for how many seconds it holds."""

    token: str
    claims: Mapping[str, Any]
    expires_in: int

    def __repr__(self) -> str:
        return f"IssuedToken({self.claims.get('jti')})"


class AccessTokens:
    """Makes access tokens with the keys of today, and reads those that any of the published keys signed."""

    def __init__(self, keys: SigningKeys, wall_s: Callable[[], float]) -> None:
        self._keys = keys
        self._wall_s = wall_s
        self._settings = TokenServiceSettings()
        self._verifier: TokenVerifier | None = None

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings``, and by the keys that are published now."""
        self._settings = settings
        published = self._keys.published()
        if published is None:
            self._verifier = None
            return
        rules = TokenRules(settings.issuer, frozenset(settings.audiences), ACCESS_TOKEN_TYPES, ACCESS_TOKEN_CLAIMS)
        self._verifier = TokenVerifier(_Published(read_key_set(published.access).keys), ALGORITHMS, rules)

    def issue(self, grant: Grant, until: float = math.inf) -> IssuedToken:
        """A token as ``grant`` says, which ends ``until`` then (Unix seconds) at the latest. Raises ``OAuthError``."""
        signer = self._keys.signer()
        if signer is None:
            raise OAuthError("temporarily_unavailable", "there is no key to sign with yet; try again", "", 503)
        now = math.floor(self._wall_s())
        expires = math.floor(min(now + self._settings.token_lifetime, until))
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "sub": grant.subject,
            "aud": grant.audience,
            "exp": expires,
            "iat": now,
            "jti": new_id(),
            "client_id": grant.client,
        }
        if grant.scopes:
            claims["scope"] = " ".join(grant.scopes)
        if grant.roles:
            claims["roles"] = grant.roles
        if grant.sid:
            claims["sid"] = grant.sid
        if grant.actors:
            claims["act"] = _chain(grant.actors)
        if grant.origins:
            claims["origins"] = [{"jti": jti, "client_id": client} for jti, client in grant.origins]
        return IssuedToken(signer.sign(claims), claims, max(0, expires - now))

    def read(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that holds, as far as it can be known without what was revoked.

        Raises :class:`~portcullis.engine.authentication.jose.errors.TokenError`.
        """
        if self._verifier is None:
            raise OAuthError("temporarily_unavailable", "there are no keys yet; try again", "", 503)
        return self._verifier.verify(token.encode(), self._wall_s()).claims

    def readable(self, token: str) -> Mapping[str, Any] | None:
        """As :meth:`read`; ``None`` for a token that does not hold."""
        try:
            return self.read(token)
        except TokenError:
            return None


class _Published:
    """Keys that are what they are until the verifier is made anew."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def usable(self, now: float) -> KeySet:  # noqa: ARG002 - they do not age
        """The keys."""
        return self._keys

    def on_change(self, forget: Callable[[], None]) -> None:
        """They never change."""


def actors_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The chain of ``act`` claims of a token of ours, the caller first (RFC 8693 4.1)."""
    found: list[str] = []
    act = claims.get("act")
    while act is not None:
        found.append(act["sub"])
        act = act.get("act")
    return tuple(found)


def origins_of(claims: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The token with these claims and all that were exchanged on the way to it, the latest first."""
    before = ((each["jti"], each["client_id"]) for each in claims.get("origins", ()))
    return ((claims["jti"], claims["client_id"]), *before)


def _chain(actors: Sequence[str]) -> dict[str, Any]:
    chain: dict[str, Any] = {}
    for actor in reversed(actors):
        chain = {"sub": actor, **({"act": chain} if chain else {})}
    return chain
