"""Looking through relations: pages of tuples, for people and for exports.

Each page is read by itself, so nobody who looks through a million tuples keeps the write-ahead log from being emptied.
What changes between two pages may or may not be in them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from portcullis.engine.relations.tuples import RelationTuple
from portcullis.stores.relations.schema import explained, open_for_reading

MAX_PAGE: Final = 5_000
_PAGE: Final = """
SELECT relations.name, object_id, kinds.name, subject_id FROM tuples
JOIN names AS relations ON relations.number = relation JOIN names AS kinds ON kinds.number = kind
{} ORDER BY relation, object_id, kind, subject_id LIMIT ?
"""
_NUMBER: Final = "(SELECT number FROM names WHERE name = ?)"


class TupleFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tuples are meant; what is empty may be anything.

    ``type``: of the objects; ``relation``: with their type, ``order#owner``; ``kind``: of the subjects, as in tuples.
    """

    type: str = ""
    object_id: str = ""
    relation: str = ""
    kind: str = ""
    subject_id: str = ""


def page_of(path: Path, wanted: TupleFilter, after: RelationTuple | None, most: int) -> list[RelationTuple]:
    """At most ``most`` (and ``MAX_PAGE``) of the tuples that are ``wanted``, those that come after ``after``.

    Raises :class:`~portcullis.stores.relations.schema.RelationFileError`.
    """
    conditions = _conditions(wanted)
    if after is not None:
        row = (after.relation, after.object_id, after.kind, after.subject_id)
        conditions.append((f"(relation, object_id, kind, subject_id) > ({_NUMBER}, ?, {_NUMBER}, ?)", row))
    where = " AND ".join(condition for condition, _ in conditions)
    query = _PAGE.format(f"WHERE {where}" if where else "")
    values = [value for _, given in conditions for value in given]
    with closing(open_for_reading(path)) as connection:
        try:
            return [RelationTuple(*row) for row in connection.execute(query, (*values, min(most, MAX_PAGE)))]
        except sqlite3.Error as error:
            raise explained(error, path) from error


def _conditions(wanted: TupleFilter) -> list[tuple[str, tuple[str, ...]]]:
    """Conditions of a query, each with its values. Nothing but what stands here is ever written into it."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for condition, value in (
        ("object_id = ?", wanted.object_id),
        (f"relation = {_NUMBER}", wanted.relation),
        (f"kind = {_NUMBER}", wanted.kind),
        ("subject_id = ?", wanted.subject_id),
    ):
        if value:
            found.append((condition, (value,)))
    if wanted.type:
        found.append(("relation IN (SELECT number FROM names WHERE instr(name, ?) = 1)", (f"{wanted.type}#",)))
    return found
