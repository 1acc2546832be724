"""Opening the database, and the two kinds of transaction on it.

A writing transaction takes SQLite's write lock when it begins (``BEGIN IMMEDIATE``): one that only starts to write
half way could find its reads outdated and fail. Commits are synced to the disk (``synchronous=FULL``): a revocation
that was confirmed must not be undone by a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

BUSY_TIMEOUT_MS: Final = 5_000
"""How long a transaction waits for another process's write to end."""


class DatabaseError(Exception):
    """The database could not be used. The message names no statement, parameter or password."""


class Database:
    """An open database. Must be opened after a fork, never before. Safe to use from several threads."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self._reading = sa.create_engine(url, hide_parameters=True)
        self._writing = self._reading.execution_options(begin="BEGIN IMMEDIATE")
        sa.event.listen(self._reading, "connect", _prepare_connection)
        sa.event.listen(self._reading, "begin", _begin)

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)})"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one consistent state. Raises :class:`DatabaseError`."""
        with _translated(self), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that excludes all other writers; kept whole or, on any exception, not at all.

        Raises :class:`DatabaseError`.
        """
        with _translated(self), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._reading.dispose()


def locate(records: str | None, directory: Path, base: Path) -> sa.URL:
    """The database that ``state.records`` names; by default ``portcullis.db`` in the state directory.

    A relative SQLite path is relative to ``base``, the configuration file's folder; it may be written with two or
    three slashes (``sqlite:///var/portcullis.db``), an absolute one needs four. Raises :class:`DatabaseError`.
    """
    if records is None:
        return sa.URL.create("sqlite", database=str(directory / "portcullis.db"))
    try:
        url = sa.make_url(records)
    except ArgumentError as error:
        raise DatabaseError("state.records is no database URL; write sqlite:///var/portcullis.db") from error
    if url.get_backend_name() != "sqlite" or url.host or url.query:
        raise DatabaseError("state.records must be an SQLite file: sqlite:///var/portcullis.db")
    if not url.database or url.database == ":memory:":
        raise DatabaseError("state.records must name a file: keys in memory would be lost, and are seen by one process")
    return url.set(database=str(base / url.database))


def open_database(url: sa.URL) -> Database:
    """Open the database, made with mode 0600 if it does not exist. Raises :class:`DatabaseError`."""
    path = Path(str(url.database))
    try:
        # SQLite gives its write-ahead log the mode of the database file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseError(f"{path}: {error.strerror}") from error
    return Database(url)


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or type(error).__name__
        raise DatabaseError(f"{database.url.database}: {cause}") from error


def _prepare_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and not at all before DDL
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
