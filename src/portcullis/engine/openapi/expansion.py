"""How many schemas one value is checked against, where schemas are made of schemas.

A few lines of ``allOf`` that refer to each other twice at each of forty levels stand for a million million checks of
one value. Whoever compiles or runs them never ends, so they are counted first: each schema once, however many ways
lead to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import Trail, pointer_of
from portcullis.engine.openapi.bundle import Bundle
from portcullis.engine.openapi.problems import Problems

MAX_EXPANSION: Final = 2_000
"""Schemas that one value may be checked against; the most in real documents are some hundreds."""

_LISTS: Final = ("allOf", "anyOf", "oneOf")
_SINGLE: Final = ("not", "if", "then", "else")


def note_expansions(bundled: Bundle, problems: Problems) -> None:
    """Note the schemas of the tree that stand for too many."""
    counter = _Counter(bundled.root)
    made = {pointer_of(whole) for trail, _ in bundled.links if (whole := _whole(trail)) is not trail}
    for pointer in dict.fromkeys([*(target for _, target in bundled.links), *sorted(made)]):
        if counter.count(pointer) > MAX_EXPANSION:
            message = f"a value of this is checked against more than {MAX_EXPANSION:,} schemas (allOf, anyOf, oneOf)"
            problems.error(pointer, message)


def _whole(trail: Trail) -> Trail:
    """The schema of which the one that ``trail`` leads to is a part that speaks of the same value."""
    while len(trail) == 2:
        around, token = trail
        if token in _SINGLE and not (len(around) == 2 and around[1] == "properties"):
            trail = around
        elif len(around) == 2 and around[1] in _LISTS and isinstance(token, int):
            trail = around[0]
        else:
            break
    return trail


class _Counter:
    """Counts what references lead to. Everything else is bounded by the size of the document."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._counts: dict[str, int] = {}
        self._parts: dict[str, list[str]] = {}

    def count(self, target: str) -> int:
        """How many schemas a value of the schema at ``target`` is checked against. Circles count once."""
        pending = [target]
        entered: set[str] = set()
        while pending:
            here = pending[-1]
            if here in self._counts:
                pending.pop()
            elif here in entered:
                pending.pop()
                total = 1 + sum(self._counts.get(part, 1) for part in self._parts[here])
                self._counts[here] = min(total, MAX_EXPANSION + 1)
            else:
                entered.add(here)
                self._parts[here] = list(self._referred(here))
                pending += [part for part in self._parts[here] if part not in self._counts and part not in entered]
        return self._counts[target]

    def _referred(self, pointer: str) -> Iterator[str]:
        """Where the references lead to that speak of the same value as the schema at ``pointer``."""
        try:
            pending = [pointers.look_up(self._root, pointer)]
        except LookupError:
            return
        while pending:
            value = pending.pop()
            if not isinstance(value, dict):
                continue
            if isinstance(value.get("$ref"), str):
                try:
                    yield pointers.of_reference(value["$ref"])
                except ValueError:
                    continue
            for keyword in _LISTS:
                if isinstance(value.get(keyword), list):
                    pending += value[keyword]
            pending += [value[keyword] for keyword in _SINGLE if keyword in value]
            if isinstance(value.get("dependentSchemas"), dict):
                pending += value["dependentSchemas"].values()
