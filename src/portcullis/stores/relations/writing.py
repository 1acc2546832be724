"""How the control process changes relations: each change is kept whole or, on any error, not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from portcullis.engine.relations.tuples import RelationTuple
from portcullis.stores.relations.schema import explained, open_for_writing

_ADD: Final = "INSERT OR IGNORE INTO tuples VALUES (?, ?, ?, ?)"
_REMOVE: Final = "DELETE FROM tuples WHERE relation = ? AND object_id = ? AND kind = ? AND subject_id = ?"
_HOLDERS: Final = "SELECT kind, subject_id FROM tuples WHERE relation = ? AND object_id = ? LIMIT 2"

Row = tuple[int, str, int, str]


class RelationWriter:
    """Writes the file at ``path``. Safe to use from several threads; they wait for each other.

    Raises :class:`~portcullis.stores.relations.schema.RelationFileError`, as all methods do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = open_for_writing(path)
        self._numbers: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<RelationWriter {self.path}>"

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def name(self, names: Iterable[str]) -> None:
        """Let relations and kinds be known by a number, so that whoever reads can keep what it has prepared."""
        with self.transaction() as connection:
            for name in names:
                self.number(connection, name)

    def add(self, tuples: Sequence[RelationTuple]) -> int:
        """Add ``tuples``; how many of them were not there."""
        with self.transaction() as connection:
            return connection.executemany(_ADD, self._rows(connection, tuples)).rowcount

    def remove(self, tuples: Sequence[RelationTuple]) -> int:
        """Remove ``tuples``; how many of them were there."""
        with self.transaction() as connection:
            return connection.executemany(_REMOVE, self._rows(connection, tuples)).rowcount

    def keep(self, tuples: Sequence[RelationTuple]) -> list[bool]:
        """Add each of ``tuples`` whose object nobody has that relation to; for each, whether its subject has it now."""
        with self.transaction() as connection:
            return [self._keep(connection, row) for row in self._rows(connection, tuples)]

    @staticmethod
    def _keep(connection: sqlite3.Connection, row: Row) -> bool:
        holders = connection.execute(_HOLDERS, row[:2]).fetchall()
        if not holders:
            connection.execute(_ADD, row)
        return not holders or holders == [row[2:]]

    def _rows(self, connection: sqlite3.Connection, tuples: Sequence[RelationTuple]) -> list[Row]:
        return [
            (
                self.number(connection, each.relation),
                each.object_id,
                self.number(connection, each.kind),
                each.subject_id,
            )
            for each in tuples
        ]

    def number(self, connection: sqlite3.Connection, name: str) -> int:
        """The number of ``name``, in a transaction."""
        if name not in self._numbers:
            connection.execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (name,))
            found: int = connection.execute("SELECT number FROM names WHERE name = ?", (name,)).fetchone()[0]
            self._numbers[name] = found
        return self._numbers[name]

    @contextmanager
    def transaction(self, attached: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A transaction that excludes all other writers, here and elsewhere.

        ``attached``: a file whose tables can be read in it, as those of ``incoming``.
        """
        with self._lock:
            connection = self._connection
            try:
                with _attached(connection, attached):
                    connection.execute("BEGIN IMMEDIATE")
                    try:
                        yield connection
                        connection.execute("COMMIT")
                    except BaseException:
                        self._numbers.clear()  # those that were new are gone
                        if connection.in_transaction:  # an error such as a full disk may have ended it
                            connection.execute("ROLLBACK")
                        raise
            except sqlite3.Error as error:
                raise explained(error, self.path) from error

    def checkpoint(self) -> None:
        """Move what the write-ahead log has grown to into the file, as far as readers let, and give its room back."""
        with self._lock:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise explained(error, self.path) from error


@contextmanager
def _attached(connection: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    if path is not None:
        connection.execute("ATTACH ? AS incoming", (str(path),))
    try:
        yield
    finally:
        if path is not None:
            connection.execute("DETACH incoming")
