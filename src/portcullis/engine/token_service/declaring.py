"""The token service as the configuration file declares it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.config.names import BasePath, check_url
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning

MAX_ACTORS: Final = 8
LONGEST_LIFETIME: Final = 3600.0
"""Seconds that an access token may hold at most: after them nothing need be known of it."""
MOST_KEYS: Final = 32
"""How many rotations a token may outlive: so many old keys are published at a time."""

SigningAlgorithm = Literal["ES256", "EdDSA", "RS256"]


def _check_issuer(value: str) -> str:
    check_url(value)
    parts = urlsplit(value)
    if parts.path or value != value.lower():
        raise ValueError("an origin in lower case, without a path: https://id.shop.example")
    return value


Issuer = Annotated[str, AfterValidator(_check_issuer), Meaning("an issuer", "https://id.shop.example")]
Audience = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-\[\]-~]+$"), Meaning("an audience", "shop")]
"""Visible ASCII without the backslash."""


class SigningConfig(Section):
    """How tokens are signed."""

    algorithm: SigningAlgorithm = "ES256"
    """``ES256``, ``EdDSA`` or ``RS256``; another one signs after the next rotation."""
    rotate_every: Annotated[Duration, Field(ge=1.0, le=366 * 86400.0)] = 30 * 86400.0
    """How long a key signs."""
    publish_before: Annotated[Duration, Field(ge=0.5, le=30 * 86400.0)] = 86400.0
    """How long a key is published before it signs: whoever verifies must have fetched the key set by then."""

    @model_validator(mode="after")
    def _is_in_time(self) -> Self:
        if self.publish_before > self.rotate_every / 2:
            raise ValueError("publish_before is at most half of rotate_every")
        return self


class RefreshConfig(Section):
    """Refresh tokens: each is used once, and gives the next one."""

    lifetime: Annotated[Duration, Field(ge=1.0, le=366 * 86400.0)] = 30 * 86400.0
    """How long a caller can go on without proving anew who he is."""
    idle: Annotated[Duration, Field(ge=1.0, le=366 * 86400.0)] = 7 * 86400.0
    """How long a refresh token may wait for its use."""
    grace: Annotated[Duration, Field(ge=0.0, le=60.0)] = 0.0
    """How long the last used refresh token may be used again while the next one has not been: for answers that got
    lost. ``0s``: a second use is always the use of a stolen one, and revokes all that came from it."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.idle > self.lifetime:
            raise ValueError("idle is at most lifetime")
        return self


class ExchangeConfig(Section):
    """Token exchange (RFC 8693): a service that was called calls on, for its caller."""

    max_actors: int = Field(4, ge=1, le=MAX_ACTORS)
    """Services that may stand between the first caller and the last service."""


class TokenServiceConfig(Section):
    """A token service of the gateway's own, for those who have none."""

    issuer: Issuer
    """What ``iss`` says, and where it is reached: an origin whose host the listeners serve."""
    path: BasePath = "/oauth2"
    """What stands before the paths of its endpoints: ``/token``, ``/revoke``, ``/introspect``, ``/jwks``."""
    audiences: list[Audience] = Field(min_length=1, max_length=256)
    """Whom tokens may be made out for."""
    token_lifetime: Annotated[Duration, Field(ge=1.0, le=LONGEST_LIFETIME)] = 300.0
    """How long an access token holds."""
    signing: SigningConfig = SigningConfig()
    """How tokens are signed."""
    refresh: RefreshConfig = RefreshConfig()
    """Refresh tokens."""
    exchange: ExchangeConfig = ExchangeConfig()
    """Token exchange."""
    client_secret_post: bool = False
    """Whether clients may send their secret in the body (RFC 6749 2.3.1: not recommended)."""
    token_endpoint_audience: bool = False
    """Whether clients that sign assertions may name the token endpoint as their audience, as older libraries do (RFC
    7523 3), and not the issuer alone: who also uses a hostile service could be led to sign there what passes here."""
    calls_per_address: int = Field(600, ge=1, le=1_000_000)
    """Requests to its endpoints from one address in a minute, and at once."""
    calls_per_client: int = Field(3_000, ge=1, le=1_000_000)
    """Requests to its endpoints in the name of one client in a minute, and at once."""

    @model_validator(mode="after")
    def _publishes_few_keys(self) -> Self:
        if self.token_lifetime > MOST_KEYS * self.signing.rotate_every:
            raise ValueError(f"token_lifetime is at most {MOST_KEYS} times signing.rotate_every")
        return self

    @property
    def host(self) -> str:
        """The host that its endpoints are served at."""
        parts = urlsplit(self.issuer)
        host = parts.hostname or ""
        return f"[{host}]" if ":" in host else host
