"""Taking tokens back: written first, then told to every worker, and only then confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import sqlalchemy as sa

from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.revoking import RevocationList, of_all_of, of_family, of_token
from portcullis.control.token_service.secrets import REFRESH_PREFIX, digest_of
from portcullis.control.token_service.tokens import AccessTokens
from portcullis.stores.database.grouped_writes import GroupedWrites
from portcullis.stores.database.refresh_tokens import families_of, find_refresh_token, revoke_family
from portcullis.stores.database.token_clients import StoredClient, remove_client
from portcullis.stores.database.token_revocations import revoke


class Withdrawals:
    """``publish``: tells every worker. Methods raise ``DatabaseError`` and ``TooManyRevocationsError``."""

    def __init__(
        self,
        writes: GroupedWrites,
        tokens: AccessTokens,
        revoked: RevocationList,
        publish: Callable[[bytes], None],
        wall_s: Callable[[], float],
    ) -> None:
        self._writes = writes
        self._tokens = tokens
        self._revoked = revoked
        self._publish = publish
        self._wall_s = wall_s

    async def tell(self) -> None:
        """Tell workers what was revoked meanwhile, whoever did."""
        news = self._revoked.take_over(*await asyncio.to_thread(self._revoked.read_news))
        if news is not None:
            self._publish(news)

    async def revoke(self, token: str, client: StoredClient | None = None) -> bool:
        """Take ``token`` back, and what came from it; whether it was one that held.

        Only those of ``client``, if it is given: raises ``OAuthError`` for others.
        """
        if token.startswith(REFRESH_PREFIX):
            return await self._revoke_refresh_token(token, client)
        claims = self._tokens.readable(token)
        if claims is None:
            return False
        if client is not None and claims["client_id"] != client.id:
            raise OAuthError("unauthorized_client", "the token was not issued to this client")
        await self._writes.run(lambda connection: revoke(connection, [of_token(claims)]))
        await self.tell()
        return True

    async def revoke_family(self, family: str) -> bool:
        """End a family of refresh tokens, and all access tokens whose ``sid`` or ``jti`` is its id.

        Gives whether there was a family of this id that was not over already.
        """
        now = self._wall_s()

        def work(connection: sa.Connection) -> bool:
            revoke(connection, [of_family(family, now)])
            return revoke_family(connection, family, now)

        done = await self._writes.run(work)
        await self.tell()
        return done

    async def remove(self, client: StoredClient) -> None:
        """Remove ``client``, and end all its tokens."""
        now = self._wall_s()

        def work(connection: sa.Connection) -> None:
            families = [of_family(family, now) for family in families_of(connection, client.id)]
            remove_client(connection, client.id)
            revoke(connection, [of_all_of(client.id, now), *families])

        await self._writes.run(work)
        await self.tell()

    async def _revoke_refresh_token(self, token: str, client: StoredClient | None) -> bool:
        digest = digest_of(token)
        found = await self._writes.run(lambda connection: find_refresh_token(connection, digest))
        if found is None:
            return False
        if client is not None and found.family.client != client.id:
            raise OAuthError("unauthorized_client", "the token was not issued to this client")
        return await self.revoke_family(found.family.id)
