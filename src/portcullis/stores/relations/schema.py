"""The file of relations: what is in it, and how it is opened.

A tuple is a key, and nothing besides: four columns, which are its table. The same columns in another order are the
index by subjects. Relations and kinds of subjects are numbers there, since they are few: the names are in a table of
their own.

In WAL mode readers and the writer don't wait for each other. A commit is synced to the disk (``synchronous=FULL``): who
was told that an object is his must find it so after a power cut. A connection belongs to the process that opened it, so
none is opened before a fork.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

VERSION: Final = 1
BUSY_SECONDS: Final = 5.0
"""How long a write waits for that of another process."""
MAPPED: Final = 1 << 32
"""Bytes of the file that are mapped at most. Only what is read takes memory, once for all who read it."""
WRITER_CACHE_KIB: Final = 32 * 1024

_TABLES: Final = """
CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE tuples (
    relation INTEGER NOT NULL,
    object_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    subject_id TEXT NOT NULL,
    PRIMARY KEY (relation, object_id, kind, subject_id)
) WITHOUT ROWID;
CREATE INDEX tuples_by_subject ON tuples (kind, subject_id, relation, object_id);
"""


class RelationFileError(Exception):
    """The file of relations could not be used. The message says which file, and why."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the file, which is made with mode 0600 if it is not there. Raises :class:`RelationFileError`.

    The connection may be used by one thread at a time. It begins no transaction by itself.
    """
    try:
        # SQLite gives its write-ahead log the mode of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise RelationFileError(f"{path}: {error.strerror}") from error
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _use_wal(connection)
        for pragma in ("synchronous=FULL", "trusted_schema=OFF", f"cache_size=-{WRITER_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        _make_tables(connection, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explained(error, path) from error
    except RelationFileError:
        if connection is not None:
            connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Put a new file into WAL mode; SQLite does not wait by itself where another does the same at that moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
        else:
            return


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file, which has to be there, for reading alone. Raises :class:`RelationFileError`."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.1, isolation_level=None, cached_statements=512
        )
        for pragma in ("query_only=ON", "trusted_schema=OFF", f"mmap_size={MAPPED}", "cache_size=-1024"):
            connection.execute(f"PRAGMA {pragma}")
        _check_version(_version(connection), path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explained(error, path) from error
    except RelationFileError:
        if connection is not None:
            connection.close()
        raise
    return connection


def explained(error: sqlite3.Error, path: Path) -> RelationFileError:
    """What went wrong at ``path``, in words. Messages of SQLite quote neither statements nor values."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_FULL:
        return RelationFileError(f"{path}: the disk is full; nothing was changed")
    return RelationFileError(f"{path}: {error}")


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == 0:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == 0:  # nobody else has made them meanwhile
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={VERSION}")
        except sqlite3.Error:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    _check_version(_version(connection), path)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _check_version(version: int, path: Path) -> None:
    if version != VERSION:
        what = "has no relations" if version == 0 else f"is of version {version}, and this program reads {VERSION}"
        raise RelationFileError(f"{path} {what}")
