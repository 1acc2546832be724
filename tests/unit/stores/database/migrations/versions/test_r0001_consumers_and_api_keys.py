from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.migrations.versions import r0001_consumers_and_api_keys as migration


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    database = open_database(locate(None, tmp_path, tmp_path))
    yield database
    database.close()


def test_up_makes_the_tables_and_down_removes_them(empty: Database) -> None:
    with empty.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()
        assert set(sa.inspect(connection).get_table_names()) == {"api_keys", "consumers", "revisions"}
        assert connection.execute(sa.text("select subject, value from revisions")).all() == [("keys", 0)]
        migration.downgrade()
        assert sa.inspect(connection).get_table_names() == []
