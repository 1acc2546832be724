from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from portcullis.stores.database.connection import Database
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.stores.database.schema import METADATA


def test_the_migrations_lead_to_the_declared_tables(empty: Database) -> None:
    bring_up_to_date(empty)
    with empty.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
