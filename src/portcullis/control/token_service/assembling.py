"""The token service put together, for the control process or for a command."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from portcullis.control.token_service.clients import ClientDirectory
from portcullis.control.token_service.keys import SigningKeys
from portcullis.control.token_service.refreshing import RefreshTokens
from portcullis.control.token_service.revoking import RevocationList
from portcullis.control.token_service.service import TokenService
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.control.token_service.tokens import AccessTokens
from portcullis.control.token_service.withdrawing import Withdrawals
from portcullis.stores.database.connection import Database
from portcullis.stores.database.grouped_writes import GroupedWrites
from portcullis.stores.database.signing_keys import SigningKeyStore
from portcullis.stores.database.token_clients import ClientStore
from portcullis.stores.database.token_revocations import RevocationStore


class TokenServiceParts(msgspec.Struct, frozen=True, eq=False):
    """What it consists of."""

    writes: GroupedWrites
    keys: SigningKeys
    clients: ClientDirectory
    tokens: AccessTokens
    refresh_tokens: RefreshTokens
    revoked: RevocationList
    withdrawals: Withdrawals
    service: TokenService

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings``, and by the keys as they are now."""
        self.tokens.take_over(settings)
        self.refresh_tokens.take_over(settings)
        self.service.take_over(settings)


def assemble(
    database: Database,
    publish: Callable[[bytes], None],
    wall_s: Callable[[], float] = time.time,
    *,
    may_make: bool = True,
) -> TokenServiceParts:
    """The service over ``database``; ``publish``: tells workers what was revoked."""
    writes = GroupedWrites(database)
    keys = SigningKeys(SigningKeyStore(database), wall_s, may_make=may_make)
    clients = ClientDirectory(ClientStore(database))
    tokens = AccessTokens(keys, wall_s)
    refresh_tokens = RefreshTokens(writes, tokens, wall_s)
    revoked = RevocationList(RevocationStore(database), wall_s)
    withdrawals = Withdrawals(writes, tokens, revoked, publish, wall_s)
    service = TokenService(writes, clients, tokens, refresh_tokens, revoked, withdrawals, wall_s)
    return TokenServiceParts(writes, keys, clients, tokens, refresh_tokens, revoked, withdrawals, service)
