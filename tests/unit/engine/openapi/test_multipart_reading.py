"""What the parts of a form are, by schema and encoding."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.byte_schemas import MAX_SHORTEST
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.multipart_reading import FURTHER, SpecPart, read_parts
from portcullis.engine.openapi.problems import Problem, Problems

TEXT = {"type": "string"}
BYTES = {"type": "string", "format": "binary"}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}}


def parts(schema: Any, version: str = "3.1.0", **encoding: Any) -> tuple[dict[str, SpecPart], list[str]]:
    unsupported: list[Problem] = []
    graph = SchemaGraph({"root": {"schema": schema}}, version, Problems())
    found = read_parts(graph, "/root", None if schema is None else "/root/schema", encoding, unsupported)
    return {part.name: part for part in found.parts}, [problem.message for problem in unsupported]


def part(schema: Any, **encoding: Any) -> SpecPart:
    found, unsupported = parts({"type": "object", "properties": {"p": schema}}, p=encoding)
    assert not unsupported
    return found["p"]


@rows(
    ("schema", "content_type", "form", "is_list"),
    [
        (TEXT, None, "text", False),
        ({"type": "integer"}, None, "text", False),
        ({"enum": ["a", "b"]}, None, "text", False),
        ({"type": "string", "format": "byte"}, None, "text", False),
        (POINT, None, "json", False),
        (BYTES, None, "bytes", False),
        ({"type": "string", "contentMediaType": "image/png"}, None, "bytes", False),
        ({}, None, "bytes", False),
        ({"type": "array", "items": TEXT}, None, "text", True),
        ({"type": "array", "items": BYTES}, None, "bytes", True),
        ({"type": "array", "items": POINT}, None, "json", True),
        ({"type": "array", "items": {"type": "array", "items": TEXT}}, None, "json", True),
        ({"type": "array"}, None, "bytes", True),
        (TEXT, "text/plain", "text", False),
        (TEXT, "text/plain, text/markdown", "text", False),
        (TEXT, "application/json", "json", False),
        (TEXT, "image/png", "bytes", False),
        (BYTES, "application/json", "bytes", False),
        (POINT, "application/xml", "xml", False),
        (TEXT, "application/xml", "bytes", False),
        ({"type": "array", "items": POINT}, "application/json", "json", True),
    ],
)
def test_schema_and_content_type_say_what_a_part_is(
    schema: Any, content_type: str | None, form: str, is_list: bool
) -> None:
    found = part(schema, **({} if content_type is None else {"contentType": content_type}))
    assert (found.form, found.is_list) == (form, is_list)
    assert bool(found.xml) == (form == "xml")
    assert found.types == (() if content_type is None else tuple(map(parse, content_type.split(","))))


def test_what_is_not_bytes_can_be_checked_as_it_comes() -> None:
    assert part(TEXT).schema == "/root/schema/properties/p"
    assert part({"type": "array", "items": TEXT}).schema == "/root/schema/properties/p/items"
    assert part(BYTES).schema is None
    both = parts({"allOf": [{"properties": {"p": TEXT}}, {"properties": {"p": {"maxLength": 3}}}]})[0]["p"]
    assert both.schema is None


def test_lists_in_one_part_and_objects_in_several() -> None:
    assert part({"type": "array", "items": TEXT}, style="form", explode=False).separator == ","
    assert part({"type": "array", "items": TEXT}, style="pipeDelimited").separator == "|"
    assert part({"type": "array", "items": TEXT}, style="form").is_list
    assert part(POINT, style="deepObject").is_deep


def test_bytes_have_bounds() -> None:
    bounds = part({**BYTES, "minLength": 1, "maxLength": 7}).bounds
    assert (bounds.least, bounds.most) == (1, 7)
    bounds = part({"type": "array", "items": {**BYTES, "maxLength": 7}}).bounds
    assert bounds.most == 7


@rows(
    ("schema", "further"),
    [
        (None, "bytes"),
        ({"type": "object"}, "bytes"),
        ({"type": "object", "additionalProperties": TEXT}, "text"),
        ({"type": "object", "additionalProperties": BYTES}, "bytes"),
        ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}, "bytes"),
        ({"type": "object", "properties": {"a": TEXT}}, None),
        ({"type": "object", "additionalProperties": False}, None),
    ],
)
def test_parts_of_any_name(schema: Any, further: str | None) -> None:
    found = parts(schema)[0].get(FURTHER)
    assert (found and found.form) == further


@rows(
    ("schema", "encoding", "message"),
    [
        (POINT, {"contentType": "image/png"}, "an object, which is not read from image/png"),
        (TEXT, {"contentType": "plain"}, "plain is no list of media types"),
        ({**BYTES, "minLength": MAX_SHORTEST + 1}, {}, "a minLength of more than"),
        (TEXT, {"style": "simple"}, "not simple"),
    ],
)
def test_what_can_not_be_read_is_noted_with_its_part(schema: Any, encoding: Any, message: str) -> None:
    _, unsupported = parts({"type": "object", "properties": {"p": schema}}, p=encoding)
    assert message in unsupported[0]
    assert unsupported[0].startswith("the part p can't be validated: ")
