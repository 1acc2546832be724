"""Consumers and their keys, in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import KEYS, ConsumerTransaction, StoredConsumer, current_revision
from portcullis.stores.database.schema import API_KEYS, CONSUMERS

_FIRST: Final = 10


class StoredKey(msgspec.Struct, frozen=True):
    """A key as it is kept; times are Unix seconds. ``revision`` is set when it is written.

    ``apis``, ``operations`` and ``networks``: where it works, everywhere if empty; ``environment``: what it is for;
    ``last_used`` is kept by :meth:`KeyStore.note_uses` alone.
    """

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
    apis: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    environment: str = ""
    last_used: float | None = None


class KeyReminders(msgspec.Struct, frozen=True):
    """Keys that somebody should look after, of the ``live`` ones that have no successor yet.

    ``expiring``: soon to expire; ``due``: old enough to be rotated; ``first``: those that expire first, at most ten.
    """

    live: int
    expiring: int
    due: int
    first: list[StoredKey]


class KeyStore:
    """Reads and changes consumers and keys. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """The revision of the newest change; it only grows."""
        with self._database.reading() as connection:
            return current_revision(connection, KEYS)

    def listing(self, consumer: str | None = None) -> list[StoredKey]:
        """All keys, or those of one consumer, oldest first."""
        with self._database.reading() as connection:
            return _select(connection, API_KEYS.c.consumer == consumer if consumer is not None else sa.true())

    def changed_since(self, revision: int) -> tuple[int, list[StoredKey]]:
        """The current revision, and the keys that changed after ``revision``; all of them since -1."""
        with self._database.reading() as connection:
            return current_revision(connection, KEYS), _select(connection, API_KEYS.c.revision > revision)

    def reminders(self, now: float, expires_before: float, created_before: float) -> KeyReminders:
        """The keys that expire, or were made, before these Unix times, as of ``now``."""
        keys = API_KEYS.c
        live = sa.and_(keys.revoked_at.is_(None), sa.or_(keys.expires.is_(None), keys.expires > now))
        current = sa.and_(live, keys.not_after.is_(None))
        expiring = sa.and_(current, keys.expires <= expires_before)
        due = sa.and_(current, keys.created <= created_before)

        def count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
            return int(connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one())

        with self._database.reading() as connection:
            first = _select(connection, expiring, _FIRST)
            return KeyReminders(count(connection, current), count(connection, expiring), count(connection, due), first)

    def note_uses(self, uses: Mapping[str, float]) -> None:
        """Note when keys, by their ids, were last used (Unix seconds). Ids of no key are passed over.

        That is no change of a key: no revision is taken.
        """
        if not uses:
            return
        newer = sa.or_(API_KEYS.c.last_used.is_(None), API_KEYS.c.last_used < sa.bindparam("moment"))
        statement = sa.update(API_KEYS).where(API_KEYS.c.id == sa.bindparam("key"), newer)
        with self._database.writing() as connection:
            connection.execute(
                statement.values(last_used=sa.bindparam("moment")),
                [{"key": key, "moment": moment} for key, moment in uses.items()],
            )

    @contextmanager
    def changing(self) -> Iterator[KeyTransaction]:
        """A transaction that changes keys, alone; kept whole or, on any exception, not at all."""
        with self._database.writing() as connection:
            yield KeyTransaction(connection)


class KeyTransaction(ConsumerTransaction):
    """What can be read and written in one transaction."""

    def key(self, key_id: str) -> StoredKey | None:
        """The key of this id."""
        return next(iter(_select(self.connection, API_KEYS.c.id == key_id)), None)

    def key_of_digest(self, digest: bytes) -> StoredKey | None:
        """The key with this digest."""
        return next(iter(_select(self.connection, API_KEYS.c.digest == digest)), None)

    def lineage(self, lineage: str) -> list[StoredKey]:
        """The keys of one chain of rotations, oldest first."""
        return _select(self.connection, API_KEYS.c.lineage == lineage)

    def put_key(self, key: StoredKey) -> None:
        """Add a key, or change the one with its id. Its consumer must be there; when it was used stays as it is."""
        values: dict[str, Any] = {
            **msgspec.structs.asdict(key),
            "consumer": key.consumer.name,
            "revision": self.next_revision(KEYS),
        }
        del values["last_used"]
        if self.key(key.id) is None:
            self.connection.execute(sa.insert(API_KEYS).values(**values))
        else:
            self.connection.execute(sa.update(API_KEYS).where(API_KEYS.c.id == key.id).values(**values))


def _select(connection: sa.Connection, condition: sa.ColumnElement[bool], soonest: int = 0) -> list[StoredKey]:
    """The keys that ``condition`` is true of, oldest first; or the ``soonest`` that expire first."""
    joined = sa.join(API_KEYS, CONSUMERS, API_KEYS.c.consumer == CONSUMERS.c.name)
    columns = (*API_KEYS.c, CONSUMERS.c.plan, CONSUMERS.c.roles, CONSUMERS.c.created.label("consumer_created"))
    query = sa.select(*columns).select_from(joined).where(condition)
    if soonest:
        query = query.order_by(API_KEYS.c.expires).limit(soonest)
    else:
        query = query.order_by(API_KEYS.c.created, API_KEYS.c.id)
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
        apis=tuple(row.apis),
        operations=tuple(row.operations),
        networks=tuple(row.networks),
        environment=row.environment,
        last_used=row.last_used,
    )
