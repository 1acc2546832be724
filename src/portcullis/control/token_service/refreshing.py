"""Refresh tokens: each is used once, and its second use ends its whole family (RFC 9700 4.14.2).

Whoever refreshes gets the next token in the same transaction in which the one before is used up: of two who come with
the same token at the same time one is first, and the other one is the second use. ``refresh.grace`` makes an exception
for answers that got lost: within it a used token may be used again, as long as what it gave was not used; that is then
used up, so that at any time only one token of a family can be used.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

import msgspec
import sqlalchemy as sa

from portcullis.control.token_service.asking import Parameters, required, scopes_asked_for
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.revoking import of_family
from portcullis.control.token_service.secrets import digest_of, new_refresh_token
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.control.token_service.tokens import AccessTokens, Grant, IssuedToken
from portcullis.engine.token_service.random_ids import new_id
from portcullis.stores.database.connection import DatabaseError
from portcullis.stores.database.grouped_writes import GroupedWrites
from portcullis.stores.database.refresh_tokens import (
    StoredFamily,
    StoredRefreshToken,
    add_family,
    add_refresh_token,
    find_refresh_token,
    revoke_family,
    use_refresh_token,
)
from portcullis.stores.database.token_clients import StoredClient
from portcullis.stores.database.token_revocations import revoke


class Refreshed(msgspec.Struct, frozen=True):
    """What a refresh gave: an access token and the next refresh token."""

    access: IssuedToken
    refresh: str

    def __repr__(self) -> str:
        return f"Refreshed({self.access!r})"


class Reused(msgspec.Struct, frozen=True):
    """A refresh token was used again, and its family is over now."""

    family: str


class RefreshTokens:
    """Begins families and goes on with them. ``wall_s``: Unix seconds."""

    def __init__(self, writes: GroupedWrites, tokens: AccessTokens, wall_s: Callable[[], float]) -> None:
        self._writes = writes
        self._tokens = tokens
        self._wall_s = wall_s
        self._settings = TokenServiceSettings()
        self.reused = 0
        """How many families were ended because a token was used again."""

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings`` from now on."""
        self._settings = settings

    async def begin(self, grant: Grant) -> Refreshed:
        """Begin a family with what ``grant`` says."""
        now = self._wall_s()
        family = StoredFamily(
            new_id(),
            grant.client,
            grant.subject,
            grant.audience,
            grant.scopes,
            grant.roles,
            grant.actors,
            now,
            now + self._settings.refresh_lifetime,
        )
        refresh = new_refresh_token()
        digest, idle_until = digest_of(refresh), self._idle_until(family, now)

        def work(connection: sa.Connection) -> None:
            add_family(connection, family)
            add_refresh_token(connection, digest, family.id, idle_until)

        await self._writes.run(work)
        return Refreshed(self._access(family, family.scopes), refresh)

    async def refresh(self, parameters: Parameters, client: StoredClient) -> Refreshed | Reused:
        """Use a refresh token. Raises :class:`OAuthError`; what was granted holds on, but for a second use."""
        digest = digest_of(required(parameters, "refresh_token"))
        successor = new_refresh_token()
        now = self._wall_s()

        def work(connection: sa.Connection) -> tuple[StoredFamily, tuple[str, ...]] | Reused:
            token = find_refresh_token(connection, digest)
            if token is None or not compare_digest(token.family.client.encode(), client.id.encode()):
                # To others a token of somebody else is none: it is not ended for them either.
                raise _invalid("no refresh token of this client")
            family = token.family
            if family.revoked_at is not None:
                raise _invalid("its family was revoked")
            if now >= family.expires:
                raise _invalid("its family has ended")
            if token.used_at is not None and not self._may_be_used_again(connection, token, now):
                revoke_family(connection, family.id, now)
                revoke(connection, [of_family(family.id, now)])
                return Reused(family.id)
            if token.used_at is None and now >= token.idle_until:
                raise _invalid("it was not used for too long")
            scopes = scopes_asked_for(parameters, [each for each in family.scopes if each in client.scopes])
            if token.successor is not None:
                use_refresh_token(connection, token.successor, now, token.successor)
            add_refresh_token(connection, digest_of(successor), family.id, self._idle_until(family, now))
            first_used = now if token.used_at is None else token.used_at
            use_refresh_token(connection, digest, first_used, digest_of(successor))
            return family, scopes

        try:
            done = await self._writes.run(work)
        except DatabaseError as error:
            raise OAuthError("temporarily_unavailable", "try again", str(error), 503) from error
        if isinstance(done, Reused):
            self.reused += 1
            return done
        return Refreshed(self._access(*done), successor)

    def _may_be_used_again(self, connection: sa.Connection, token: StoredRefreshToken, now: float) -> bool:
        """Whether a used token is one whose answer may have got lost."""
        if token.used_at is None or now - token.used_at > self._settings.refresh_grace or token.successor is None:
            return False
        if not self._settings.refresh_grace or token.successor == token.digest:
            return False
        successor = find_refresh_token(connection, token.successor)
        return successor is not None and successor.used_at is None

    def _access(self, family: StoredFamily, scopes: tuple[str, ...]) -> IssuedToken:
        grant = Grant(
            family.subject, family.client, family.audience, scopes, family.roles, family.actors, sid=family.id
        )
        return self._tokens.issue(grant, family.expires)

    def _idle_until(self, family: StoredFamily, now: float) -> float:
        return min(family.expires, now + self._settings.refresh_idle)


def _invalid(reason: str) -> OAuthError:
    return OAuthError("invalid_grant", "the refresh token is not valid", reason)
