"""Clients of the token service, in the database."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import current_revision
from portcullis.stores.database.schema import REFRESH_TOKENS, REVISIONS, TOKEN_CLIENTS, TOKEN_FAMILIES

CLIENTS: Final = "token_clients"
"""Subject of revisions."""


class StoredClient(msgspec.Struct, frozen=True):
    """A client as it is kept; times are Unix seconds.

    ``secret``: SHA-256 of its secret; ``key_set``: its public keys, a JWK set or PEM; a public client has neither;
    ``previous_secret`` and ``previous_key_set`` work until ``previous_until``;
    ``grants``: what it may ask for tokens with; ``audiences``: for whom; ``serves``: the audiences that it is itself,
    whose tokens it may exchange; ``roles``: those of tokens that are its own.
    """

    id: str
    secret: bytes | None
    grants: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    serves: tuple[str, ...]
    roles: tuple[str, ...]
    created: float
    secret_changed: float
    previous_secret: bytes | None = None
    previous_until: float | None = None
    key_set: bytes | None = None
    previous_key_set: bytes | None = None

    @property
    def is_public(self) -> bool:
        """Whether it has nothing to prove by who it is."""
        return self.secret is None and self.key_set is None

    def __repr__(self) -> str:
        return f"StoredClient({self.id})"


class ClientStore:
    """Reads and changes clients. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """The revision of the newest change; it only grows."""
        with self._database.reading() as connection:
            return current_revision(connection, CLIENTS)

    def all(self) -> tuple[int, dict[str, StoredClient]]:
        """All clients by their ids, and the revision at which that is so."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(TOKEN_CLIENTS).order_by(TOKEN_CLIENTS.c.id))
            return current_revision(connection, CLIENTS), {row.id: _stored(row) for row in rows}


def find_client(connection: sa.Connection, id_: str) -> StoredClient | None:
    """The client of this id."""
    row = connection.execute(sa.select(TOKEN_CLIENTS).where(TOKEN_CLIENTS.c.id == id_)).one_or_none()
    return None if row is None else _stored(row)


def put_client(connection: sa.Connection, client: StoredClient) -> None:
    """Add a client, or change the one of its id."""
    values: dict[str, Any] = msgspec.structs.asdict(client)
    values |= {name: list(values[name]) for name in ("grants", "scopes", "audiences", "serves", "roles")}
    if find_client(connection, client.id) is None:
        connection.execute(sa.insert(TOKEN_CLIENTS).values(**values))
    else:
        connection.execute(sa.update(TOKEN_CLIENTS).where(TOKEN_CLIENTS.c.id == client.id).values(**values))
    _changed(connection)


def remove_client(connection: sa.Connection, id_: str) -> None:
    """Remove a client, and all its refresh tokens."""
    families = sa.select(TOKEN_FAMILIES.c.id).where(TOKEN_FAMILIES.c.client == id_)
    connection.execute(sa.delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family.in_(families)))
    connection.execute(sa.delete(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.client == id_))
    connection.execute(sa.delete(TOKEN_CLIENTS).where(TOKEN_CLIENTS.c.id == id_))
    _changed(connection)


def _changed(connection: sa.Connection) -> None:
    mine = REVISIONS.c.subject == CLIENTS
    connection.execute(sa.update(REVISIONS).where(mine).values(value=REVISIONS.c.value + 1))


def _stored(row: sa.Row[Any]) -> StoredClient:
    return StoredClient(
        id=row.id,
        secret=row.secret,
        grants=tuple(row.grants),
        scopes=tuple(row.scopes),
        audiences=tuple(row.audiences),
        serves=tuple(row.serves),
        roles=tuple(row.roles),
        created=row.created,
        secret_changed=row.secret_changed,
        previous_secret=row.previous_secret,
        previous_until=row.previous_until,
        key_set=row.key_set,
        previous_key_set=row.previous_key_set,
    )
