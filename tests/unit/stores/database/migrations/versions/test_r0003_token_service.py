from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.migrations.versions import r0001_consumers_and_api_keys as first
from portcullis.stores.database.migrations.versions import r0002_users_and_restricted_keys as before
from portcullis.stores.database.migrations.versions import r0003_token_service as migration


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A database of the version before."""
    database: Database = open_database(locate(None, tmp_path, tmp_path))
    with database.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        first.upgrade()
        before.upgrade()
        yield connection
    database.close()


def subjects(connection: sa.Connection) -> set[str]:
    return {row.subject for row in connection.exec_driver_sql("select subject from revisions")}


def test_clients_and_revocations_have_revisions_of_their_own(connection: sa.Connection) -> None:
    migration.upgrade()
    assert subjects(connection) >= {"token_clients", "token_revocations"}


def test_a_refresh_token_has_a_family_and_a_family_a_client(connection: sa.Connection) -> None:
    migration.upgrade()
    with pytest.raises(sa.exc.IntegrityError):
        connection.exec_driver_sql("insert into refresh_tokens (digest, family, idle_until) values (x'01', 'f', 1.0)")


def test_it_can_be_taken_back(connection: sa.Connection) -> None:
    tables = set(sa.inspect(connection).get_table_names())
    kept = subjects(connection)
    migration.upgrade()
    migration.downgrade()
    sa.inspect(connection).clear_cache()
    assert set(sa.inspect(connection).get_table_names()) == tables
    assert subjects(connection) == kept
