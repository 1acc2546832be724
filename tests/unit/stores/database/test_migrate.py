from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from portcullis.stores.database.connection import Database, DatabaseError, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date


def test_an_empty_database_is_brought_up_to_date(empty: Database) -> None:
    bring_up_to_date(empty)
    assert KeyStore(empty).revision() == 0


def test_doing_it_again_changes_nothing(empty: Database) -> None:
    bring_up_to_date(empty)
    with KeyStore(empty).changing() as change:
        change._next_revision()
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
