"""Adding very many tuples at once: all of them, or none.

They are first sorted in a file of their own, which nobody reads and no power cut has to spare; then one transaction
merges that into the file of relations. Readers go on with the old state until it commits, and a process that is killed
on the way leaves the old state. Memory is bounded by the caches of SQLite, whatever the number.

A command imports by itself where it finds no control process, and one may begin meanwhile, which tidies up. So whoever
imports holds a lock that all processes see, and that the kernel takes back when its holder is killed. It is on a file
of its own: closing another descriptor of a file drops the locks that SQLite has on it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from portcullis.engine.relations.tuples import RelationTuple
from portcullis.stores.relations.schema import WRITER_CACHE_KIB, RelationFileError, explained
from portcullis.stores.relations.writing import RelationWriter

SUFFIX: Final = ".import"
LOCK_SUFFIX: Final = ".importing"
_TABLES: Final = """
CREATE TABLE incoming (
    relation TEXT NOT NULL,
    object_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    PRIMARY KEY (relation, object_id, kind, subject_id)
) WITHOUT ROWID
"""
_NAMES: Final = """
INSERT OR IGNORE INTO names (name)
SELECT relation FROM incoming.incoming UNION SELECT kind FROM incoming.incoming
"""
_REMOVE_OTHERS: Final = """
DELETE FROM tuples WHERE NOT EXISTS (
    SELECT 1 FROM incoming.incoming AS kept
    WHERE kept.relation = (SELECT name FROM names WHERE number = tuples.relation)
    AND kept.object_id = tuples.object_id
    AND kept.kind = (SELECT name FROM names WHERE number = tuples.kind)
    AND kept.subject_id = tuples.subject_id
)
"""
# CROSS JOIN keeps the order of the tables: tuples are found, and so added, in the order of their key.
_MERGE: Final = """
INSERT OR IGNORE INTO tuples
SELECT relations.number, object_id, kinds.number, subject_id
FROM incoming.incoming
CROSS JOIN names AS relations ON relations.name = relation
CROSS JOIN names AS kinds ON kinds.name = kind
"""


class RelationImport:
    """One import into the file of ``writer``, as a context; only one may go on at a time, whichever process it is.

    Tuples are handed over in batches, then merged. Raises
    :class:`~portcullis.stores.relations.schema.RelationFileError`, as all methods do.
    """

    def __init__(self, writer: RelationWriter) -> None:
        self._writer = writer
        self._path = writer.path.with_name(writer.path.name + SUFFIX)
        self._connection: sqlite3.Connection | None = None
        self._turn: int | None = None

    def __enter__(self) -> Self:
        try:
            self._turn = _take_turn(self._writer.path)
        except OSError as error:
            raise RelationFileError(f"{self._path}: {error.strerror or error}") from error
        if self._turn is None:
            raise RelationFileError(f"{self._path}: another import is under way; try again when it has ended")
        _remove(self._path)
        try:
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            # What is lost with the process, or with the power, is lost with the import.
            for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{WRITER_CACHE_KIB}"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.execute(_TABLES)
            self._connection.execute("BEGIN")
        except sqlite3.Error as error:
            self._close()
            raise explained(error, self._path) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def take(self, tuples: Sequence[RelationTuple]) -> None:
        """Take a batch."""
        connection = self._open()
        try:
            connection.executemany(
                "INSERT OR IGNORE INTO incoming VALUES (?, ?, ?, ?)",
                [(each.relation, each.object_id, each.kind, each.subject_id) for each in tuples],
            )
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    def merge(self, *, replace: bool) -> tuple[int, int]:
        """Let the tuples that were taken be there; how many were added, and removed.

        ``replace``: no others are there from then on.
        """
        connection = self._open()
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise explained(error, self._path) from error
        self._close_connection()
        with self._writer.transaction(self._path) as connection:
            connection.execute(_NAMES)
            removed = connection.execute(_REMOVE_OTHERS).rowcount if replace else 0
            added = connection.execute(_MERGE).rowcount
        self._writer.checkpoint()
        return added, removed

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RelationFileError(f"{self._path}: the import is over")
        return self._connection

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _close(self) -> None:
        self._close_connection()
        _remove(self._path)
        turn, self._turn = self._turn, None
        if turn is not None:
            os.close(turn)


def discard_leftovers(path: Path) -> None:
    """Remove what an import into the file of relations at ``path`` has left that was broken off.

    One that goes on is left alone. Raises ``OSError``.
    """
    leftovers = path.with_name(path.name + SUFFIX)
    turn = _take_turn(path) if leftovers.exists() else None
    if turn is not None:
        _remove(leftovers)
        os.close(turn)


def _take_turn(path: Path) -> int | None:
    """The descriptor that holds the lock of imports into ``path`` until it is closed; ``None``: another has it."""
    lock = path.with_name(path.name + LOCK_SUFFIX)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
