from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.migrations.versions import r0001_consumers_and_api_keys as before
from portcullis.stores.database.migrations.versions import r0002_users_and_restricted_keys as migration

KEY = "insert into api_keys (id, digest, consumer, lineage, scopes, label, created, revision) values "


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A database of the version before, with a key in it."""
    database: Database = open_database(locate(None, tmp_path, tmp_path))
    with database.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        before.upgrade()
        connection.exec_driver_sql("insert into consumers values ('acme', '', '[]', 1.0)")
        connection.exec_driver_sql(KEY + "('key00001', x'01', 'acme', 'key00001', '[]', '', 1.0, 1)")
        yield connection
    database.close()


def test_keys_that_were_there_work_everywhere(connection: sa.Connection) -> None:
    migration.upgrade()
    row = connection.exec_driver_sql("select apis, operations, networks, environment, last_used from api_keys").one()
    assert tuple(row) == ("[]", "[]", "[]", "", None)


def test_users_have_revisions_of_their_own(connection: sa.Connection) -> None:
    migration.upgrade()
    rows = connection.exec_driver_sql("select subject, value from revisions order by subject").all()
    assert [tuple(row) for row in rows] == [("keys", 0), ("users", 0)]
    with pytest.raises(sa.exc.IntegrityError):
        connection.exec_driver_sql("insert into users values ('nobody', '', '[]', 1.0, 1.0, null, 1)")


def test_down_leaves_no_key_that_would_work_where_it_must_not(connection: sa.Connection) -> None:
    migration.upgrade()
    connection.exec_driver_sql(KEY + "('key00002', x'02', 'acme', 'key00002', '[]', '', 1.0, 1)")
    connection.exec_driver_sql("""update api_keys set networks = '["10.0.0.0/8"]' where id = 'key00002'""")
    migration.downgrade()
    assert set(sa.inspect(connection).get_table_names()) == {"api_keys", "consumers", "revisions"}
    columns = {column["name"] for column in sa.inspect(connection).get_columns("api_keys")}
    assert columns.isdisjoint({"apis", "operations", "networks", "environment", "last_used"})
    assert connection.exec_driver_sql("select id from api_keys").scalars().all() == ["key00001"]
    assert connection.exec_driver_sql("select subject from revisions").scalars().all() == ["keys"]
