"""What the parts of a ``multipart/form-data`` body are: each property of its schema is one, or for a list several.

A part is text, JSON, XML or bytes. That follows from the schema of its property, and from the ``contentType`` of the
Encoding Object where there is one: an object is JSON, what ``format: binary`` says is bytes, a single value is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from portcullis.engine import media_type
from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi.byte_schemas import MAX_SHORTEST, Bounds, bounds_of, says_bytes
from portcullis.engine.openapi.form_reading import holds_objects, writing_of
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import not_validated
from portcullis.engine.openapi.parameters import SINGLE, TEXT, Shape
from portcullis.engine.openapi.problems import Problem
from portcullis.engine.openapi.shape_reading import UnsupportedError, fields_of, kinds_of, read_shape
from portcullis.engine.openapi.xml_reading import SpecXml, read_xml

FURTHER: Final = ""
"""The name of what takes the parts that are not named."""

Form = Literal["text", "json", "xml", "bytes"]


class SpecPart(msgspec.Struct, frozen=True):
    """What the parts of one name are.

    ``schema``: the pointer of the schema that each of them can be checked against as it comes, ``None`` if there is no
    such one; ``shape``: what a text may be; ``is_list``: there may be several; ``separator``: there is one, with the
    items of a list in it; ``is_deep``: there are several, with the way to each value in brackets; ``types``: the media
    types they may have, if the document says so; ``bounds``: of bytes; ``xml``: how XML is read.
    """

    name: str
    form: Form
    schema: str | None = None
    shape: Shape = TEXT
    is_list: bool = False
    separator: str = ""
    is_deep: bool = False
    types: tuple[MediaType, ...] = ()
    bounds: Bounds = Bounds()
    xml: SpecXml | None = None


class SpecParts(msgspec.Struct, frozen=True, tag="parts"):
    """The parts of a body; one called :data:`FURTHER` stands for all that no other has the name of."""

    parts: tuple[SpecPart, ...]


def read_parts(
    graph: SchemaGraph, pointer: str, schema: str | None, encoding: Mapping[str, Any], unsupported: list[Problem]
) -> SpecParts:
    """The parts of the body whose Media Type Object stands at ``pointer``.

    What can't be validated is noted in ``unsupported``.
    """
    if schema is None:
        return SpecParts((SpecPart(FURTHER, "bytes", is_list=True),))
    kinds = kinds_of(graph, (schema,))
    if kinds is not None and "object" not in kinds:
        unsupported.append(not_validated(pointer, "a form is an object, which its schema does not allow"))
        return SpecParts(())
    declared = fields_of(graph, (schema,))
    parts = []
    for name, schemas in declared.properties.items():
        said = encoding.get(name)
        try:
            parts.append(_read_part(graph, name, tuple(schemas), said if isinstance(said, dict) else {}))
        except UnsupportedError as error:
            unsupported.append(not_validated(schemas[0], f"the part {name[:80]} can't be validated: {error}"))
    if declared.extra:
        parts.append(_read_part(graph, FURTHER, tuple(declared.extra), {}))
    elif declared.is_open or not (declared.properties or declared.is_closed):
        parts.append(SpecPart(FURTHER, "bytes", is_list=True))
    return SpecParts(tuple(parts))


def _read_part(graph: SchemaGraph, name: str, schemas: tuple[str, ...], encoding: Mapping[str, Any]) -> SpecPart:
    """The part ``name`` of which ``schemas`` (pointers) and ``encoding`` speak. Raises :class:`UnsupportedError`."""
    types = _types(encoding.get("contentType"))
    writing = writing_of(graph, schemas, {key: value for key, value in encoding.items() if key != "contentType"})
    own = schemas[0] if len(schemas) == 1 else None
    if writing.style == "deepObject":
        return SpecPart(name, "text", own, read_shape(graph, schemas, writing.nesting), is_deep=True)
    kinds = kinds_of(graph, schemas)
    is_list = kinds is not None and "array" in kinds
    if is_list and not says_bytes(graph, *schemas):
        separator = "" if writing.explode else writing.separators[0]
        if separator:
            return SpecPart(name, "text", own, read_shape(graph, schemas, writing.nesting), separator=separator)
        schemas = tuple(fields_of(graph, schemas).items)
        own = schemas[0] if len(schemas) == 1 else None
    return _one_part(graph, SpecPart(name, "bytes", own, is_list=is_list, types=types), schemas)


def _one_part(graph: SchemaGraph, part: SpecPart, schemas: tuple[str, ...]) -> SpecPart:
    """``part``, of which ``schemas`` speak, one of several or the only one."""
    replace = msgspec.structs.replace
    types = part.types
    kinds = kinds_of(graph, schemas) if schemas else None
    is_xml = bool(types) and all(map(_is_xml, types)) and holds_objects(graph, schemas)
    if kinds is None or says_bytes(graph, *schemas) or not (is_xml or _is_read(types)):
        bounds = bounds_of(graph, *schemas)
        if bounds.least > MAX_SHORTEST:
            raise UnsupportedError(f"a minLength of more than {MAX_SHORTEST:,} bytes")
        if holds_objects(graph, schemas):
            raise UnsupportedError(f"it is an object, which is not read from {types[0]}")
        return replace(part, schema=None, bounds=bounds)
    if is_xml:
        return replace(part, form="xml", xml=read_xml(graph, schemas[0]))
    if all(map(_is_json, types)) if types else holds_objects(graph, schemas) or "array" in kinds:
        return replace(part, form="json")
    return replace(part, form="text", shape=read_shape(graph, schemas, SINGLE))


def _is_json(each: MediaType) -> bool:
    return each.is_json


def _is_xml(each: MediaType) -> bool:
    return each.is_xml


def _is_text(each: MediaType) -> bool:
    return each.type == "text" and not each.is_xml


def _is_read(types: tuple[MediaType, ...]) -> bool:
    """Whether what is of ``types`` is read, instead of being counted only."""
    return not types or any(all(map(kind, types)) for kind in (_is_json, _is_text))


def _types(said: Any) -> tuple[MediaType, ...]:
    """The media types (or ranges) of ``said``, a ``contentType``."""
    if not isinstance(said, str):
        return ()
    try:
        return tuple(media_type.parse(each) for each in said.split(","))
    except ValueError:
        raise UnsupportedError(f"{said[:80]} is no list of media types") from None
