"""Bringing a database to the schema of this version of the program."""

from __future__ import annotations

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from portcullis.stores.database.connection import Database, DatabaseError

SCRIPTS: Final = "portcullis.stores.database:migrations"


def bring_up_to_date(database: Database) -> None:
    """Run the migrations that are missing, all in one transaction; two processes at once do it one after the other.

    Raises :class:`DatabaseError`, also where a newer version of the program has changed the database.
    """
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
