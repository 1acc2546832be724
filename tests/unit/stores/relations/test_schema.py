from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from portcullis.stores.relations.schema import RelationFileError, explained, open_for_reading, open_for_writing


def test_a_new_file_is_closed_to_others_and_ready(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.with_name("relations.db-wal").stat().st_mode & 0o777 == 0o600
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with closing(open_for_writing(path)) as connection:
        assert connection.execute("SELECT count(*) FROM tuples").fetchone() == (0,)


def test_who_reads_can_write_nothing(path: Path) -> None:
    open_for_writing(path).close()
    with closing(open_for_reading(path)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("INSERT INTO names (name) VALUES ('x')")


def test_several_can_make_the_file_at_once(path: Path) -> None:
    failed: list[Exception] = []

    def make() -> None:
        try:
            open_for_writing(path).close()
        except RelationFileError as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_file_that_is_not_there_or_no_database_is_told_of(path: Path) -> None:
    with pytest.raises(RelationFileError, match="unable to open"):
        open_for_reading(path)
    with pytest.raises(RelationFileError, match="No such file or directory"):
        open_for_writing(path / "x" / "y")
    path.write_bytes(b"no database at all" * 100)
    for opened in (open_for_reading, open_for_writing):
        with pytest.raises(RelationFileError, match="not a database"):
            opened(path)


@pytest.mark.parametrize(
    ("version", "message"), [(0, "has no relations"), (9, "is of version 9, and this program reads 1")]
)
def test_a_file_of_another_version_is_not_read(path: Path, version: int, message: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute(f"PRAGMA user_version={version}")
    with pytest.raises(RelationFileError, match=message):
        open_for_reading(path)


def test_a_file_of_a_newer_version_is_not_written(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA user_version=2")
    with pytest.raises(RelationFileError, match="version 2"):
        open_for_writing(path)


def test_a_full_disk_is_called_so(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA max_page_count=10")
        with pytest.raises(sqlite3.OperationalError) as error:
            connection.executemany("INSERT INTO names (name) VALUES (?)", [("x" * 1000 + str(n),) for n in range(100)])
    assert str(explained(error.value, path)) == f"{path}: the disk is full; nothing was changed"
