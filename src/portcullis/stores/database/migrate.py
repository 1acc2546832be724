"""Bringing a database to the schema of this version of the program.

Alembic is imported only where there is something to migrate: a process that goes on afterwards keeps all of it, and
that is a fifth of what the control process needs.
"""

from __future__ import annotations

from pkgutil import iter_modules
from typing import Final

import sqlalchemy as sa

from portcullis.stores.database.connection import Database, DatabaseError
from portcullis.stores.database.migrations import versions

SCRIPTS: Final = "portcullis.stores.database:migrations"
_VERSION: Final = sa.table("alembic_version", sa.column("version_num"))


def bring_up_to_date(database: Database) -> None:
    """Run the migrations that are missing, all in one transaction; two processes at once do it one after the other.

    Raises :class:`DatabaseError`, also where a newer version of the program has changed the database.
    """
    if not _is_up_to_date(database):
        _migrate(database)


def newest_revision() -> str:
    """The revision of the schema of this version: modules of migrations are named by theirs, ``r0001_what_it_is``."""
    return max(module.name for module in iter_modules(versions.__path__))[1:5]


def _is_up_to_date(database: Database) -> bool:
    with database.reading() as connection:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return False
        return connection.scalars(sa.select(_VERSION.c.version_num)).all() == [newest_revision()]


def _migrate(database: Database) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseError(
                f"{database.url.database} was made by a newer version of Portcullis; use that version"
            ) from error
