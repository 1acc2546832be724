"""What of the token service's tokens was revoked, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portcullis.engine.token_service.messages import Revoked
from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import current_revision
from portcullis.stores.database.schema import REVISIONS, TOKEN_REVOCATIONS

REVOCATIONS: Final = "token_revocations"
"""Subject of revisions."""
MAX_REVOCATIONS: Final = 500_000
"""How many may be known at a time: every worker knows all of them."""


class TooManyRevocationsError(Exception):
    """No more can be revoked one by one. Removing the client still can."""


class RevocationStore:
    """Reads revocations. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, revision: int, now: float) -> tuple[int, list[Revoked]]:
        """The current revision, and what was revoked after ``revision`` and has not ended at ``now``."""
        newer = sa.and_(TOKEN_REVOCATIONS.c.revision > revision, TOKEN_REVOCATIONS.c.until > now)
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(TOKEN_REVOCATIONS).where(newer)).all()
            found = [Revoked(row.id, row.until, row.issued_by) for row in rows]
            return current_revision(connection, REVOCATIONS), found


def revoke(connection: sa.Connection, revoked: Sequence[Revoked]) -> None:
    """Add revocations; one that is there already stays as long as the longer of both says.

    Raises :class:`TooManyRevocationsError`.
    """
    if not revoked:
        return
    count = connection.execute(sa.select(sa.func.count()).select_from(TOKEN_REVOCATIONS)).scalar_one()
    if count + len(revoked) > MAX_REVOCATIONS:
        raise TooManyRevocationsError
    mine = REVISIONS.c.subject == REVOCATIONS
    connection.execute(sa.update(REVISIONS).where(mine).values(value=REVISIONS.c.value + 1))
    revision = current_revision(connection, REVOCATIONS)
    for each in revoked:
        row = TOKEN_REVOCATIONS.c.id == each.id
        before = connection.execute(sa.select(TOKEN_REVOCATIONS).where(row)).one_or_none()
        if before is None:
            values = {"until": each.until, "issued_by": each.issued_by, "revision": revision}
            connection.execute(sa.insert(TOKEN_REVOCATIONS).values(id=each.id, **values))
        else:
            latest = None if None in (before.issued_by, each.issued_by) else max(before.issued_by, each.issued_by)
            values = {"until": max(before.until, each.until), "issued_by": latest, "revision": revision}
            connection.execute(sa.update(TOKEN_REVOCATIONS).where(row).values(**values))


def forget_revocations(connection: sa.Connection, now: float) -> None:
    """Remove those that have ended."""
    connection.execute(sa.delete(TOKEN_REVOCATIONS).where(TOKEN_REVOCATIONS.c.until <= now))
