"""The token service as its operators see it: clients are made and removed, tokens issued, explained and revoked.

There is one in the control process; a command that finds no control process uses one of its own on the same database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from portcullis.control.consumer_rules import Declared, check_names, whole_milliseconds
from portcullis.control.token_service.asking import audience_asked_for, scopes_asked_for
from portcullis.control.token_service.clients import ClientDirectory
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.orders import (
    SHORT_GRANTS,
    ClientRecord,
    Inspected,
    InvalidTokenOrder,
    IssuedClient,
    IssuedTokens,
    NewClient,
    NewToken,
    RevocationById,
    RevocationDone,
    SecretRotation,
    TokenConflict,
    TokenServiceError,
    TokenText,
    UnknownClient,
    record_of,
)
from portcullis.control.token_service.refreshing import RefreshTokens
from portcullis.control.token_service.revoking import RevocationList
from portcullis.control.token_service.secrets import digest_of, new_secret
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.control.token_service.tokens import AccessTokens, Grant
from portcullis.control.token_service.withdrawing import Withdrawals
from portcullis.engine.authentication.jose.claims import is_identifier
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.stores.database.grouped_writes import GroupedWrites
from portcullis.stores.database.token_clients import StoredClient, find_client, put_client

T = TypeVar("T")


class TokenService:
    """Methods raise :class:`~portcullis.control.token_service.orders.TokenServiceError` and ``DatabaseError``."""

    def __init__(
        self,
        writes: GroupedWrites,
        clients: ClientDirectory,
        tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        revoked: RevocationList,
        withdrawals: Withdrawals,
        wall_s: Callable[[], float],
    ) -> None:
        self._writes = writes
        self._clients = clients
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._revoked = revoked
        self._withdrawals = withdrawals
        self._wall_s = wall_s
        self._settings = TokenServiceSettings()

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings`` from now on."""
        self._settings = settings

    async def add_client(self, order: NewClient) -> IssuedClient:
        """Make a client, and its secret, if it has no keys."""
        self._check_there()
        order.check(self._settings.audiences)
        self._check_roles(order.roles)
        now = whole_milliseconds(self._wall_s())
        key_set = order.key_set()
        secret = "" if order.public or key_set is not None else new_secret()
        client = StoredClient(
            id=order.id,
            secret=digest_of(secret) if secret else None,
            grants=tuple(SHORT_GRANTS[grant] for grant in dict.fromkeys(order.grants)),
            scopes=tuple(dict.fromkeys(order.scopes)),
            audiences=tuple(dict.fromkeys(order.audiences)),
            serves=tuple(dict.fromkeys(order.serves)),
            roles=tuple(sorted(set(order.roles))),
            created=now,
            secret_changed=now,
            key_set=key_set,
        )

        def work(connection: sa.Connection) -> None:
            if find_client(connection, client.id) is not None:
                raise TokenConflict(f"there is a client {client.id} already")
            put_client(connection, client)

        await self._change_clients(work)
        return IssuedClient(secret, record_of(client))

    async def list_clients(self) -> list[ClientRecord]:
        """All clients, by id."""
        await asyncio.to_thread(self._clients.refresh)
        return [record_of(client) for client in self._clients.listing()]

    async def rotate_secret(self, id_: str, order: SecretRotation) -> IssuedClient:
        """Give a client another secret, or other keys; what it had before works on until the overlap ends."""
        order.check()
        key_set = order.key_set()
        secret = new_secret() if key_set is None else ""
        now = whole_milliseconds(self._wall_s())

        def work(connection: sa.Connection) -> StoredClient:
            client = _find(connection, id_)
            if client.is_public:
                raise TokenConflict("a public client has no secret")
            if client.key_set is not None and key_set is None:
                raise TokenConflict("the client has no secret, it signs: give its next public keys (--key)")
            changed = msgspec.structs.replace(
                client,
                secret=digest_of(secret) if secret else None,
                key_set=key_set,
                secret_changed=now,
                previous_secret=client.secret if order.overlap else None,
                previous_key_set=client.key_set if order.overlap else None,
                previous_until=now + order.overlap if order.overlap else None,
            )
            put_client(connection, changed)
            return changed

        return IssuedClient(secret, record_of(await self._change_clients(work)))

    async def remove_client(self, id_: str) -> ClientRecord:
        """Remove a client, and end all its tokens."""
        client = await self._client(id_)
        await self._withdrawals.remove(client)
        await asyncio.to_thread(self._clients.refresh)
        return record_of(client)

    async def issue(self, order: NewToken) -> IssuedTokens:
        """A token for a client, by word of the operator."""
        self._check_there()
        client = await self._client(order.client)
        self._check_roles(order.roles)
        if order.subject is not None and not is_identifier(order.subject):
            raise InvalidTokenOrder("a subject has between 1 and 255 printable characters")
        parameters = {"audience": order.audience} if order.audience is not None else {}
        if order.scopes is not None:
            parameters["scope"] = " ".join(order.scopes)
        try:
            grant = Grant(
                order.subject or client.id,
                client.id,
                audience_asked_for(parameters, client, self._settings.audiences),
                scopes_asked_for(parameters, client.scopes) if parameters.get("scope") != "" else (),
                order.roles or (client.roles if order.subject is None else ()),
            )
            if order.refresh:
                return await self._begin(client, grant)
            issued = self._tokens.issue(grant)
        except OAuthError as error:
            raise InvalidTokenOrder(str(error)) from error
        return IssuedTokens(issued.token, issued.expires_in, dict(issued.claims))

    async def _begin(self, client: StoredClient, grant: Grant) -> IssuedTokens:
        if SHORT_GRANTS["refresh_token"] not in client.grants:
            raise InvalidTokenOrder(f"{client.id} may not use refresh tokens: its grants lack refresh_token")
        begun = await self._refresh_tokens.begin(grant)
        return IssuedTokens(begun.access.token, begun.access.expires_in, dict(begun.access.claims), begun.refresh)

    async def inspect(self, order: TokenText) -> Inspected:
        """What an access token is."""
        self._check_there()
        try:
            claims = dict(self._tokens.read(order.token))
        except TokenError as error:
            allowed = f", where it would be {error.allowed}" if error.allowed else ""
            return Inspected(False, f"{error.code.title}: {error.found}{allowed}")
        except OAuthError as error:
            raise TokenServiceError(str(error)) from error
        await self._withdrawals.tell()
        if self._revoked.covers(claims):
            return Inspected(False, "It was revoked", claims)
        return Inspected(True, "", claims)

    async def revoke(self, order: TokenText) -> RevocationDone:
        """Revoke a token: an access token, or a refresh token with its whole family."""
        self._check_there()
        return RevocationDone(await self._withdrawals.revoke(order.token))

    async def revoke_by_id(self, order: RevocationById) -> RevocationDone:
        """Revoke by the ``jti`` or the ``sid`` of tokens."""
        if not is_identifier(order.id) or " " in order.id:
            raise InvalidTokenOrder("a jti or a sid, as a token says it and records show it")
        # Of an id alone nobody knows whether there is a token that says it: it is revoked in any case.
        await self._withdrawals.revoke_family(order.id)
        return RevocationDone(True)

    async def _client(self, id_: str) -> StoredClient:
        await asyncio.to_thread(self._clients.refresh)
        client = self._clients.find(id_)
        if client is None:
            raise _unknown(id_)
        return client

    async def _change_clients(self, work: Callable[[sa.Connection], T]) -> T:
        done = await self._writes.run(work)
        await asyncio.to_thread(self._clients.refresh)
        return done

    def _check_there(self) -> None:
        if not self._settings.issuer:
            raise InvalidTokenOrder("the configuration has no token_service")

    def _check_roles(self, roles: tuple[str, ...]) -> None:
        try:
            check_names("roles", None, roles)
            Declared.of((), self._settings.roles, self._settings.exclusive).check(None, roles)
        except ValueError as error:
            raise InvalidTokenOrder(str(error)) from error


def _find(connection: sa.Connection, id_: str) -> StoredClient:
    client = find_client(connection, id_)
    if client is None:
        raise _unknown(id_)
    return client


def _unknown(id_: str) -> UnknownClient:
    return UnknownClient(f"there is no client {id_[:128]!r}; portcullis tokens clients list shows them")
