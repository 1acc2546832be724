"""From the schemas of a document to one JSON Schema for the compiled validator.

Every position that requests are checked at (a parameter, a body) becomes a property of one wrapper schema, so that
one validator serves the whole document: ``{"17": value}`` checks ``value`` against position 17. References become
references to ``$defs`` of the wrapper, cycles and all.

In the closed translation undeclared fields are refused, by the rules of :mod:`portcullis.engine.openapi.closing`;
the open one lets pass what the document lets pass. Translated schemas keep the shape of those of the document,
and say at their top where they come from, so that what they refuse can be shown in the document.
"""

from __future__ import annotations

from typing import Any, Final

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.closing import ITEMS, Closing, Context, Position, field
from portcullis.engine.openapi.graph import ASSERTIONS, IN_PLACE, IN_PLACE_LISTS, NEVER, NULLABLE, SchemaGraph
from portcullis.engine.openapi.violations import SOURCE, Schema

MAX_DEFINITIONS: Final = 100_000
_OPEN: Final = Context(is_open=True)
_Key = tuple[str, Position, Context]


class Translation:
    """Translates schemas of ``graph`` as they are asked for. ``definitions`` are complete after :meth:`finish`."""

    def __init__(self, graph: SchemaGraph, *, closed: bool) -> None:
        self._graph = graph
        self._closing = Closing(graph)
        self._closed = closed
        self._ids: dict[_Key, str] = {}
        self._pending: list[_Key] = []
        self.definitions: dict[str, Schema] = {}

    def position(self, pointer: str) -> str:
        """The name, in ``definitions``, of the schema for values at ``pointer``."""
        return self._definition("closed" if self._closed else "part", (pointer,), Context() if self._closed else _OPEN)

    def finish(self) -> None:
        """Translate all that is referred to."""
        while self._pending:
            if len(self._ids) > MAX_DEFINITIONS:
                self._graph.problems.error("", f"the schemas come to more than {MAX_DEFINITIONS:,}")
                return
            key = self._pending.pop()
            kind, position, context = key
            if kind == "closed":
                schema = self._close_shared(position) if len(position) > 1 else self._close(position[0], follow=True)
            else:
                schema = self._translate(position[0], context)
            if isinstance(schema, dict) and schema.keys() != {"$ref"}:
                schema = {SOURCE: position[0], **schema}
            self.definitions[self._ids[key]] = schema

    def _definition(self, kind: str, position: Position, context: Context) -> str:
        key = (kind, position, context)
        if key not in self._ids:
            self._ids[key] = str(len(self._ids))
            self._pending.append(key)
        return self._ids[key]

    def _reference(self, kind: str, position: Position, context: Context = Context()) -> dict[str, Any]:  # noqa: B008
        return {"$ref": f"#/$defs/{self._definition(kind, position, context)}"}

    def _close(self, pointer: str, *, follow: bool) -> Schema:
        """The schema at ``pointer`` as the only one of a position, closed. ``follow``: also where it is polymorphic."""
        view = self._graph.view(pointer)
        if view.keys() == {"$ref"}:
            return self._reference("closed", (self._graph.target(pointer),))
        if (only := self._only_part(pointer)) is not None:
            return self._translate(pointer, Context(alone=only))
        subtypes = self._subtypes(pointer) if follow else []
        if subtypes:
            itself = self._close(pointer, follow=False)
            if isinstance(itself, dict):
                itself[SOURCE] = pointer
            return {"anyOf": [itself, *(self._reference("closed", (subtype,)) for subtype in subtypes)]}
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
        keywords = view.keys() - {NULLABLE}
        if len(keywords) != 1 or not keywords < set(IN_PLACE_LISTS):
            return None
        here = pointers.join(pointer, *keywords)
        parts = [f"{here}/{index}" for index in range(len(view[next(iter(keywords))]))]
        others = [part for part in parts if not self._is_scalar(part)]
        if len(others) != 1 or (len(parts) > 1 and "allOf" in keywords):
            return None
        return others[0]

    def _is_scalar(self, pointer: str) -> bool:
        types = self._graph.view(pointer).get("type", "object")
        return not {"object", "array"} & {*([types] if isinstance(types, str) else types)}

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

    def _subtypes(self, pointer: str) -> list[str]:
        """The schemas that may stand in for a polymorphic one: OpenAPI's inheritance by ``discriminator``."""
        view = self._graph.view(pointer)
        if "anyOf" in view or "oneOf" in view or self._graph.raw(pointer, "discriminator") is None:
            return []
        return self._graph.subtypes(pointer)

    def _translate(self, pointer: str, context: Context) -> Schema:
        view = self._graph.view(pointer)
        if NEVER in view:
            return False
        schema: dict[str, Any] = {}
        for keyword, value in view.items():
            here = pointers.join(pointer, keyword)
            if keyword in ASSERTIONS:
                schema[keyword] = value
            elif keyword == "$ref":
                schema[keyword] = self._reference("part", (self._graph.target(pointer),), context)["$ref"]
            elif keyword in IN_PLACE_LISTS:
                schema[keyword] = [self._alternative(f"{here}/{i}", context) for i in range(len(value))]
            elif keyword in ("then", "else"):
                schema[keyword] = self._translate(here, context)
            elif keyword == "dependentSchemas":
                schema[keyword] = {name: self._translate(pointers.join(here, name), context) for name in value}
            elif keyword in ("if", "not", "contains", "propertyNames"):
                # Conditions: closing them would change what they select, or turn into its opposite.
                schema[keyword] = self._translate(here, _OPEN)
            elif keyword != NULLABLE:
                schema[keyword] = self._below(keyword, value, here, context)
        if NULLABLE in view:
            return {"anyOf": [{"type": "null"}, {SOURCE: pointer, **schema}]}
        return schema

    def _alternative(self, pointer: str, context: Context) -> Schema:
        if pointer == context.alone:
            return self._close(pointer, follow=True)
        schema = self._translate(pointer, context)
        if pointer in context.anything and isinstance(schema, dict):
            schema.setdefault("additionalProperties", True)
        return schema

    def _below(self, keyword: str, value: Any, here: str, context: Context) -> Any:
        if keyword == "properties":
            return {name: self._child(field(name), pointers.join(here, name), context) for name in value}
        if keyword == "patternProperties":
            return {pattern: self._child("", pointers.join(here, pattern), context) for pattern in value}
        if keyword == "prefixItems":
            return [self._child("", f"{here}/{index}", context) for index in range(len(value))]
        return self._child(ITEMS if keyword == "items" else "", here, context)

    def _child(self, slot: str, pointer: str, context: Context) -> Schema:
        if context.is_open:
            return self._translate(pointer, _OPEN)
        for shared, position in context.shared:
            if shared == slot and pointer in position:
                return self._translate(pointer, self._closing.plan(position).context)
        if pointer.endswith(("/items", "/additionalProperties")) and self._closing.declares(pointer):
            # A definition of its own: an explanation can then skip all the elements that are right.
            return self._reference("closed", (pointer,))
        return self._close(pointer, follow=True)
