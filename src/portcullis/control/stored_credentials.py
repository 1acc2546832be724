"""Who has credentials of this gateway: the keys and the users in its database, read without changing it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from portcullis.control.key_orders import KeyRecord
from portcullis.control.keys import KeyService
from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.model import Configuration
from portcullis.stores.database.connection import Database, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.users import StoredUser, UserStore

_USABLE: Final = ("live", "rotating")
T = TypeVar("T")


def stored_keys(configuration: Configuration, file: Path) -> list[KeyRecord]:
    """The usable keys in the gateway's database now; none if it has no database yet. The database is not changed.

    Raises :class:`~portcullis.stores.database.connection.DatabaseError`, and ``OSError`` if it can't be got at.
    """

    def read(database: Database) -> list[KeyRecord]:
        return [record for record in KeyService(KeyStore(database)).listing() if record.state in _USABLE]

    return _read(configuration, file, read)


def stored_users(configuration: Configuration, file: Path) -> list[StoredUser]:
    """As :func:`stored_keys`, the users who may log in with their password."""

    def read(database: Database) -> list[StoredUser]:
        return [user for user in UserStore(database).listing() if user.disabled_at is None]

    return _read(configuration, file, read)


def _read(configuration: Configuration, file: Path, read: Callable[[Database], list[T]]) -> list[T]:
    url = StatePaths(configuration.state, file).database()
    if not Path(str(url.database)).exists():
        return []
    with closing(open_database(url)) as database:
        return read(database)
