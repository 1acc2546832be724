"""Token exchange (RFC 8693): a service that was called calls on for its caller, and no further than it may.

What is exchanged must have been made out for the client itself (``serves``): otherwise whoever gets hold of a token for
another service could make a deputy of this one. The new token keeps the subject, names the client and all before it as
actors, up to a bound, has no scope that the first had not, and ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from portcullis.control.token_service.asking import (
    ACCESS_TOKEN,
    JWT,
    REFRESH,
    Parameters,
    audience_asked_for,
    required,
    scopes_asked_for,
)
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.control.token_service.tokens import AccessTokens, Grant, actors_of, origins_of
from portcullis.engine.token_service.metadata import REFRESH_TOKEN
from portcullis.stores.database.token_clients import StoredClient


class Exchanged:
    """What an exchange grants. ``until``: when what was exchanged ends; ``refreshed``: with a refresh token."""

    def __init__(self, grant: Grant, until: float, *, refreshed: bool) -> None:
        self.grant = grant
        self.until = until
        self.refreshed = refreshed


def exchange(
    parameters: Parameters,
    client: StoredClient,
    tokens: AccessTokens,
    is_revoked: Callable[[Mapping[str, Any]], bool],
    settings: TokenServiceSettings,
) -> Exchanged:
    """What the request grants to ``client``. Raises :class:`OAuthError`."""
    wanted = parameters.get("requested_token_type", ACCESS_TOKEN)
    if wanted not in (ACCESS_TOKEN, JWT, REFRESH):
        raise OAuthError("invalid_request", "the requested_token_type is not issued here")
    if wanted == REFRESH and REFRESH_TOKEN not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not ask for refresh tokens")
    if "actor_token" in parameters or "actor_token_type" in parameters:
        raise OAuthError("invalid_request", "the actor is the client itself: there is no actor_token")
    if required(parameters, "subject_token_type") not in (ACCESS_TOKEN, JWT):
        raise OAuthError("invalid_request", "the subject_token is an access token of this service")
    claims = tokens.readable(required(parameters, "subject_token"))
    if claims is None or is_revoked(claims):
        raise OAuthError("invalid_request", "the subject_token does not hold")
    if claims["aud"] not in client.serves:
        # A client that could exchange what was made out for others would be a confused deputy.
        raise OAuthError("invalid_request", "the subject_token does not hold", f"it is for {claims['aud']}")
    actors = (client.id, *actors_of(claims))
    if len(actors) > settings.max_actors:
        raise OAuthError("invalid_request", f"at most {settings.max_actors} services may stand in a row")
    granted = [each for each in str(claims.get("scope", "")).split(" ") if each and each in client.scopes]
    grant = Grant(
        claims["sub"],
        client.id,
        audience_asked_for(parameters, client, settings.audiences),
        scopes_asked_for(parameters, granted),
        tuple(claims.get("roles", ())),
        actors,
        claims.get("sid", claims["jti"]),
        origins_of(claims),
    )
    return Exchanged(grant, claims["exp"], refreshed=wanted == REFRESH)
