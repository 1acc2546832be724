from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from portcullis.stores.database.connection import locate, open_database
from portcullis.stores.database.migrations.versions import r0006_leases as migration


def test_it_is_made_and_can_be_taken_back(tmp_path: Path) -> None:
    database = open_database(locate(None, tmp_path, tmp_path))
    with database.writing() as connection, Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()
        assert {each["name"] for each in sa.inspect(connection).get_columns("leases")} == {"name", "holder", "until"}
        migration.downgrade()
        assert not sa.inspect(connection).has_table("leases")
    database.close()
