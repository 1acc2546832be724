"""Users and the hashes of their passwords, in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import PASSWORDS, ConsumerTransaction, StoredConsumer, current_revision
from portcullis.stores.database.schema import API_KEYS, CONSUMERS, USERS


class StoredUser(msgspec.Struct, frozen=True):
    """A user as it is kept; times are Unix seconds. ``revision`` is set when it is written.

    ``consumer``: the one of the same name, whose plan and roles the user has; ``password``: the hash, in the PHC string
    format (``$argon2id$v=19$...``).
    """

    consumer: StoredConsumer
    password: str
    scopes: tuple[str, ...]
    created: float
    password_changed: float
    disabled_at: float | None = None
    revision: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return self.consumer.name

    def __repr__(self) -> str:
        return f"StoredUser({self.name}, revision={self.revision})"


class UserStore:
    """Reads and changes users. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """The revision of the newest change; it only grows."""
        with self._database.reading() as connection:
            return current_revision(connection, PASSWORDS)

    def listing(self) -> list[StoredUser]:
        """All users, by name."""
        with self._database.reading() as connection:
            return _select(connection, sa.true())

    def find(self, name: str) -> tuple[int, StoredUser | None]:
        """The user of this name, and the revision at which that is so."""
        with self._database.reading() as connection:
            found = _select(connection, USERS.c.name == name)
            return current_revision(connection, PASSWORDS), found[0] if found else None

    def changed_since(self, revision: int) -> tuple[int, dict[str, int]]:
        """The current revision, and the names of users that changed after ``revision``, with those of their changes.

        Users that were removed are not among them.
        """
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(USERS.c.name, USERS.c.revision).where(USERS.c.revision > revision))
            changed = {row.name: row.revision for row in rows}
            return current_revision(connection, PASSWORDS), changed

    def renew_hash(self, name: str, before: str, after: str) -> None:
        """Keep another hash of the same password, unless it was changed meanwhile: for users nothing has changed."""
        mine = sa.and_(USERS.c.name == name, USERS.c.password == before)
        with self._database.writing() as connection:
            connection.execute(sa.update(USERS).where(mine).values(password=after))

    @contextmanager
    def changing(self) -> Iterator[UserTransaction]:
        """A transaction that changes users, alone; kept whole or, on any exception, not at all."""
        with self._database.writing() as connection:
            yield UserTransaction(connection)


class UserTransaction(ConsumerTransaction):
    """What can be read and written in one transaction."""

    def user(self, name: str) -> StoredUser | None:
        """The user of this name."""
        return next(iter(_select(self.connection, USERS.c.name == name)), None)

    def put_user(self, user: StoredUser) -> None:
        """Add a user, or change the one of its name. Its consumer must be there."""
        values: dict[str, Any] = {
            "password": user.password,
            "scopes": list(user.scopes),
            "created": user.created,
            "password_changed": user.password_changed,
            "disabled_at": user.disabled_at,
            "revision": self.next_revision(PASSWORDS),
        }
        if self.user(user.name) is None:
            self.connection.execute(sa.insert(USERS).values(name=user.name, **values))
        else:
            self.connection.execute(sa.update(USERS).where(USERS.c.name == user.name).values(**values))

    def remove_user(self, name: str) -> None:
        """Remove the user of this name, and its consumer too if that has no keys."""
        self.connection.execute(sa.delete(USERS).where(USERS.c.name == name))
        self.next_revision(PASSWORDS)
        keys = sa.exists().where(API_KEYS.c.consumer == name)
        self.connection.execute(sa.delete(CONSUMERS).where(CONSUMERS.c.name == name, ~keys))


def _select(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[StoredUser]:
    joined = sa.join(USERS, CONSUMERS, USERS.c.name == CONSUMERS.c.name)
    columns = (*USERS.c, CONSUMERS.c.plan, CONSUMERS.c.roles, CONSUMERS.c.created.label("consumer_created"))
    query = sa.select(*columns).select_from(joined).where(condition).order_by(USERS.c.name)
    return [_stored(row) for row in connection.execute(query)]


def _stored(row: sa.Row[Any]) -> StoredUser:
    return StoredUser(
        consumer=StoredConsumer(row.name, row.plan, tuple(row.roles), row.consumer_created),
        password=row.password,
        scopes=tuple(row.scopes),
        created=row.created,
        password_changed=row.password_changed,
        disabled_at=row.disabled_at,
        revision=row.revision,
    )
