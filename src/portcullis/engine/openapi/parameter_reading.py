"""What a document declares as parameters: where each is, how it is written, what its values may be.

OpenAPI's styles are the operators of RFC 6570, and a few that query strings were written in before. What none of
them defines (an object within an object in style ``form``) is a mistake in the document, wherever validation is on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.media_type import parse
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import DEEP, FLAT, SINGLE, SPREAD, TEXT, Nesting, Shape
from portcullis.engine.openapi.problems import Problem
from portcullis.engine.openapi.shape_reading import UnsupportedError, shape_of

Location = Literal["path", "query", "header", "cookie"]
Style = Literal["simple", "label", "matrix", "form", "delimited", "deepObject"]
"""``delimited`` stands for ``spaceDelimited``, ``pipeDelimited`` and Swagger 2.0's formats, by their separator."""

_STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
"""The styles of each location; the first is the default."""
_SEPARATORS: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}
_COLLECTION_FORMATS: Final = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}
_IGNORED_HEADERS: Final = frozenset(("accept", "content-type", "authorization"))
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_MAX_LISTS: Final = 3
"""Lists in one another that Swagger 2.0's parameters may be: each needs a separator of its own."""


class SpecParameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parameter of an operation.

    ``name``: as in the document; ``schema``: the JSON pointer of its schema, ``None`` if it has none; ``shape``: what
    its values may be; ``explode``: each item of a list (or field of an object) stands on its own (``a=1&a=2``)
    instead of all in one text (``a=1,2``); ``separators``: between the items in one text, for each level of lists;
    ``allow_empty``: an empty query parameter passes unchecked; ``allow_reserved``: characters that are reserved in
    URLs may stand in it as they are; ``media_type``: of what is written in it, ``""`` if it is written by a style.
    """

    name: str
    location: Location
    pointer: str
    schema: str | None
    shape: Shape
    required: bool
    style: Style
    explode: bool
    separators: tuple[str, ...] = (",",)
    allow_empty: bool = False
    allow_reserved: bool = False
    media_type: str = ""

    @property
    def holds_json(self) -> bool:
        """Whether its text is JSON."""
        return bool(self.media_type) and parse(self.media_type).is_json

    @property
    def is_spread(self) -> bool:
        """Whether the fields of an object stand in the query under their own names."""
        return self.style == "form" and self.explode and self.shape.properties is not None and not self.media_type


class _Writing(msgspec.Struct, frozen=True):
    """How the values of a parameter are written, and so what they can be."""

    style: Style
    explode: bool
    nesting: Nesting
    separators: tuple[str, ...] = (",",)


def read_parameter(
    graph: SchemaGraph, pointer: str, raw: dict[str, Any], unsupported: list[Problem], *, schema: str | None = None
) -> SpecParameter | None:
    """The parameter ``raw`` (a Parameter Object) at ``pointer``.

    ``schema``: the pointer of its schema where that does not stand below ``schema``, as in Swagger 2.0, whose
    parameters are their own schemas: then ``collectionFormat`` says how it is written. ``None`` is given for a
    parameter that says nothing, or can't be validated, which is then noted in ``unsupported``.
    """
    location: Location = raw["in"]
    name = raw["name"]
    if location == "header" and name.lower() in _IGNORED_HEADERS:
        return None  # OpenAPI: such definitions shall be ignored; media types and security say it
    try:
        if location not in _STYLES:
            raise UnsupportedError(f"there are no {location} parameters")  # noqa: TRY301
        if schema is None and "schema" not in raw:
            return _with_content(graph, pointer, raw)
        if schema is None:
            schema, writing = pointers.join(pointer, "schema"), _writing(location, raw)
            shape = _shape(graph, schema, location, writing)
        else:
            writing = _writing_20(location, raw)
            shape = shape_of(graph, schema, writing.nesting)
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
        style=writing.style,
        explode=writing.explode,
        separators=writing.separators,
        allow_empty=location == "query" and raw.get("allowEmptyValue", False),
        allow_reserved=location == "query" and raw.get("allowReserved", False),
    )


def route_of(path: str, parameters: Iterable[SpecParameter]) -> str:
    """The template ``path`` as requests to it are written, given its ``parameters``.

    A parameter in style ``matrix`` begins with a semicolon. That it stands in the route says that such a segment is
    wanted there: where it does not, nothing that services may take for a parameter of a segment is routed.
    """
    in_matrix = {each.name for each in parameters if each.location == "path" and each.style == "matrix"}
    if not in_matrix:
        return path
    return _VARIABLE.sub(lambda match: f";{match[0]}" if match[1] in in_matrix else match[0], path)


def _writing(location: str, raw: dict[str, Any]) -> _Writing:
    styles = _STYLES[location]
    style = raw.get("style", styles[0])
    if style not in styles:
        raise UnsupportedError(f"the style of {location} parameters is {' or '.join(styles)}, not {style}")
    explode = raw.get("explode", style == "form")
    if style == "deepObject":
        return _Writing("deepObject", True, DEEP)
    if style in _SEPARATORS:
        # Exploded, a list is written as in style form; what an object would be, nothing says.
        return _Writing("delimited", explode, Nesting(items=SINGLE) if explode else FLAT, (_SEPARATORS[style],))
    if style == "form" and explode:
        return _Writing("form", True, SPREAD if location == "query" else SINGLE)
    return _Writing(style, explode, FLAT)


def _writing_20(location: str, raw: dict[str, Any]) -> _Writing:
    """How Swagger 2.0's ``collectionFormat`` (of the parameter, and of items that are lists again) has it written."""
    style: Style = "form" if location in ("query", "cookie") else "simple"
    if raw.get("collectionFormat") == "multi":
        return _Writing(style, location == "query", Nesting(items=SINGLE))
    separators: list[str] = []
    nesting = SINGLE
    level: Any = raw
    while isinstance(level, dict) and level.get("type") == "array" and len(separators) < _MAX_LISTS:
        separators.append(_COLLECTION_FORMATS.get(level.get("collectionFormat", "csv"), ","))
        nesting = Nesting(items=nesting)
        level = level.get("items")
    if len(set(separators)) < len(separators):
        raise UnsupportedError("lists in one another are written with the same separator (collectionFormat)")
    if separators[:1] not in ([], [","]) or len(separators) > 1:
        style = "delimited"
    return _Writing(style, False, nesting, tuple(separators) or (",",))


def _shape(graph: SchemaGraph, schema: str, location: str, writing: _Writing) -> Shape:
    try:
        return shape_of(graph, schema, writing.nesting)
    except UnsupportedError as error:
        if not str(error).endswith(("an object", "a list")):
            raise
        if location == "cookie" and writing.explode:
            hint = "which can't be written in a cookie with explode: true, the default; explode: false can be"
        elif location == "query" and writing.style != "deepObject":
            hint = "which can't be written in this style; deepObject can"
        else:
            hint = "which can't be written in this style"
        raise UnsupportedError(f"{error}, {hint}") from None


def _with_content(graph: SchemaGraph, pointer: str, raw: dict[str, Any]) -> SpecParameter:
    """A parameter that holds a text of some media type: JSON is parsed, everything else is read as plain text."""
    location: Location = raw["in"]
    media_type, content = next(iter(raw.get("content", {}).items()), ("", {}))
    try:
        is_json = parse(media_type).is_json
    except ValueError:
        raise UnsupportedError("it has neither a schema nor content of a media type") from None
    schema = pointers.join(pointer, "content", media_type, "schema") if "schema" in content else None
    shape = TEXT
    if schema is not None and not is_json:
        try:
            shape = shape_of(graph, schema, SINGLE)
        except UnsupportedError as error:
            raise UnsupportedError(f"{error}, which can't be read from {media_type}: only JSON is") from None
    return SpecParameter(
        name=raw["name"],
        location=location,
        pointer=pointer,
        schema=schema,
        shape=shape,
        required=raw.get("required", False),
        style="form" if location in ("query", "cookie") else "simple",
        explode=False,
        allow_empty=location == "query" and raw.get("allowEmptyValue", False),
        media_type=media_type,
    )


def not_validated(pointer: str, message: str) -> Problem:
    """What of an operation can't be validated, which is an error wherever validation is on."""
    return Problem(pointer, message, "to let it pass unchecked, set validate.request.mode: off")
