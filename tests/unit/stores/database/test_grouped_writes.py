from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portcullis.stores.database import grouped_writes
from portcullis.stores.database.connection import Database
from portcullis.stores.database.grouped_writes import GroupedWrites, TooManyWritesError


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with one table."""
    with empty.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    return empty


def insert(number: int) -> Callable[[sa.Connection], int]:
    def work(connection: sa.Connection) -> int:
        connection.exec_driver_sql(f"INSERT INTO t VALUES ({number})")
        if number < 0:
            raise ValueError(number)
        return number

    return work


def kept(database: Database) -> list[int]:
    with database.reading() as connection:
        return [row.n for row in connection.exec_driver_sql("SELECT n FROM t ORDER BY n")]


def test_what_many_write_is_kept_together_and_each_gets_its_own(database: Database) -> None:
    begun = []
    sa.event.listen(database._reading, "commit", lambda _connection: begun.append(1))

    async def main() -> list[int]:
        writes = GroupedWrites(database)
        return await asyncio.gather(*(writes.run(insert(number)) for number in range(100)))

    assert asyncio.run(main()) == list(range(100))
    assert len(begun) <= 3
    assert kept(database) == list(range(100))


def test_what_fails_is_not_kept_and_keeps_nobody_else_from_writing(database: Database) -> None:
    async def main() -> list[int | BaseException]:
        writes = GroupedWrites(database)
        return await asyncio.gather(*(writes.run(insert(n)) for n in (1, -2, 3)), return_exceptions=True)

    first, failed, last = asyncio.run(main())
    assert (first, last) == (1, 3)
    assert isinstance(failed, ValueError)
    assert kept(database) == [1, 3]


def test_whoever_waits_is_told_when_the_database_fails(database: Database) -> None:
    async def main() -> list[int | BaseException]:
        writes = GroupedWrites(database)
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE t")
        return await asyncio.gather(*(writes.run(insert(n)) for n in (1, 2)), return_exceptions=True)

    assert all(isinstance(each, Exception) for each in asyncio.run(main()))


def test_only_so_many_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped_writes, "MAX_WAITING", 2)

    async def main() -> list[int | BaseException]:
        writes = GroupedWrites(database)
        return await asyncio.gather(*(writes.run(insert(n)) for n in range(4)), return_exceptions=True)

    outcomes = asyncio.run(main())
    assert outcomes[:2] == [0, 1]
    assert all(isinstance(each, TooManyWritesError) for each in outcomes[2:])


def test_it_goes_on_after_it_was_idle(database: Database) -> None:
    async def main() -> None:
        writes = GroupedWrites(database)
        assert await writes.run(insert(1)) == 1
        await asyncio.sleep(0)
        assert await writes.run(insert(2)) == 2

    asyncio.run(main())
    assert kept(database) == [1, 2]
