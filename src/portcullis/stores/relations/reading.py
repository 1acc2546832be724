"""How workers read relations: :class:`~portcullis.engine.ports.Relations`.

One statement finds everything that a node of a check looks at: 5 us where it is the only one. Where it leads on, all of
them are read in one transaction, so a check sees one state of the file whatever is committed meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from portcullis.engine.ports import RelationStoreError
from portcullis.engine.relations.checking import DIRECT, Work, is_related
from portcullis.engine.relations.model import Node, RelationPath
from portcullis.stores.relations.schema import RelationFileError, open_for_reading

_SETTLED: Final = (
    "SELECT {}, '' FROM tuples WHERE object_id = ?1 AND subject_id = ?2 AND relation IN ({}) AND kind = {}"
)
_LED_ON: Final = "SELECT {}, subject_id FROM tuples WHERE relation = {} AND object_id = ?1 AND kind = {}"
_NOTHING: Final = "SELECT 0, '' WHERE ?1 IS NULL AND ?2 IS NULL"


class _Statements(msgspec.Struct, frozen=True, eq=False):
    """The statement of each node of a path. ``is_single``: there is one node, which leads nowhere."""

    of_nodes: tuple[str, ...]
    is_single: bool


class RelationReader:
    """Reads the file at ``path``, which is opened when somebody asks first. Used by one thread of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._statements: dict[RelationPath, _Statements] = {}

    def __repr__(self) -> str:
        return f"<RelationReader {self._path} {'closed' if self._connection is None else 'open'}>"

    def check(self, path: RelationPath, object_id: str, subject_id: str, work: Work) -> bool:
        """See :meth:`Relations.check <portcullis.engine.ports.Relations.check>`."""
        try:
            connection = self._connection or self._open()
            statements = self._statements.get(path) or self._prepared(connection, path)
            if statements.is_single:
                return _follow(connection, path, statements.of_nodes, object_id, subject_id, work)
            connection.execute("BEGIN")
            try:
                return _follow(connection, path, statements.of_nodes, object_id, subject_id, work)
            finally:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise RelationStoreError(f"{self._path}: {error}") from error
        except RelationFileError as error:
            raise RelationStoreError(str(error)) from error

    def close(self) -> None:
        """Close the file; whoever asks next opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._statements.clear()

    def _open(self) -> sqlite3.Connection:
        self._connection = open_for_reading(self._path)
        return self._connection

    def _prepared(self, connection: sqlite3.Connection, path: RelationPath) -> _Statements:
        """The statements of ``path``. They are kept once there are numbers for all names in them."""
        names = {name for node in path.nodes for name in (*node.direct, *_named(node))} | {path.kind}
        numbers = dict(connection.execute("SELECT name, number FROM names"))
        of_nodes = tuple(_statement(node, path.kind, numbers) for node in path.nodes)
        statements = _Statements(of_nodes, len(path.nodes) == 1 and not path.nodes[0].edges)
        if names <= numbers.keys():
            self._statements[path] = statements
        return statements


def _follow(
    connection: sqlite3.Connection,
    path: RelationPath,
    of_nodes: tuple[str, ...],
    object_id: str,
    subject_id: str,
    work: Work,
) -> bool:
    execute = connection.execute

    def lookup(number: int, id_: str) -> Iterable[tuple[int, str]]:
        return execute(of_nodes[number], (id_, subject_id))

    return is_related(path, object_id, subject_id, lookup, work)


def _named(node: Node) -> Iterable[str]:
    for edge in node.edges:
        yield from (edge.relation, edge.kind)


def _statement(node: Node, kind: str, numbers: dict[str, int]) -> str:
    """What finds the tuples that ``node`` looks at. There are none with a name that has no number.

    Nothing but numbers is written into it.
    """
    settling = [str(numbers[name]) for name in node.direct if name in numbers]
    parts = [_SETTLED.format(DIRECT, ", ".join(settling), numbers[kind]) if settling and kind in numbers else _NOTHING]
    for number, edge in enumerate(node.edges):
        if edge.relation in numbers and edge.kind in numbers:
            parts.append(_LED_ON.format(number, numbers[edge.relation], numbers[edge.kind]))
    return " UNION ALL ".join(parts)
