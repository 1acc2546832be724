"""Who asks: the clients as they are now, in memory, and whether a secret is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

from portcullis.control.token_service.errors import unproven
from portcullis.control.token_service.secrets import digest_of
from portcullis.engine.token_service.messages import Call
from portcullis.engine.token_service.metadata import REFRESH_TOKEN
from portcullis.stores.database.token_clients import ClientStore, StoredClient

_NOBODY: Final = bytes(32)


class ClientDirectory:
    """All clients by their ids, as the database has them."""

    def __init__(self, store: ClientStore) -> None:
        self._store = store
        self._revision = -1
        self._clients: Mapping[str, StoredClient] = {}

    def refresh(self) -> None:
        """Read them again if they have changed. Raises ``DatabaseError``."""
        if self._store.revision() != self._revision:
            self._revision, self._clients = self._store.all()

    def find(self, id_: str) -> StoredClient | None:
        """The client of this id."""
        return self._clients.get(id_)

    def listing(self) -> list[StoredClient]:
        """All, by id."""
        return list(self._clients.values())

    def authenticate(self, call: Call, now: float) -> StoredClient:
        """The client that sent ``call``. Raises ``OAuthError``, always the same for the client.

        A public client only says who it is; all it may do is to use a refresh token, which proves more than a secret.
        """
        client = self._clients.get(call.client)
        if client is not None and client.is_public and call.how == "none":
            if call.endpoint == "token" and call.parameters.get("grant_type") == REFRESH_TOKEN:
                return client
            if call.endpoint == "revoke":
                return client
            raise unproven("a public client may only refresh and revoke")
        if call.how == "none":
            raise unproven("no secret")
        digest = digest_of(call.secret)
        right = compare_digest(digest, (client.secret if client is not None else None) or _NOBODY)
        previous = compare_digest(digest, (client.previous_secret if client is not None else None) or _NOBODY)
        if client is None:
            raise unproven("no such client")
        if right or (previous and client.previous_until is not None and now < client.previous_until):
            return client
        raise unproven("another secret" if not previous else "a secret that was replaced")
