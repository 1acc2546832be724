"""How the fields of a form are written: ``application/x-www-form-urlencoded`` is a query string in the body.

Each property of the schema is a parameter of that query. The Encoding Object says how it is written, as ``style`` and
``explode`` do for query parameters, or that it holds JSON. Where it says nothing objects are JSON, as OpenAPI 3.0.4 and
3.1.1 have it, and all others are written as a query parameter would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from portcullis.engine import media_type
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import SpecParameter, Style, not_validated
from portcullis.engine.openapi.parameters import DEEP, FLAT, SINGLE, SPREAD, TEXT, Nesting, Shape
from portcullis.engine.openapi.problems import Problem
from portcullis.engine.openapi.shape_reading import UnsupportedError, fields_of, kinds_of, read_shape

FURTHER: Final = ""
"""The name of what takes the fields that are not named."""

_SEPARATORS: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}
_STYLES: Final = ("form", "deepObject", *_SEPARATORS)


class SpecForm(msgspec.Struct, frozen=True, tag="form"):
    """The fields of a form, as parameters of a query.

    The ``schema`` of each is the pointer of the first that declares it; one called :data:`FURTHER` stands for all
    fields that no other has the name of.
    """

    fields: tuple[SpecParameter, ...]


class Writing(msgspec.Struct, frozen=True):
    """How a field is written: by a style, or as JSON (``is_json``)."""

    style: Style = "form"
    explode: bool = True
    nesting: Nesting = SINGLE
    separators: tuple[str, ...] = (",",)
    is_json: bool = False


def read_form(
    graph: SchemaGraph, pointer: str, schema: str | None, encoding: Mapping[str, Any], unsupported: list[Problem]
) -> SpecForm:
    """The form whose Media Type Object stands at ``pointer``. What can't be validated is noted in ``unsupported``."""
    if schema is None:
        return SpecForm((_further(pointer, None, TEXT),))
    kinds = kinds_of(graph, (schema,))
    if kinds is not None and "object" not in kinds:
        unsupported.append(not_validated(pointer, "a form is an object, which its schema does not allow"))
        return SpecForm(())
    declared = fields_of(graph, (schema,))
    required = _required(graph, schema)
    fields = []
    for name, schemas in declared.properties.items():
        said = encoding.get(name)
        try:
            writing = writing_of(graph, tuple(schemas), said if isinstance(said, dict) else {})
            shape = TEXT if writing.is_json else read_shape(graph, tuple(schemas), writing.nesting)
        except UnsupportedError as error:
            unsupported.append(not_validated(schemas[0], f"the field {name[:80]} can't be validated: {error}"))
            continue
        # An object without fields is not written at all in this style: where one is required it is there then.
        vanishes = writing.style == "deepObject" and name in required
        fields.append(_field(name, schemas[0], shape, writing, required=vanishes))
    if declared.extra:
        fields.append(_further(pointer, declared.extra[0], read_shape(graph, tuple(declared.extra), SINGLE)))
    elif declared.is_open or not (declared.properties or declared.is_closed):
        fields.append(_further(pointer, None, TEXT))
    return SpecForm(tuple(fields))


def writing_of(graph: SchemaGraph, schemas: tuple[str, ...], encoding: Mapping[str, Any]) -> Writing:
    """How a field is written of which ``schemas`` (pointers) and ``encoding`` speak. Raises ``UnsupportedError``."""
    if not encoding.keys() & {"style", "explode", "allowReserved"}:
        said = encoding.get("contentType")
        is_json = _is_json(said) if isinstance(said, str) else holds_objects(graph, schemas)
        return Writing(nesting=Nesting(items=SINGLE), is_json=is_json)
    style = encoding.get("style", "form")
    if style not in _STYLES:
        raise UnsupportedError(f"the style of a field is {', '.join(_STYLES)}, not {str(style)[:40]}")
    explode = encoding.get("explode", style == "form") is True
    if style == "deepObject":
        return Writing("deepObject", True, DEEP)
    if style in _SEPARATORS:
        return Writing("delimited", explode, Nesting(items=SINGLE) if explode else FLAT, (_SEPARATORS[style],))
    return Writing("form", explode, SPREAD if explode else FLAT)


def holds_objects(graph: SchemaGraph, schemas: tuple[str, ...]) -> bool:
    """Whether values that ``schemas`` speak of are objects, or lists of objects or lists, and nothing that is text."""
    kinds = kinds_of(graph, schemas)
    if kinds is None or not {"object", "array"} & {*kinds} or {"string", "integer", "number", "boolean"} & {*kinds}:
        return False
    if "object" in kinds:
        return True
    items = tuple(fields_of(graph, schemas).items)
    of_items = kinds_of(graph, items) if items else None
    return of_items is not None and bool({"object", "array"} & {*of_items})


def _is_json(content_type: str) -> bool:
    try:
        return all(media_type.parse(each).is_json for each in content_type.split(","))
    except ValueError:
        raise UnsupportedError(f"{content_type[:80]} is no media type") from None


def _required(graph: SchemaGraph, schema: str) -> set[str]:
    """The fields that the schema at the pointer ``schema``, and all that hold with it, ask for."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = [schema]
    while pending:
        here = pending.pop()
        if here not in seen:
            seen.add(here)
            found.update(graph.view(here).get("required", ()))
            pending += graph.parts(here)
    return found


def _field(name: str, schema: str, shape: Shape, writing: Writing, *, required: bool) -> SpecParameter:
    return SpecParameter(
        name=name,
        location="query",
        pointer=schema,
        schema=schema,
        shape=shape,
        required=required,
        style=writing.style,
        explode=writing.explode,
        separators=writing.separators,
        media_type="application/json" if writing.is_json else "",
    )


def _further(pointer: str, schema: str | None, shape: Shape) -> SpecParameter:
    """What takes every field that is not named, as texts of ``shape``."""
    return SpecParameter(
        name=FURTHER,
        location="query",
        pointer=pointer,
        schema=schema or pointers.join(pointer, "schema"),
        shape=Shape((), properties={}, extra=shape),
        required=False,
        style="form",
        explode=True,
    )
