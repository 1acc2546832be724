"""Leases: work that only one process does at a time, of all that share a database."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.schema import LEASES


class LeaseStore:
    """Takes leases for ``holder``. ``wall_s``: Unix seconds. Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database, holder: str, wall_s: Callable[[], float]) -> None:
        self._database = database
        self._holder = holder
        self._wall_s = wall_s

    def take(self, name: str, seconds: float) -> bool:
        """Take or prolong the lease ``name`` for so many ``seconds``; whether no other has it."""
        now = self._wall_s()
        mine = sa.and_(LEASES.c.name == name, sa.or_(LEASES.c.holder == self._holder, LEASES.c.until <= now))
        with self._database.writing() as connection:
            values = {"holder": self._holder, "until": now + seconds}
            if connection.execute(sa.update(LEASES).where(mine).values(**values)).rowcount:
                return True
            if connection.execute(sa.select(LEASES.c.name).where(LEASES.c.name == name)).one_or_none() is not None:
                return False
            connection.execute(sa.insert(LEASES).values(name=name, **values))
            return True

    def give_back(self, name: str) -> None:
        """Let others have it, if it is still this holder's."""
        mine = sa.and_(LEASES.c.name == name, LEASES.c.holder == self._holder)
        with self._database.writing() as connection:
            connection.execute(sa.delete(LEASES).where(mine))
