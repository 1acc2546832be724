"""Consumers and their keys, in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.schema import API_KEYS, CONSUMERS, REVISIONS

_SUBJECT = "keys"


class StoredConsumer(msgspec.Struct, frozen=True):
    """A consumer as it is kept. ``created``: Unix seconds."""

    name: str
    plan: str
    roles: tuple[str, ...]
    created: float


class StoredKey(msgspec.Struct, frozen=True):
    """A key as it is kept; times are Unix seconds. ``revision`` is set when it is written."""

    id: str
    digest: bytes
    consumer: StoredConsumer
    lineage: str
    scopes: tuple[str, ...]
    label: str
    created: float
    expires: float | None = None
    not_after: float | None = None
    revoked_at: float | None = None
    replaced_by: str | None = None
    revision: int = 0


class KeyStore:
    """Reads and changes consumers and keys. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """The revision of the newest change; it only grows."""
        with self._database.reading() as connection:
            return _revision(connection)

    def listing(self, consumer: str | None = None) -> list[StoredKey]:
        """All keys, or those of one consumer, oldest first."""
        with self._database.reading() as connection:
            return _select(connection, API_KEYS.c.consumer == consumer if consumer is not None else sa.true())

    def changed_since(self, revision: int) -> tuple[int, list[StoredKey]]:
        """The current revision, and the keys that changed after ``revision``; all of them since -1."""
        with self._database.reading() as connection:
            return _revision(connection), _select(connection, API_KEYS.c.revision > revision)

    @contextmanager
    def changing(self) -> Iterator[KeyTransaction]:
        """A transaction that changes keys, alone; kept whole or, on any exception, not at all."""
        with self._database.writing() as connection:
            yield KeyTransaction(connection)


class KeyTransaction:
    """What can be read and written in one transaction. What it writes first takes the next revision."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._taken: int | None = None

    def consumer(self, name: str) -> StoredConsumer | None:
        """The consumer of this name."""
        row = self._connection.execute(sa.select(CONSUMERS).where(CONSUMERS.c.name == name)).one_or_none()
        return None if row is None else StoredConsumer(row.name, row.plan, tuple(row.roles), row.created)

    def key(self, key_id: str) -> StoredKey | None:
        """The key of this id."""
        return next(iter(_select(self._connection, API_KEYS.c.id == key_id)), None)

    def key_of_digest(self, digest: bytes) -> StoredKey | None:
        """The key with this digest."""
        return next(iter(_select(self._connection, API_KEYS.c.digest == digest)), None)

    def lineage(self, lineage: str) -> list[StoredKey]:
        """The keys of one chain of rotations, oldest first."""
        return _select(self._connection, API_KEYS.c.lineage == lineage)

    def put_consumer(self, consumer: StoredConsumer) -> None:
        """Add a consumer, or change one: its keys count as changed then, for they carry its plan and roles."""
        values = {"plan": consumer.plan, "roles": list(consumer.roles), "created": consumer.created}
        if self.consumer(consumer.name) is None:
            self._connection.execute(sa.insert(CONSUMERS).values(name=consumer.name, **values))
            return
        self._connection.execute(sa.update(CONSUMERS).where(CONSUMERS.c.name == consumer.name).values(**values))
        keys = sa.update(API_KEYS).where(API_KEYS.c.consumer == consumer.name)
        self._connection.execute(keys.values(revision=self._next_revision()))

    def put_key(self, key: StoredKey) -> None:
        """Add a key, or change the one with its id. Its consumer must be there."""
        values: dict[str, Any] = {
            **msgspec.structs.asdict(key),
            "consumer": key.consumer.name,
            "scopes": list(key.scopes),
            "revision": self._next_revision(),
        }
        if self.key(key.id) is None:
            self._connection.execute(sa.insert(API_KEYS).values(**values))
        else:
            self._connection.execute(sa.update(API_KEYS).where(API_KEYS.c.id == key.id).values(**values))

    def _next_revision(self) -> int:
        if self._taken is None:
            subject = REVISIONS.c.subject == _SUBJECT
            self._connection.execute(sa.update(REVISIONS).where(subject).values(value=REVISIONS.c.value + 1))
            self._taken = _revision(self._connection)
        return self._taken


def _revision(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(REVISIONS.c.value).where(REVISIONS.c.subject == _SUBJECT)).scalar_one())


def _select(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[StoredKey]:
    joined = sa.join(API_KEYS, CONSUMERS, API_KEYS.c.consumer == CONSUMERS.c.name)
    columns = (*API_KEYS.c, CONSUMERS.c.plan, CONSUMERS.c.roles, CONSUMERS.c.created.label("consumer_created"))
    query = sa.select(*columns).select_from(joined).where(condition).order_by(API_KEYS.c.created, API_KEYS.c.id)
    return [_stored(row) for row in connection.execute(query)]


def _stored(row: sa.Row[Any]) -> StoredKey:
    return StoredKey(
        id=row.id,
        digest=row.digest,
        consumer=StoredConsumer(row.consumer, row.plan, tuple(row.roles), row.consumer_created),
        lineage=row.lineage,
        scopes=tuple(row.scopes),
        label=row.label,
        created=row.created,
        expires=row.expires,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        replaced_by=row.replaced_by,
        revision=row.revision,
    )
