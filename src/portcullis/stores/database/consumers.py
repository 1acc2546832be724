"""Consumers, in the database, and the revisions by which changes of what belongs to them are found.

A consumer owns keys and may be a user. Workers know its plan and its roles from each of these, so all of them count as
changed when it changes, whoever changed it.
"""

from __future__ import annotations

from typing import Final

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.schema import API_KEYS, CONSUMERS, REVISIONS, USERS

KEYS: Final = "keys"
PASSWORDS: Final = "users"
"""Subjects of revisions."""


class StoredConsumer(msgspec.Struct, frozen=True):
    """A consumer as it is kept. ``created``: Unix seconds."""

    name: str
    plan: str
    roles: tuple[str, ...]
    created: float


class ConsumerTransaction:
    """One writing transaction. What it writes first about a subject (keys, users) takes its next revision."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._taken: dict[str, int] = {}

    def consumer(self, name: str) -> StoredConsumer | None:
        """The consumer of this name."""
        row = self.connection.execute(sa.select(CONSUMERS).where(CONSUMERS.c.name == name)).one_or_none()
        return None if row is None else StoredConsumer(row.name, row.plan, tuple(row.roles), row.created)

    def put_consumer(self, consumer: StoredConsumer) -> None:
        """Add a consumer, or change one: its keys and its user count as changed then."""
        values = {"plan": consumer.plan, "roles": list(consumer.roles), "created": consumer.created}
        if self.consumer(consumer.name) is None:
            self.connection.execute(sa.insert(CONSUMERS).values(name=consumer.name, **values))
            return
        self.connection.execute(sa.update(CONSUMERS).where(CONSUMERS.c.name == consumer.name).values(**values))
        for table, owner, subject in (
            (API_KEYS, API_KEYS.c.consumer, KEYS),
            (USERS, USERS.c.name, PASSWORDS),
        ):
            mine = owner == consumer.name
            if self.connection.execute(sa.select(sa.literal(1)).where(sa.exists().where(mine))).first() is not None:
                self.connection.execute(sa.update(table).where(mine).values(revision=self.next_revision(subject)))

    def next_revision(self, subject: str) -> int:
        """The revision of what this transaction writes about ``subject``."""
        if subject not in self._taken:
            row = REVISIONS.c.subject == subject
            self.connection.execute(sa.update(REVISIONS).where(row).values(value=REVISIONS.c.value + 1))
            self._taken[subject] = current_revision(self.connection, subject)
        return self._taken[subject]


def current_revision(connection: sa.Connection, subject: str) -> int:
    """The revision of the newest change of ``subject``; it only grows."""
    return int(connection.execute(sa.select(REVISIONS.c.value).where(REVISIONS.c.subject == subject)).scalar_one())
