from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from portcullis.stores.database import migrate
from portcullis.stores.database.connection import Database, DatabaseError, open_database
from portcullis.stores.database.consumers import KEYS
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date


def test_an_empty_database_is_brought_up_to_date(empty: Database) -> None:
    bring_up_to_date(empty)
    assert KeyStore(empty).revision() == 0


def test_doing_it_again_changes_nothing(empty: Database) -> None:
    bring_up_to_date(empty)
    with KeyStore(empty).changing() as change:
        change.next_revision(KEYS)
    bring_up_to_date(empty)
    assert KeyStore(empty).revision() == 1


def test_two_processes_at_once_do_it_one_after_the_other(empty: Database) -> None:
    other = open_database(empty.url)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(bring_up_to_date, (empty, other)))
    assert KeyStore(other).revision() == 0
    other.close()


def test_a_database_of_a_newer_version_is_refused(empty: Database) -> None:
    bring_up_to_date(empty)
    with empty.writing() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer version"):
        bring_up_to_date(empty)


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Database) -> None:
    with empty.writing() as connection:
        connection.execute(sa.text("create table revisions (x)"))
    with pytest.raises(DatabaseError, match="already exists"):
        bring_up_to_date(empty)
    with empty.reading() as connection:
        assert sa.inspect(connection).get_table_names() == ["revisions"]


def test_the_newest_revision_is_the_one_that_alembic_would_migrate_to() -> None:
    config = Config()
    config.set_main_option("script_location", migrate.SCRIPTS)
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.newest_revision()]


def test_what_is_up_to_date_is_not_migrated(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_up_to_date(empty)
    monkeypatch.setattr(migrate, "_migrate", lambda _database: pytest.fail("there is nothing to migrate"))
    bring_up_to_date(empty)


@pytest.mark.slow
def test_alembic_is_left_out_where_there_is_nothing_to_migrate(empty: Database) -> None:
    bring_up_to_date(empty)
    code = f"""
import sys, sqlalchemy
from portcullis.stores.database.connection import Database
from portcullis.stores.database.migrate import bring_up_to_date
bring_up_to_date(Database(sqlalchemy.make_url({str(empty.url)!r})))
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
