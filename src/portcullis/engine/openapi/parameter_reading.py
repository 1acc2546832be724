"""What a document declares as parameters: where each is, how it is written, what its values may be."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import Shape, UnsupportedError, shape_of
from portcullis.engine.openapi.problems import Problem

_STYLES: Final = {"path": "simple", "query": "form", "header": "simple"}
_IGNORED_HEADERS: Final = frozenset(("accept", "content-type", "authorization"))

Location = Literal["path", "query", "header"]


class SpecParameter(msgspec.Struct, frozen=True):
    """A parameter of an operation.

    ``name``: as in the document; ``schema``: the JSON pointer of its schema; ``shape``: what its values may be;
    ``explode``: each item of a list stands on its own (``a=1&a=2``) instead of all in one value (``a=1,2``);
    ``allow_empty``: an empty query parameter passes unchecked.
    """

    name: str
    location: Location
    pointer: str
    schema: str
    shape: Shape
    required: bool
    explode: bool
    allow_empty: bool = False


def read_parameter(
    graph: SchemaGraph, pointer: str, raw: dict[str, Any], unsupported: list[Problem]
) -> SpecParameter | None:
    """The parameter ``raw`` (a Parameter Object) at ``pointer``.

    ``None`` if it is one that says nothing, or can't be validated, which is then noted in ``unsupported``.
    """
    location: Any = raw["in"]
    name = raw["name"]
    if location == "header" and name.lower() in _IGNORED_HEADERS:
        return None  # OpenAPI: such definitions shall be ignored; media types and security say it
    schema = pointers.join(pointer, "schema")
    try:
        shape = _shape(graph, location, raw, schema)
    except UnsupportedError as error:
        unsupported.append(not_validated(pointer, f"the {location} parameter {name} can't be validated: {error}"))
        return None
    return SpecParameter(
        name=name,
        location=location,
        pointer=pointer,
        schema=schema,
        shape=shape,
        required=raw.get("required", False),
        explode=raw.get("explode", location == "query"),
        allow_empty=location == "query" and raw.get("allowEmptyValue", False),
    )


def _shape(graph: SchemaGraph, location: str, raw: dict[str, Any], schema: str) -> Shape:
    if location not in _STYLES:
        raise UnsupportedError(f"{location} parameters are not supported yet: path, query and header are")
    if "schema" not in raw:
        raise UnsupportedError("content is not supported yet: schema is")
    style = raw.get("style", _STYLES[location])
    if style != _STYLES[location]:
        raise UnsupportedError(f"style {style} is not supported yet: {_STYLES[location]} is")
    return shape_of(graph, schema)


def not_validated(pointer: str, message: str) -> Problem:
    """What of an operation can't be validated, which is an error wherever validation is on."""
    return Problem(pointer, message, "to let it pass unchecked, set validate.request.mode: off")
