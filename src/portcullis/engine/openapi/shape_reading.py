"""What the schemas of a document let parameters and the fields of forms be: their shapes.

Schemas are read as far as they say what texts may be read as. Whether a value fits is for the checker to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import NEVER, SchemaGraph, View
from portcullis.engine.openapi.parameters import FLAT, READINGS, TEXT, Nesting, Shape

MAX_SHAPED: Final = 200_000
"""Values within parameters and forms that are looked at in one document (Stripe's has 6,000)."""

_MAX_TRAIL: Final = 40
_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_IMPLIED_TYPES: Final = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "additionalProperties", "patternProperties", "required"),
}


class UnsupportedError(ValueError):
    """A parameter can't be checked here. The text says why."""


def shape_of(graph: SchemaGraph, pointer: str, nesting: Nesting = FLAT) -> Shape:
    """What the schema at ``pointer`` allows a parameter to be that is written so that ``nesting`` is possible.

    What is found is kept as long as ``graph``: many operations share their parameters. Raises
    :class:`UnsupportedError`.
    """
    return _reader(graph).read((pointer,), nesting, ())


def read_shape(graph: SchemaGraph, schemas: tuple[str, ...], nesting: Nesting) -> Shape:
    """As :func:`shape_of`, of a value that several ``schemas`` (pointers) speak of."""
    return _reader(graph).read(schemas, nesting, ())


def _reader(graph: SchemaGraph) -> _ShapeReader:
    known = _known.get(graph)
    if known is None:
        known = _known[graph] = _Known({}, {})
    return _ShapeReader(graph, known)


def fields_of(graph: SchemaGraph, schemas: tuple[str, ...]) -> Fields:
    """What ``schemas`` (pointers), which speak of one value, say about its fields and items."""
    return _reader(graph).fields(schemas)


def kinds_of(graph: SchemaGraph, schemas: tuple[str, ...]) -> tuple[str, ...] | None:
    """The JSON types of values that ``schemas`` (pointers) speak of; ``None`` if they do not say."""
    return _reader(graph).kinds_of(schemas)


class _Known(msgspec.Struct):
    """What was found in one document: shapes by their schemas and nesting, JSON types by schema.

    ``left``: how many more shapes are looked for.
    """

    shapes: dict[tuple[tuple[str, ...], Nesting], Shape]
    kinds: dict[str, tuple[str, ...] | None]
    left: int = MAX_SHAPED


_known: Final[WeakKeyDictionary[SchemaGraph, _Known]] = WeakKeyDictionary()


class Fields(msgspec.Struct):
    """What the schemas of one value say about its fields and items: pointers of schemas.

    ``extra``: of fields that are not named; ``is_closed``, ``is_open``: whether the document says that there are none,
    or that they may be anything.
    """

    properties: dict[str, list[str]]
    extra: list[str]
    items: list[str]
    prefix: list[list[str]]
    is_closed: bool = False
    is_open: bool = False


class _ShapeReader:
    """Reads shapes from the schemas of one document, each once.

    What the schemas of one value say together is taken together: a shape is how a text *may* be read, whether the
    value fits is for the checker to say.
    """

    def __init__(self, graph: SchemaGraph, known: _Known) -> None:
        self.graph = graph
        self.known = known
        self.shapes = known.shapes
        self.kinds = known.kinds

    def read(self, schemas: tuple[str, ...], nesting: Nesting, path: tuple[str, ...]) -> Shape:
        """What a value may be that ``schemas`` (pointers) speak of; ``path``: where it is in the parameter."""
        self.known.left -= 1
        if self.known.left < 0:
            raise UnsupportedError(f"the document's parameters have more than {MAX_SHAPED} fields, one within another")
        key = (tuple(dict.fromkeys(map(self._meant, schemas))), nesting)
        shape = self.shapes.get(key)
        if shape is None:
            shape = self.shapes[key] = self._read(key[0], nesting, path)
        return shape

    def _meant(self, schema: str) -> str:
        """The schema that ``schema`` (a pointer) is, where it is but a reference to it."""
        for _ in range(_MAX_TRAIL):
            view = self.graph.view(schema)
            if view.keys() != {"$ref"}:
                break
            schema = self.graph.target(schema)
        return schema

    def _read(self, schemas: tuple[str, ...], nesting: Nesting, path: tuple[str, ...]) -> Shape:
        kinds = dict.fromkeys(kind for schema in schemas for kind in _or_text(self._kinds(schema)))
        scalars = tuple(kind for kind in kinds if kind in READINGS)
        is_list = "array" in kinds and nesting.items is not None
        is_object = "object" in kinds and nesting.fields is not None
        if not scalars and not is_list and not is_object and not nesting.is_bottom:
            _complain(kinds, path)
        fields = self.fields(schemas) if is_list or is_object else None
        items, prefix = self._items(fields, nesting.items, path) if is_list and fields and nesting.items else (None, ())
        properties = extra = None
        if is_object and fields and nesting.fields:
            properties, extra = self._properties(fields, nesting.fields, path)
        return Shape(scalars, items, prefix, properties, extra)

    def _items(self, fields: Fields, nesting: Nesting, path: tuple[str, ...]) -> tuple[Shape, tuple[Shape, ...]]:
        prefix = tuple(self.read(tuple(schemas), nesting, (*path, "[]")) for schemas in fields.prefix)
        if not fields.items:
            return TEXT, prefix
        return self.read(tuple(fields.items), nesting, (*path, "[]")), prefix

    def _properties(
        self, fields: Fields, nesting: Nesting, path: tuple[str, ...]
    ) -> tuple[dict[str, Shape], Shape | None]:
        found = {name: self.read(tuple(schemas), nesting, (*path, name)) for name, schemas in fields.properties.items()}
        if fields.extra:
            return found, self.read(tuple(fields.extra), nesting, (*path, "*"))
        # Without a word on further fields they are not declared, unless no field is: then it is a free-form object.
        is_open = fields.is_open or (not found and not fields.is_closed)
        return found, _anything(nesting) if is_open else None

    def fields(self, schemas: tuple[str, ...]) -> Fields:
        """What ``schemas`` say about the fields and items of their value."""
        fields = Fields({}, [], [], [])
        seen: set[str] = set()
        pending = list(reversed(schemas))
        while pending:
            here = pending.pop()
            if here in seen:
                continue
            seen.add(here)
            view = self.graph.view(here)
            self._note(here, view, fields)
            pending += [*reversed(list(self._same_value(here, view)))]
        return fields

    def _note(self, here: str, view: View, fields: Fields) -> None:
        for name in view.get("properties", ()):
            fields.properties.setdefault(name, []).append(pointers.join(here, "properties", name))
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            further = view.get(keyword)
            if isinstance(further, dict):
                fields.extra.append(pointers.join(here, keyword))
            fields.is_closed |= further is False
            fields.is_open |= further is True
        for pattern in view.get("patternProperties", ()):
            fields.extra.append(pointers.join(here, "patternProperties", pattern))
        if "items" in view:
            fields.items.append(pointers.join(here, "items"))
        for index in range(len(view.get("prefixItems", ()))):
            if index == len(fields.prefix):
                fields.prefix.append([])
            fields.prefix[index].append(pointers.join(here, "prefixItems", index))

    def _same_value(self, here: str, view: View) -> Iterator[str]:
        """The schemas beside the one at ``here`` that speak of the same value."""
        if "$ref" in view:
            yield self.graph.target(here)
        for keyword in _ALTERNATIVES:
            for index in range(len(view.get(keyword, ()))):
                yield pointers.join(here, keyword, index)
        for keyword in ("then", "else"):
            if keyword in view and "if" in view:
                yield pointers.join(here, keyword)

    def kinds_of(self, schemas: tuple[str, ...]) -> tuple[str, ...] | None:
        """The JSON types of values that any of ``schemas`` allows; ``None`` if one of them does not say."""
        return _any([self._kinds(schema) for schema in schemas])

    def _kinds(self, pointer: str, depth: int = 0) -> tuple[str, ...] | None:
        """The JSON types of values that fit the schema at ``pointer``; ``None`` if it does not say."""
        if pointer in self.kinds or depth == _MAX_TRAIL:
            return self.kinds.get(pointer)
        self.kinds[pointer] = None  # where it leads back here, which is an error that its compilation reports
        view = self.graph.view(pointer)
        kinds = _own_kinds(view)
        if "$ref" in view:
            kinds = _both(kinds, self._kinds(self.graph.target(pointer), depth + 1))
        for index in range(len(view.get("allOf", ()))):
            kinds = _both(kinds, self._kinds(pointers.join(pointer, "allOf", index), depth + 1))
        for keyword in ("anyOf", "oneOf"):
            if keyword in view:
                parts = [pointers.join(pointer, keyword, index) for index in range(len(view[keyword]))]
                kinds = _both(kinds, _any([self._kinds(part, depth + 1) for part in parts]))
        self.kinds[pointer] = kinds
        return kinds


def _complain(kinds: Mapping[str, None], path: tuple[str, ...]) -> None:
    """Say that nothing can be written of a value that may be one of ``kinds``, at ``path`` of a parameter.

    A field that nothing fits (the schema ``false``) is no mistake.
    """
    subject = f"{'/'.join(path)} in it" if path else "it"
    for kind, name in (("object", "an object"), ("array", "a list")):
        if kind in kinds:
            raise UnsupportedError(f"{subject} is {name}")
    if not path:
        raise UnsupportedError("no text is a value of it")


def _or_text(kinds: tuple[str, ...] | None) -> tuple[str, ...]:
    return TEXT.scalars if kinds is None else kinds


def _anything(nesting: Nesting) -> Shape:
    """A value of which nothing is known: a text, or where there is room a list or an object of such."""
    items = _anything(nesting.items) if nesting.items is not None else None
    extra = _anything(nesting.fields) if nesting.fields is not None else None
    return Shape(TEXT.scalars, items, properties=None if extra is None else {}, extra=extra)


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
