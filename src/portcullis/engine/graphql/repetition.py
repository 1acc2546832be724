"""What a document asks for so often that it would take long to validate it.

Whether fields of the same name fit each other is found out by comparing each with each, in fragments too. So what a
document has of them is counted before, as it is written: all of it has to be used, or it is refused anyway.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from graphql import DocumentNode, FieldNode, FragmentSpreadNode, SelectionSetNode
from graphql.language import Visitor, visit

from portcullis.engine.graphql.errors import QueryError

MAX_FRAGMENTS: Final = 50
MAX_SPREADS: Final = 150
MAX_OPERATIONS: Final = 20


def check_repetition(document: DocumentNode, *, fields: int, aliases: int) -> None:
    """Raise :class:`QueryError` if ``document`` has more than so many ``fields`` or ``aliases`` an operation."""
    count = _Counting(aliases)
    visit(document, count)
    for what, found, most in (
        ("operations", count.operations, MAX_OPERATIONS),
        ("fragments", count.fragments, MAX_FRAGMENTS),
        ("fragments in one another", count.spreads, MAX_SPREADS),
        ("fields", count.fields, fields * max(1, count.operations)),
        ("aliases", count.aliases, aliases * max(1, count.operations)),
    ):
        if found > most:
            raise QueryError("limit", f"The query has too many {what}.", str(found), f"at most {most}")


class _Counting(Visitor):
    def __init__(self, in_one_place: int) -> None:
        super().__init__()
        self._in_one_place = in_one_place
        self.fields = self.aliases = self.spreads = self.fragments = self.operations = 0

    def enter_selection_set(self, node: SelectionSetNode, *_args: Any) -> None:
        names = Counter((each.alias or each.name).value for each in node.selections if isinstance(each, FieldNode))
        spreads = sum(isinstance(each, FragmentSpreadNode) for each in node.selections)
        self.fields += names.total()
        self.spreads += spreads
        if max(names.values(), default=0) > self._in_one_place:
            most = f"{self._in_one_place} times in one place"
            raise QueryError("limit", "The query asks for the same field too often.", "", most)

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        self.aliases += node.alias is not None

    def enter_fragment_definition(self, *_args: Any) -> None:
        self.fragments += 1

    def enter_operation_definition(self, *_args: Any) -> None:
        self.operations += 1
