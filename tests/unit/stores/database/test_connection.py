from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from rows import rows

from portcullis.stores.database import connection
from portcullis.stores.database.connection import Database, DatabaseError, locate, open_database

HERE, STATE = Path("/etc/gateway"), Path("/etc/gateway/.portcullis")


@rows(
    ("records", "path"),
    [
        (None, "/etc/gateway/.portcullis/portcullis.db"),
        ("sqlite:///var/keys.db", "/etc/gateway/var/keys.db"),
        ("sqlite:////srv/keys.db", "/srv/keys.db"),
    ],
)
def test_where_the_database_is(records: str | None, path: str) -> None:
    assert locate(records, STATE, HERE).database == path


@rows(
    "records",
    [
        "",
        "keys.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "postgresql://u:hunter2@db/x",
        "mysql:///a",
    ],
)
def test_other_databases_are_refused_without_showing_a_password(records: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        locate(records, STATE, HERE)
    assert "hunter2" not in str(caught.value)


def test_the_file_and_its_log_are_for_their_owner_alone(empty: Database, tmp_path: Path) -> None:
    with empty.writing() as opened:
        opened.execute(sa.text("create table t (x)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"portcullis.db", "portcullis.db-wal"}
    assert set(modes.values()) == {0o600}


def test_commits_are_synced_and_keys_are_kept_consistent(empty: Database) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys")
    with empty.reading() as opened:
        pragmas = {name: opened.execute(sa.text(f"pragma {name}")).scalar() for name in names}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_an_exception_undoes_the_whole_transaction(empty: Database) -> None:
    def fail() -> None:
        with empty.writing() as opened:
            opened.execute(sa.text("create table t (x)"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()
    with empty.reading() as opened:
        assert sa.inspect(opened).get_table_names() == []


def test_a_second_writer_waits_and_then_gives_up(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 1)
    other = open_database(empty.url)
    with empty.writing(), pytest.raises(DatabaseError, match="locked"), other.writing():
        pytest.fail("two writers at once")
    other.close()


def test_readers_are_not_kept_waiting_by_a_writer(empty: Database) -> None:
    with empty.writing() as writer:
        writer.execute(sa.text("create table t (x)"))
        with empty.reading() as reader:
            assert sa.inspect(reader).get_table_names() == []


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "portcullis.db"
    path.write_text("not a database, but long enough to have a header of one" * 10)
    database = open_database(locate(None, tmp_path, tmp_path))
    with pytest.raises(DatabaseError, match="not a database"), database.reading():
        pass
    database.close()


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="No such file"):
        open_database(locate(None, tmp_path / "missing", tmp_path))


def test_errors_name_no_parameter(empty: Database) -> None:
    with pytest.raises(DatabaseError) as caught, empty.reading() as opened:
        opened.execute(sa.text("select :secret from nowhere"), {"secret": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(caught.value.__cause__)
