from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.migrations.versions import r0001_consumers_and_api_keys as first
from portcullis.stores.database.migrations.versions import r0002_users_and_restricted_keys as second
from portcullis.stores.database.migrations.versions import r0003_token_service as service
from portcullis.stores.database.migrations.versions import r0004_browser_sessions as before
from portcullis.stores.database.migrations.versions import r0005_client_keys as migration

CLIENT = (
    "insert into token_clients (id, secret, grants, scopes, audiences, serves, roles, created, secret_changed) "
    "values ('{id}', {secret}, '[]', '[]', '[]', '[]', '[]', 0, 0)"
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A database of the version before, with a client that has a secret, and one that is public."""
    database: Database = open_database(locate(None, tmp_path, tmp_path))
    with database.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        for each in (first, second, service, before):
            each.upgrade()
        connection.exec_driver_sql(CLIENT.format(id="checkout", secret="x'01'"))
        connection.exec_driver_sql(CLIENT.format(id="app", secret="null"))
        yield connection
    database.close()


def clients(connection: sa.Connection, columns: str = "id") -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(f"select {columns} from token_clients order by id")]


def test_clients_that_were_there_stay_as_they_are(connection: sa.Connection) -> None:
    migration.upgrade()
    assert clients(connection, "id, secret, key_set, previous_key_set") == [
        ("app", None, None, None),
        ("checkout", b"\x01", None, None),
    ]


def test_taken_back_nobody_becomes_a_public_client(connection: sa.Connection) -> None:
    columns = {each["name"] for each in sa.inspect(connection).get_columns("token_clients")}
    migration.upgrade()
    connection.exec_driver_sql(CLIENT.format(id="signer", secret="null"))
    connection.exec_driver_sql("update token_clients set key_set = x'02' where id = 'signer'")
    family = "'f', 'signer', 'a', 'shop', '[]', '[]', '[]', 0, 1"
    names = "id, client, subject, audience, scopes, roles, actors, created, expires"
    connection.exec_driver_sql(f"insert into token_families ({names}) values ({family})")
    connection.exec_driver_sql("insert into refresh_tokens (digest, family, idle_until) values (x'01', 'f', 1.0)")
    migration.downgrade()
    sa.inspect(connection).clear_cache()
    assert clients(connection) == [("app",), ("checkout",)]
    assert {each["name"] for each in sa.inspect(connection).get_columns("token_clients")} == columns
