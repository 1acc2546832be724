"""What can be asked of the token service by its operators, what it tells, and how it says no.

These are also the bodies of the control API: strict, so that a misspelt member is an error. Times are RFC 3339 there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from portcullis.control.consumer_rules import MAX_NAMES, check_names, check_scopes, moment_of
from portcullis.control.service_errors import ServiceError
from portcullis.control.token_service.client_keys import read_client_keys
from portcullis.engine.token_service.metadata import CLIENT_CREDENTIALS, GRANTS, REFRESH_TOKEN, TOKEN_EXCHANGE
from portcullis.stores.database.token_clients import StoredClient

SHORT_GRANTS: Final[Mapping[str, str]] = {
    CLIENT_CREDENTIALS: CLIENT_CREDENTIALS,
    REFRESH_TOKEN: REFRESH_TOKEN,
    "token_exchange": TOKEN_EXCHANGE,
}
"""What grants are called on command lines and in listings."""
_LONGEST_OVERLAP: Final = 366 * 86_400.0


class TokenServiceError(ServiceError):
    """The token service said no."""

    code = "tokens.failed"


class InvalidTokenOrder(TokenServiceError):  # noqa: N818 - reads well after "raise"
    """What was asked makes no sense."""

    code = "tokens.invalid"
    status = 422


class UnknownClient(TokenServiceError):  # noqa: N818
    """There is no client of this id."""

    code = "tokens.unknown_client"
    status = 404


class TokenConflict(TokenServiceError):  # noqa: N818
    """What was asked contradicts what is there."""

    code = "tokens.conflict"
    status = 409


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for a client. ``grants``: by their short names; ``public``: without a secret.

    ``keys``: its public keys, a JWK set or PEM, for a client that signs assertions instead of having a secret.
    """

    id: str
    audiences: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    grants: tuple[str, ...] = (CLIENT_CREDENTIALS,)
    serves: tuple[str, ...] = ()
    public: bool = False
    keys: str = ""

    def check(self, audiences: tuple[str, ...]) -> None:
        """Raise :class:`InvalidTokenOrder` unless it makes sense for a service with these ``audiences``."""
        try:
            check_names(self.id, None, self.roles)
            check_scopes(self.scopes)
        except ValueError as error:
            raise InvalidTokenOrder(str(error)) from error
        for grant in self.grants:
            if grant not in SHORT_GRANTS:
                raise InvalidTokenOrder(f"there is no grant {grant[:64]!r}; there are: {', '.join(SHORT_GRANTS)}")
        if self.public and self.keys:
            raise InvalidTokenOrder("a public client has no keys, and a client with keys is not public")
        if self.public and self.grants != (REFRESH_TOKEN,):
            raise InvalidTokenOrder("a public client has no secret, so all it may use is refresh_token")
        if not self.audiences or max(len(self.audiences), len(self.serves)) > MAX_NAMES:
            raise InvalidTokenOrder(f"a client has between 1 and {MAX_NAMES} audiences")
        for audience in (*self.audiences, *self.serves):
            if audience not in audiences:
                known = ", ".join(audiences) or "none"
                raise InvalidTokenOrder(f"there is no audience {audience[:64]!r}; token_service.audiences: {known}")
        if "token_exchange" in self.grants and not self.serves:
            raise InvalidTokenOrder("who exchanges tokens says whose it gets: serves, the audiences that it is itself")

    def key_set(self) -> bytes | None:
        """What is kept of its keys. Raises :class:`InvalidTokenOrder` for those that can't be used."""
        return _key_set(self.keys)


class SecretRotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for another secret, or for other ``keys``. ``overlap``: for how many seconds those before still work."""

    overlap: float = 86_400.0
    keys: str = ""

    def check(self) -> None:
        """Raise :class:`InvalidTokenOrder` for an overlap that makes no sense."""
        if not 0 <= self.overlap <= _LONGEST_OVERLAP:
            raise InvalidTokenOrder("an overlap is between 0 seconds and a year")

    def key_set(self) -> bytes | None:
        """As :meth:`NewClient.key_set`."""
        return _key_set(self.keys)


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for a token of ``client``, about ``subject`` (by default the client itself).

    ``scopes``: ``None`` for all of the client's; ``refresh``: a refresh token too, for the client to go on with.
    """

    client: str
    subject: str | None = None
    audience: str | None = None
    scopes: tuple[str, ...] | None = None
    roles: tuple[str, ...] = ()
    refresh: bool = False


class TokenText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order about a token."""

    token: str

    def __repr__(self) -> str:
        return "TokenText(***)"


class RevocationById(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to revoke by a ``jti`` or a ``sid``."""

    id: str


class ClientRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known about a client. ``secret_changed``: when its secret or its keys became what they are."""

    id: str
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    grants: tuple[str, ...]
    serves: tuple[str, ...]
    public: bool
    created: datetime | None
    secret_changed: datetime | None
    previous_works_until: datetime | None = None
    proof: Literal["secret", "key", "none"] = "secret"


class IssuedClient(msgspec.Struct, frozen=True):
    """A client and its new ``secret``, in clear this one time; empty for one that is public or signs."""

    secret: str
    client: ClientRecord

    def __repr__(self) -> str:
        return f"IssuedClient({self.client.id})"


class IssuedTokens(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens, in clear this one time."""

    access_token: str
    expires_in: int
    claims: dict[str, Any]
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"IssuedTokens({self.claims.get('jti')})"


class Inspected(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token is: whether it holds, why not, and what it says."""

    active: bool
    reason: str = ""
    claims: dict[str, Any] = {}


class RevocationDone(msgspec.Struct, frozen=True):
    """``revoked``: there was something to revoke."""

    revoked: bool


def record_of(client: StoredClient) -> ClientRecord:
    """``client`` as it may be shown."""
    short = {grant: name for name, grant in SHORT_GRANTS.items()}
    return ClientRecord(
        client.id,
        client.audiences,
        client.scopes,
        client.roles,
        tuple(short[grant] for grant in client.grants if grant in GRANTS),
        client.serves,
        client.is_public,
        moment_of(client.created),
        moment_of(client.secret_changed),
        moment_of(client.previous_until),
        "none" if client.is_public else "secret" if client.key_set is None else "key",
    )


def _key_set(keys: str) -> bytes | None:
    try:
        return read_client_keys(keys) if keys else None
    except ValueError as error:
        raise InvalidTokenOrder(str(error)) from error
