"""From the schemas of a document to one JSON Schema for the compiled validator.

Every position that values are checked at (a parameter, a body) becomes a property of one wrapper schema, so that
one validator serves the whole document: ``{"17": value}`` checks ``value`` against position 17. References become
references to ``$defs`` of the wrapper, cycles and all.

In the closed translation undeclared fields are refused, by the rules of :mod:`portcullis.engine.openapi.closing`;
the open one lets pass what the document lets pass. What is for the other direction (``readOnly`` in requests,
``writeOnly`` in answers) need not be there, and counts as undeclared. Where a discriminator tells which alternative
counts, only that one is looked at. Formats become keywords that say the same. Other than that translated schemas
keep the shape of those of the document, so that what they refuse can be shown in the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.closing import AS_WRITTEN, ITEMS, OPEN, Closing, Context, Position, field
from portcullis.engine.openapi.discriminators import TagReader
from portcullis.engine.openapi.formats import add_format
from portcullis.engine.openapi.graph import (
    ASSERTIONS,
    IN_PLACE,
    IN_PLACE_LISTS,
    NEVER,
    NULLABLE,
    Access,
    SchemaGraph,
    View,
)
from portcullis.engine.openapi.selections import branches, when
from portcullis.engine.openapi.violations import HIDDEN, SELECTED_BY, SOURCE, Schema

Direction = Literal["request", "response"]

MAX_DEFINITIONS: Final = 100_000
# Schemas within schemas that make one definition. The compiler reads JSON of up to 128 levels, and each takes three.
_MAX_LEVELS: Final = 24
_HIDING: Final[Mapping[Direction, Access]] = {"request": "readOnly", "response": "writeOnly"}
_MAX_REFERENCES: Final = 20
_Kind = Literal["closed", "alone", "open", "part"]
_Key = tuple[_Kind, Position, Context]
_PLAIN: Final = Context()
_SCALARS: Final = ("string", "integer", "number", "boolean")
_OF_SCALARS: Final = ASSERTIONS | {"format"}


class Translation:
    """Translates schemas of ``graph`` as they are asked for, for one direction; ``formats``: they are asserted.

    ``definitions`` are complete after :meth:`finish`; ``sources``: the JSON pointer of each of them in the document.
    """

    def __init__(
        self, graph: SchemaGraph, *, closed: bool, direction: Direction = "request", formats: bool = True
    ) -> None:
        self._graph = graph
        self._hiding = _HIDING[direction]
        self._formats = formats
        self._closing = Closing(graph, self._hiding)
        self._tags = TagReader(graph)
        self._closed = closed
        self._level = 0
        self._ids: dict[_Key, str] = {}
        self._pending: list[_Key] = []
        self.definitions: dict[str, Schema] = {}
        self.sources: dict[str, str] = {}

    def position(self, pointer: str) -> str:
        """The name, in ``definitions``, of the schema for values at ``pointer``; no other pointer has the same."""
        return self._definition(*(("closed", (pointer,), _PLAIN) if self._closed else self._open_key(pointer)))

    def shared_position(self, pointer: str) -> str:
        """As :meth:`position`, but what only refers to the same schema has the same name.

        For values that are checked one at a time. Most schemas of answers are references, and many to the same few.
        """
        for _ in range(_MAX_REFERENCES):
            if self._graph.view(pointer).keys() != {"$ref"}:
                break
            pointer = self._graph.target(pointer)
        return self.position(pointer)

    def finish(self) -> None:
        """Translate all that is referred to."""
        while self._pending:
            if len(self._ids) > MAX_DEFINITIONS:
                self._graph.problems.error("", f"the schemas come to more than {MAX_DEFINITIONS:,}")
                return
            key = self._pending.pop()
            name = self._ids[key]
            self.definitions[name] = self._define(*key)
            self.sources[name] = key[1][0]

    def _define(self, kind: _Kind, position: Position, context: Context) -> Schema:
        if len(position) > 1:
            return self._close_shared(position)
        match kind:
            case "closed" | "alone":
                return self._close(position[0], follow=kind == "closed")
            case "open":
                return self._polymorphic(position[0])
            case "part":
                return self._translate(position[0], context)

    def _definition(self, kind: _Kind, position: Position, context: Context = _PLAIN) -> str:
        key = (kind, position, context)
        if key not in self._ids:
            self._ids[key] = str(len(self._ids))
            self._pending.append(key)
        return self._ids[key]

    def _reference(self, kind: _Kind, position: Position, context: Context = _PLAIN) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self._definition(kind, position, context)}"}

    # Positions, closed

    def _close(self, pointer: str, *, follow: bool) -> Schema:
        """The schema at ``pointer`` as the only one of a position, closed. ``follow``: also where it is polymorphic."""
        view = self._graph.view(pointer)
        if view.get("type") in _SCALARS and view.keys() <= _OF_SCALARS:  # most are, and need no more
            return self._translate(pointer, _PLAIN)
        if view.keys() == {"$ref"}:
            return self._reference("closed", (self._graph.target(pointer),))
        if follow and self._subtypes(pointer):
            return self._polymorphic(pointer)
        if not IN_PLACE.isdisjoint(view):
            if (only := self._only_part(pointer)) is not None:
                return self._translate(pointer, Context(alone=only))
            if self._closes_apart(pointer):
                return self._translate(pointer, Context(apart=True))
        plan = self._closing.plan((pointer,))
        schema = self._translate(pointer, plan.context)
        if isinstance(schema, dict):
            self._close_below(schema, plan.context)
            if plan.closes:
                in_place = bool(schema.keys() & IN_PLACE)
                schema["properties"] = {**schema.get("properties", {}), **dict.fromkeys(plan.implied, True)}
                schema["unevaluatedProperties" if in_place else "additionalProperties"] = False
        return schema

    def _only_part(self, pointer: str) -> str | None:
        """The part of a composition that alone may be an object or array (``oneOf: [$ref, {type: null}]``), if any.

        It can be closed by itself, which is cheaper to check and easier to explain.
        """
        view = self._graph.view(pointer)
        keywords = view.keys() - {NULLABLE, "format"}
        if len(keywords) != 1 or not keywords < set(IN_PLACE_LISTS):
            return None
        parts = self._parts(pointer, *keywords)
        others = [part for part in parts if not self._is_scalar(part)]
        if len(others) != 1 or (len(parts) > 1 and "allOf" in keywords):
            return None
        return others[0]

    def _is_scalar(self, pointer: str) -> bool:
        types = self._graph.view(pointer).get("type", "object")
        return not {"object", "array"} & {*([types] if isinstance(types, str) else types)}

    def _closes_apart(self, pointer: str) -> bool:
        """Whether the schema at ``pointer`` is but a choice between alternatives that a discriminator tells apart."""
        view = self._graph.view(pointer)
        keyword = _choice(view)
        if keyword is None or view.keys() - ASSERTIONS - {keyword, NULLABLE}:
            return False
        parts = self._parts(pointer, keyword)
        tags = self._tags.of_alternatives(pointer, parts)
        return tags is not None and all(
            self._closing.takes(part, tags.name) for part, values in zip(parts, tags.values, strict=True) if values
        )

    def _close_shared(self, position: Position) -> Schema:
        """What several schemas declare together. They are checked where they stand; here only what they know counts."""
        plan = self._closing.plan(position)
        schema: dict[str, Any] = {
            "anyOf": [*(self._reference("part", (pointer,), plan.context) for pointer in position), True]
        }
        self._close_below(schema, plan.context)
        if plan.closes:
            schema["properties"] = dict.fromkeys(plan.implied, True)
            schema["unevaluatedProperties"] = False
        return schema

    def _close_below(self, schema: dict[str, Any], context: Context) -> None:
        for slot, position in context.shared:
            closed = self._reference("closed", position)
            part = {"items": closed} if slot == ITEMS else {"properties": {slot[1:]: closed}}
            schema["allOf"] = [*schema.get("allOf", ()), part]

    # Positions, open

    def _open(self, pointer: str) -> Schema:
        """The schema at ``pointer`` as the only one of a position that is not closed."""
        if self._graph.view(pointer).keys() == {"$ref"}:
            return self._reference(*self._open_key(self._graph.target(pointer)))
        if self._subtypes(pointer):
            return self._polymorphic(pointer)
        return self._translate(pointer, self._closing.open_context(pointer))

    def _open_key(self, pointer: str) -> _Key:
        if self._subtypes(pointer):
            return "open", (pointer,), _PLAIN
        return "part", (pointer,), self._closing.open_context(pointer)

    # Inheritance

    def _subtypes(self, pointer: str) -> list[str]:
        """The schemas that may stand in for a polymorphic one: OpenAPI's inheritance by ``discriminator``."""
        view = self._graph.view(pointer)
        if "anyOf" in view or "oneOf" in view or self._graph.raw(pointer, "discriminator") is None:
            return []
        return self._graph.subtypes(pointer)

    def _polymorphic(self, pointer: str) -> Schema:
        """The schema at ``pointer``, or one of those that inherit from it: the one that the tag says.

        Many documents do not say which values the tag has. What it says nothing known fits if it fits any of them.
        """
        subtypes = self._subtypes(pointer)
        if self._closed:
            itself = self._reference("alone", (pointer,))
            every = [itself, *(self._reference("closed", (subtype,)) for subtype in subtypes)]
        else:
            itself = self._reference("part", (pointer,), self._closing.open_context(pointer))
            every = [itself, *(self._reference(*self._open_key(subtype)) for subtype in subtypes)]
        otherwise = {"anyOf": every} if self._closed else itself
        tags = self._tags.of_subtypes(pointer, [pointer, *subtypes])
        if tags is None:
            return otherwise
        known = [value for values in tags.values for value in values]
        selected: list[Schema] = [
            when(tags.name, values, schema) for values, schema in zip(tags.values, every, strict=True) if values
        ]
        selected.append({"properties": {tags.name: {"not": {"enum": known}}}, **otherwise})
        return {SELECTED_BY: tags.name, "anyOf": selected}

    # Schemas as they are written

    def _translate(self, pointer: str, context: Context) -> Schema:
        view = self._graph.view(pointer)
        if NEVER in view:
            return False
        if self._level == _MAX_LEVELS and not view.keys() <= _OF_SCALARS:
            return self._reference("part", (pointer,), context)
        self._level += 1
        schema = self._schema(pointer, view, context)
        self._level -= 1
        return schema

    def _schema(self, pointer: str, view: View, context: Context) -> Schema:
        schema: dict[str, Any] = {}
        choice = _choice(view)
        for keyword, value in view.items():
            if keyword in ASSERTIONS:
                schema[keyword] = value
            elif keyword == choice:
                schema |= self._choose(pointer, keyword, context)
            elif keyword in IN_PLACE:
                schema[keyword] = self._in_place(keyword, value, pointer, context)
            elif keyword not in (NULLABLE, "format"):
                schema[keyword] = self._below(keyword, value, pointers.join(pointer, keyword), context)
        if not context.as_written and ("properties" in schema or context.hidden):
            self._hide(schema, pointer, context)
        if self._formats and "format" in view:
            add_format(schema, view["format"])
        if NULLABLE in view:
            return {"anyOf": [{"type": "null"}, {SOURCE: pointer, **schema}]}
        return schema

    def _in_place(self, keyword: str, value: Any, pointer: str, context: Context) -> Any:
        here = f"{pointer}/{keyword}"
        match keyword:
            case "$ref":
                return self._reference("part", (self._graph.target(pointer),), context)["$ref"]
            case "allOf":
                return [self._alternative(part, context) for part in self._parts(pointer, keyword)]
            case "anyOf" | "oneOf":
                return self._alternatives(self._parts(pointer, keyword), context)
            case "dependentSchemas":
                return {name: self._translate(pointers.join(here, name), context) for name in value}
            # Conditions: closing them would change what they select, or turn into its opposite.
            case "if":
                return self._reference("part", (here,), AS_WRITTEN)
            case "not":
                return self._translate(here, AS_WRITTEN)
            case _:
                return self._translate(here, context)

    def _parts(self, pointer: str, keyword: str) -> list[str]:
        return [f"{pointer}/{keyword}/{index}" for index in range(len(self._graph.view(pointer)[keyword]))]

    def _alternatives(self, parts: list[str], context: Context) -> list[Schema]:
        """The schemas of ``oneOf`` or ``anyOf``.

        Where there are several for objects or lists, and some speak of what these hold, each gets a
        definition of its own: so a value can be asked which of them it fits.
        """
        named: set[str] = set()
        if self._closed and not context.as_written and any(map(self._closing.declares, parts)):
            named = {part for part in parts if not self._is_scalar(part)}
        return [self._alternative(part, context, named=len(named) > 1 and part in named) for part in parts]

    def _alternative(self, pointer: str, context: Context, *, named: bool = False) -> Schema:
        if pointer == context.alone or context.apart:
            return self._close(pointer, follow=True)
        if named and self._graph.view(pointer).keys() != {"$ref"}:
            schema: Schema = self._reference("part", (pointer,), context)
        else:
            schema = self._translate(pointer, context)
        if pointer in context.anything and isinstance(schema, dict):
            schema.setdefault("additionalProperties", True)
        return schema

    def _choose(self, pointer: str, keyword: str, context: Context) -> dict[str, Any]:
        """The alternatives of the schema at ``pointer``, told apart by its discriminator if it has one that does."""
        parts = self._parts(pointer, keyword)
        schemas = self._alternatives(parts, context)
        tags = self._tags.of_alternatives(pointer, parts)
        if tags is None:
            return {keyword: schemas}
        return {SELECTED_BY: tags.name, "anyOf": list(branches(tags, keyword, parts, schemas))}

    def _hide(self, schema: dict[str, Any], pointer: str, context: Context) -> None:
        """Take what is for the other direction out of what is required and, if closed, out of what is declared."""
        properties = schema.get("properties", {})
        below = f"{pointer}/properties"
        hidden = {name for name in properties if self._graph.is_marked(pointers.join(below, name), self._hiding)}
        if hidden and self._closed:
            properties |= {name: {HIDDEN: self._hiding, "not": {}} for name in hidden}
        hidden |= {name for part, name in context.hidden if part == pointer}
        if hidden and "required" in schema:
            schema["required"] = [name for name in schema["required"] if name not in hidden]
        if hidden and "dependentRequired" in schema:
            schema["dependentRequired"] = {
                name: [each for each in needed if each not in hidden]
                for name, needed in schema["dependentRequired"].items()
            }

    def _below(self, keyword: str, value: Any, here: str, context: Context) -> Any:
        if keyword in ("contains", "propertyNames"):  # conditions, too
            return self._translate(here, AS_WRITTEN)
        if keyword == "properties":
            return {name: self._child(field(name), pointers.join(here, name), context) for name in value}
        if keyword == "patternProperties":
            return {pattern: self._child("", pointers.join(here, pattern), context) for pattern in value}
        if keyword == "prefixItems":
            return [self._child("", f"{here}/{index}", context) for index in range(len(value))]
        return self._child(ITEMS if keyword == "items" else "", here, context)

    def _child(self, slot: str, pointer: str, context: Context) -> Schema:
        if context.as_written:
            return self._translate(pointer, AS_WRITTEN)
        if context.is_open:
            return self._translate(pointer, OPEN) if self._closed else self._open(pointer)
        for shared, position in context.shared:
            if shared == slot and pointer in position:
                return self._translate(pointer, self._closing.plan(position).context)
        if pointer.endswith(("/items", "/additionalProperties")) and self._closing.declares(pointer):
            # A definition of its own: an explanation can then skip all the elements that are right.
            return self._reference("closed", (pointer,))
        return self._close(pointer, follow=True)


def _choice(view: Mapping[str, Any]) -> str | None:
    """The keyword with the alternatives that a discriminator speaks of, if there is one."""
    found = [keyword for keyword in ("oneOf", "anyOf") if keyword in view]
    return found[0] if len(found) == 1 else None
