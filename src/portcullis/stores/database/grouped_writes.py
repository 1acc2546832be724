"""Writes of many callers in few transactions.

A commit waits for the disk, however little was written. So what arrives while one is under way goes into the next one
together: each piece of work in a savepoint of its own, and nobody is told of success before all of it is on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import sqlalchemy as sa

from portcullis.stores.database.connection import Database, DatabaseError

MAX_GROUP: Final = 256
MAX_WAITING: Final = 10_000

Work = Callable[[sa.Connection], Any]
T = TypeVar("T")


class TooManyWritesError(DatabaseError):
    """So many writes wait already that another would come too late."""


class GroupedWrites:
    """The writes of one event loop to ``database``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<GroupedWrites waiting={len(self._waiting)}>"

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What ``work`` gives, once what it wrote is kept; it runs in a thread, and alone.

        Raises what it raises (then nothing of it is kept), and ``DatabaseError``.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyWritesError("too many writes wait for the database")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return cast("T", await future)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                try:
                    outcomes = await asyncio.to_thread(self._write, [work for work, _ in group])
                except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it is
                    outcomes = [error] * len(group)
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    if future.done():
                        continue
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._writing = None

    def _write(self, works: list[Work]) -> list[Any]:
        outcomes: list[Any] = []
        with self._database.writing() as connection:
            for work in works:
                try:
                    with connection.begin_nested():
                        outcomes.append(work(connection))
                except Exception as error:  # noqa: BLE001 - it is its caller's; the others go on
                    outcomes.append(error)
        return outcomes
