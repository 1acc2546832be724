from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import locate, open_database
from portcullis.stores.database.migrations.versions import r0004_browser_sessions as migration


def test_it_is_made_with_its_indexes_and_can_be_taken_back(tmp_path: Path) -> None:
    database = open_database(locate(None, tmp_path, tmp_path))
    with database.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()
        indexed = {index["column_names"][0] for index in sa.inspect(connection).get_indexes("browser_sessions")}
        assert indexed == {"subject", "provider_session", "idle_until", "ends"}
        migration.downgrade()
        assert not sa.inspect(connection).has_table("browser_sessions")
    database.close()
