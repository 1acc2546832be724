"""What a document itself says about who sees and who sets a field: ``x-portcullis-see`` and ``x-portcullis-set``.

They stand in the schema of the field: a list of roles, or ``everyone``. What becomes of the field for others is said
beside them, by ``x-portcullis-else`` (``drop``, ``mask``, ``tokenise``) and ``x-portcullis-set-else`` (``refuse``,
``strip``). A mark of a schema holds wherever the schema is used, also where a reference leads to it; what one of
several alternatives says of a field holds for all of them, since only what is hidden may tell which of them is meant.
A mark that stands where no field of a body or a JSON answer has it is an error: it would hide nothing.

Schemas may hold themselves, so what is found is no list of places but an automaton: a node for each place, told by the
schemas that speak of it together, and for each field the node that it leads to. Only what leads to a mark is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec

from portcullis.engine.config.wording import suggest
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.problems import Problems

Direction: TypeAlias = Literal["see", "set"]
Action: TypeAlias = Literal["drop", "mask", "tokenise", "refuse", "strip"]
"""What becomes of a field: the first three of one in an answer, the others of one in a body."""
EVERYONE: Final = "everyone"
PREFIX: Final = "x-portcullis-"
ACTIONS: Final[dict[Direction, tuple[Action, ...]]] = {"see": ("drop", "mask", "tokenise"), "set": ("refuse", "strip")}
"""What may become of a field; the first is the default, and more than the others."""
_ELSE: Final[dict[Direction, str]] = {"see": "x-portcullis-else", "set": "x-portcullis-set-else"}
_KEYS: Final = (*(f"{PREFIX}{direction}" for direction in ACTIONS), *_ELSE.values())
_EACH: Final = ("items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems")
_LIBRARIES: Final = ("/components/", "/definitions/", "/x-files")
_MAX_NODES: Final = 20_000

_Position: TypeAlias = tuple[str, ...]
"""The pointers of the schemas that a place begins with."""


class FieldMark(msgspec.Struct, frozen=True):
    """Who sees or sets a field (``None``: everyone), what becomes of it for others, and where that is said."""

    roles: tuple[str, ...] | None
    action: Action
    pointer: str


class MarkNode(msgspec.Struct, frozen=True):
    """One place: the numbers of the nodes of its ``fields``, and of ``each`` other field and item; its marks."""

    fields: dict[str, int] = {}
    each: int | None = None
    see: FieldMark | None = None
    set: FieldMark | None = None


class FieldMarks(msgspec.Struct, frozen=True):
    """All that a document says. ``roots``: the numbers of the nodes of bodies, by the pointers of their schemas."""

    nodes: tuple[MarkNode, ...] = ()
    roots: dict[str, int] = {}


NO_MARKS: Final = FieldMarks()


def read_field_marks(graph: SchemaGraph, operations: Iterable[SpecOperation], problems: Problems) -> FieldMarks:
    """What the document of ``graph`` says of the fields of bodies and JSON answers of ``operations``.

    What is wrong is noted in ``problems``.
    """
    return _Reader(graph, problems).read(operations) if _says_any(graph.root) else NO_MARKS


def _of_field(graph: SchemaGraph, pointer: str, name: str) -> Iterator[str]:
    """The pointers of what the schema at ``pointer`` says of the field ``name``, perhaps without naming it."""
    view = graph.view(pointer)
    patterns = [each for each in view.get("patternProperties", {}) if graph.may_match(each, name)]
    yield from (pointers.join(pointer, "patternProperties", pattern) for pattern in patterns)
    if name in view.get("properties", {}):
        yield pointers.join(pointer, "properties", name)
    elif not patterns:
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if isinstance(view.get(keyword), dict):
                yield f"{pointer}/{keyword}"


def _says_any(root: Any) -> bool:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if any(isinstance(key, str) and key.startswith(PREFIX) for key in value):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _all_in(root: Any) -> Iterator[tuple[str, str]]:
    """Every mark: the pointer of what it stands in, and its key. What other documents say is in ``/x-files``."""
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, dict):
            yield from ((pointer, key) for key in value if isinstance(key, str) and key.startswith(PREFIX))
            waiting += [(pointers.join(pointer, str(key)), below) for key, below in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{index}", below) for index, below in enumerate(value)]


class _Reader:
    def __init__(self, graph: SchemaGraph, problems: Problems) -> None:
        self._graph = graph
        self._problems = problems
        self._numbers: dict[_Position, int] = {}
        self._waiting: list[_Position] = []
        self._nodes: list[MarkNode] = []
        self._known: dict[tuple[str, Direction], FieldMark | None] = {}

    def read(self, operations: Iterable[SpecOperation]) -> FieldMarks:
        roots: dict[str, int] = {}
        for operation in operations:
            for schema in _bodies(operation):
                roots[schema] = self._number((schema,))
        position = 0
        while position < len(self._waiting):
            if position == _MAX_NODES:
                self._problems.error("", f"the fields of its bodies have more than {_MAX_NODES} places", whole=True)
                return NO_MARKS
            self._nodes.append(self._node(self._waiting[position]))
            position += 1
        for pointer, key in _all_in(self._graph.root):
            if (pointer, "see") not in self._known and not pointer.startswith(_LIBRARIES):
                self._wrong(pointer, key, "this is no schema of a field of a body or a JSON answer", "move it there")
        return _marked(self._nodes, roots)

    def _number(self, position: _Position) -> int:
        if position not in self._numbers:
            self._numbers[position] = len(self._waiting)
            self._waiting.append(position)
        return self._numbers[position]

    def _node(self, position: _Position) -> MarkNode:
        fields: dict[str, list[str]] = {}
        each: list[str] = []
        members = list(self._members(position))
        named = dict.fromkeys(name for pointer in members for name in self._graph.view(pointer).get("properties", {}))
        for pointer in members:
            view = self._graph.view(pointer)
            for name in named:
                fields.setdefault(name, []).extend(_of_field(self._graph, pointer, name))
            each += [f"{pointer}/{keyword}" for keyword in _EACH if isinstance(view.get(keyword), dict)]
            each += [f"{pointer}/prefixItems/{index}" for index in range(len(view.get("prefixItems", ())))]
            each += [pointers.join(pointer, "patternProperties", name) for name in view.get("patternProperties", {})]
        return MarkNode(
            fields={name: self._number(tuple(below)) for name, below in fields.items()},
            each=self._number(tuple(each)) if each else None,
            see=self._together(members, "see"),
            set=self._together(members, "set"),
        )

    def _members(self, position: _Position) -> Iterator[str]:
        """The pointers of all schemas that speak of a place."""
        seen: set[str] = set()
        waiting = list(position)
        while waiting:
            pointer = waiting.pop()
            if pointer in seen:
                continue
            seen.add(pointer)
            yield pointer
            view = self._graph.view(pointer)
            if "$ref" in view:
                waiting.append(self._graph.target(pointer))
            for keyword in ("allOf", "anyOf", "oneOf"):
                waiting += [f"{pointer}/{keyword}/{index}" for index in range(len(view.get(keyword, ())))]
            waiting += [f"{pointer}/{keyword}" for keyword in ("then", "else") if isinstance(view.get(keyword), dict)]
            waiting += [pointers.join(pointer, "dependentSchemas", name) for name in view.get("dependentSchemas", {})]

    def _together(self, members: list[str], direction: Direction) -> FieldMark | None:
        """What all schemas of a place say together: who is meant by each of them, and the most that any asks for."""
        found = [mark for pointer in members if (mark := self._mark(pointer, direction)) is not None]
        limited = [mark for mark in found if mark.roles is not None]
        if not limited:
            return found[0] if found else None
        roles = set.intersection(*(set(mark.roles or ()) for mark in limited))
        order = ACTIONS[direction]
        action = min((mark.action for mark in limited), key=order.index)
        return FieldMark(tuple(sorted(roles)), action, limited[0].pointer)

    def _mark(self, pointer: str, direction: Direction) -> FieldMark | None:
        key = (pointer, direction)
        if key not in self._known:
            self._known[key] = self._read_mark(pointer, direction)
        return self._known[key]

    def _read_mark(self, pointer: str, direction: Direction) -> FieldMark | None:
        # Also beside a reference, where older versions of OpenAPI let nothing count: who wrote it there meant it.
        raw = self._graph.value(pointer)
        if not isinstance(raw, dict):
            return None
        for key in raw:
            if isinstance(key, str) and key.startswith(PREFIX) and key not in _KEYS:
                self._wrong(pointer, key, "there is no such extension", suggest(key, _KEYS, "there are"))
        said, action = raw.get(f"{PREFIX}{direction}"), raw.get(_ELSE[direction])
        if said is None:
            if action is not None:
                self._wrong(
                    pointer, _ELSE[direction], f"nothing says who may {direction} the field", f"{PREFIX}{direction}"
                )
            return None
        if said != EVERYONE and not (isinstance(said, list) and all(isinstance(role, str) for role in said)):
            self._wrong(pointer, f"{PREFIX}{direction}", "this is no list of roles", f"[support], or {EVERYONE}")
            return None
        actions = ACTIONS[direction]
        if action is not None and action not in actions:
            self._wrong(pointer, _ELSE[direction], "this is not what could become of a field", ", ".join(actions))
            return None
        roles = None if said == EVERYONE else tuple(said)
        return FieldMark(roles, action or actions[0], pointers.join(pointer, f"{PREFIX}{direction}"))

    def _wrong(self, pointer: str, key: str, message: str, hint: str) -> None:
        self._problems.error(pointers.join(pointer, key), f"{key}: {message}", hint)


def _bodies(operation: SpecOperation) -> Iterator[str]:
    """The pointers of the schemas of whole bodies that an operation takes, and of the JSON that it answers."""
    if operation.body is not None:
        yield from (content.schema for content in operation.body.content if content.schema is not None)
    for response in operation.responses:
        yield from (each.schema for each in response.content if each.schema is not None and each.holds_json)


def _marked(nodes: list[MarkNode], roots: dict[str, int]) -> FieldMarks:
    """``nodes`` without those that lead to no mark."""
    above: dict[int, list[int]] = {}
    for number, node in enumerate(nodes):
        for child in _children(node):
            above.setdefault(child, []).append(number)
    waiting = [number for number, node in enumerate(nodes) if node.see is not None or node.set is not None]
    leading: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in leading:
            leading.add(number)
            waiting += above.get(number, ())
    # A field that leads nowhere is kept beside an "each" that leads to a mark, which else would hold for it.
    kept = sorted(
        leading.union(*(nodes[number].fields.values() for number in leading if nodes[number].each in leading))
    )
    numbers = {number: position for position, number in enumerate(kept)}
    return FieldMarks(
        tuple(
            msgspec.structs.replace(
                nodes[number],
                fields={name: numbers[child] for name, child in nodes[number].fields.items() if child in numbers},
                each=None if (each := nodes[number].each) is None else numbers.get(each),
            )
            for number in kept
        ),
        {schema: numbers[number] for schema, number in roots.items() if number in leading},
    )


def _children(node: MarkNode) -> Iterator[int]:
    yield from node.fields.values()
    if node.each is not None:
        yield node.each
