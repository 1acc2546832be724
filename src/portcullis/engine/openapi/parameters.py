"""Parameters as text: which kinds of values a parameter may have, and how its text becomes one of them.

A schema speaks about values, a request holds text. ``007`` is an integer or a string depending on the schema, so the
schema's types decide which readings are tried, and in what order; a text that can't be read as any of them is wrong
before any schema looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import NEVER, SchemaGraph, View
from portcullis.engine.strict_json import MAX_INTEGER, MIN_INTEGER

Reading = Callable[[str], Any]
"""Turns text into a value; raises ``ValueError`` if it is not one of that kind."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?")
_MAX_TRAIL: Final = 40
_IMPLIED_TYPES: Final = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "additionalProperties", "required"),
}


class Shape(msgspec.Struct, frozen=True):
    """What the values of a parameter may be: the JSON types of single ones, and of the items if it may be a list."""

    scalars: tuple[str, ...]
    items: tuple[str, ...] | None = None


class UnsupportedError(ValueError):
    """A parameter can't be checked here. The text says what is supported."""


def read_integer(text: str) -> int:
    """``-?[0-9]+`` in ASCII, within 64 bits."""
    if _INTEGER.fullmatch(text) and MIN_INTEGER <= (value := int(text)) <= MAX_INTEGER:
        return value
    raise ValueError


def read_number(text: str) -> int | float:
    """A number as JSON writes it (leading zeros may stand), finite."""
    if _NUMBER.fullmatch(text):
        if text.lstrip("-").isdigit():
            return read_integer(text)
        value = float(text)
        if abs(value) != float("inf"):
            return value
    raise ValueError


def read_boolean(text: str) -> bool:
    """``true`` or ``false``; nothing else."""
    if text == "true":
        return True
    if text == "false":
        return False
    raise ValueError


READINGS: Final[dict[str, Reading]] = {
    "integer": read_integer,
    "number": read_number,
    "boolean": read_boolean,
    "string": str,
}


def shape_of(graph: SchemaGraph, pointer: str) -> Shape:
    """What the schema at ``pointer`` allows a parameter to be. Raises :class:`UnsupportedError`."""
    kinds = _kinds(graph, pointer)
    if kinds is None:
        return Shape(("string",))
    if "object" in kinds:
        raise UnsupportedError("object-valued parameters are not supported yet: only primitive values and arrays are")
    scalars = tuple(kind for kind in kinds if kind in READINGS)
    if "array" not in kinds:
        if not scalars:
            raise UnsupportedError("no text is a value of this parameter")
        return Shape(scalars)
    items: dict[str, None] = {}
    for below in _item_schemas(graph, pointer):
        of_item = _kinds(graph, below)
        if of_item is not None and {"array", "object"} & {*of_item}:
            raise UnsupportedError("arrays of arrays or objects are not supported as parameters: only of primitives")
        items.update(dict.fromkeys(kind for kind in of_item or ("string",) if kind in READINGS))
    return Shape(scalars, tuple(items) or ("string",))


def _kinds(graph: SchemaGraph, pointer: str, trail: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The JSON types of values that fit the schema at ``pointer``; ``None`` if it does not say."""
    if pointer in trail or len(trail) == _MAX_TRAIL:
        return None  # an error of the schema, which its compilation reports
    trail = (*trail, pointer)
    view = graph.view(pointer)
    kinds = _own_kinds(view)
    if "$ref" in view:
        kinds = _both(kinds, _kinds(graph, graph.target(pointer), trail))
    for index in range(len(view.get("allOf", ()))):
        kinds = _both(kinds, _kinds(graph, pointers.join(pointer, "allOf", index), trail))
    for keyword in ("anyOf", "oneOf"):
        if keyword in view:
            parts = [pointers.join(pointer, keyword, index) for index in range(len(view[keyword]))]
            kinds = _both(kinds, _any([_kinds(graph, part, trail) for part in parts]))
    return kinds


def _own_kinds(view: View) -> tuple[str, ...] | None:
    if NEVER in view:
        return ()
    types = view.get("type")
    if types is not None:
        return (types,) if isinstance(types, str) else tuple(types)
    if "const" in view or "enum" in view:
        return tuple(dict.fromkeys(map(_kind_of, view.get("enum", (view.get("const"),)))))
    for kind, keywords in _IMPLIED_TYPES.items():
        if any(keyword in view for keyword in keywords):
            return (kind,)
    return None


def _kind_of(value: object) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _both(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    common = [kind for kind in one if kind in other or (kind == "integer" and "number" in other)]
    if "integer" in other and "number" in one and "integer" not in common:
        common.append("integer")
    return tuple(common)


def _any(parts: list[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [part for part in parts if part is not None]
    return tuple(dict.fromkeys(kind for part in known for kind in part)) if len(known) == len(parts) else None


def _item_schemas(graph: SchemaGraph, pointer: str) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    pending = [pointer]
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        view = graph.view(here)
        if "prefixItems" in view:
            raise UnsupportedError("tuples (prefixItems) are not supported as parameters")
        if "items" in view:
            found.append(pointers.join(here, "items"))
        if "$ref" in view:
            pending.append(graph.target(here))
        for keyword in ("allOf", "anyOf", "oneOf"):
            pending += [pointers.join(here, keyword, index) for index in range(len(view.get(keyword, ())))]
    return found
