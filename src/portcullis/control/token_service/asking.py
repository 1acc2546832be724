"""What may be asked for: scopes and audiences, never more than the client has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from portcullis.control.token_service.errors import OAuthError
from portcullis.stores.database.token_clients import StoredClient

MAX_SCOPES: Final = 64
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
REFRESH: Final = "urn:ietf:params:oauth:token-type:refresh_token"
Parameters = Mapping[str, str]


def required(parameters: Parameters, name: str) -> str:
    """A parameter that must be there. Raises :class:`OAuthError`."""
    value = parameters.get(name)
    if not value:
        raise OAuthError("invalid_request", f"the parameter {name} is missing")
    return value


def scopes_asked_for(parameters: Parameters, granted: Sequence[str]) -> tuple[str, ...]:
    """The scopes that are asked for, by default all that are ``granted``. Raises :class:`OAuthError` for others."""
    text = parameters.get("scope")
    if text is None:
        return tuple(granted)
    asked = tuple(dict.fromkeys(text.split(" ")))
    if len(asked) > MAX_SCOPES or not set(asked) <= set(granted):
        raise OAuthError("invalid_scope", "a scope was asked for that is not granted")
    return asked


def audience_asked_for(parameters: Parameters, client: StoredClient, audiences: Collection[str]) -> str:
    """For whom a token is asked: the ``audience`` (RFC 8693 2.1), by default the only one that the client has.

    ``audiences``: those of the token service. Raises :class:`OAuthError`.
    """
    if "resource" in parameters:
        raise OAuthError("invalid_target", "audiences are named by audience, not by resource")
    mine = [each for each in client.audiences if each in audiences]
    asked = parameters.get("audience")
    if asked is None:
        if len(mine) != 1:
            raise OAuthError(
                "invalid_target", "say for whom the token is to be: audience", f"{len(mine)} to choose from"
            )
        return mine[0]
    if asked not in mine:
        raise OAuthError("invalid_target", "the client may not ask for tokens for that audience")
    return asked
