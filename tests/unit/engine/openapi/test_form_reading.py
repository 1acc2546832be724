"""How the fields of a form are written, by schema and encoding."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.form_reading import FURTHER, read_form, writing_of
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.shape_reading import UnsupportedError

TEXT = {"type": "string"}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}}
DEEP = {"style": "deepObject", "explode": True}


def graph(schema: Any) -> SchemaGraph:
    return SchemaGraph({"root": {"schema": schema}}, "3.1.0", Problems())


def fields(schema: Any, **encoding: Any) -> tuple[dict[str, Any], list[str]]:
    unsupported: list[Problem] = []
    form = read_form(graph(schema), "/root", "/root/schema", encoding, unsupported)
    return {field.name: field for field in form.fields}, [problem.message for problem in unsupported]


def field(schema: Any, **encoding: Any) -> Any:
    found, unsupported = fields({"type": "object", "properties": {"f": schema}}, f=encoding)
    assert not unsupported
    return found["f"]


@rows(
    ("schema", "encoding", "style", "explode"),
    [
        (TEXT, {}, "form", True),
        ({"type": "array", "items": TEXT}, {}, "form", True),
        ({"type": "array", "items": TEXT}, {"explode": False}, "form", False),
        ({"type": "array", "items": TEXT}, {"style": "spaceDelimited"}, "delimited", False),
        ({"type": "array", "items": TEXT}, {"style": "pipeDelimited", "explode": True}, "delimited", True),
        (POINT, {"style": "deepObject"}, "deepObject", True),
        (POINT, {"style": "form", "explode": False}, "form", False),
    ],
)
def test_a_field_is_written_as_its_encoding_says(schema: Any, encoding: Any, style: str, explode: bool) -> None:
    found = field(schema, **encoding)
    assert (found.style, found.explode, found.holds_json) == (style, explode, False)


@rows(
    ("schema", "encoding", "is_json"),
    [
        (POINT, {}, True),
        ({"type": "array", "items": POINT}, {}, True),
        ({"type": "array", "items": {"type": "array", "items": TEXT}}, {}, True),
        (TEXT, {"contentType": "application/json"}, True),
        (POINT, {"contentType": "application/vnd.x+json"}, True),
        (TEXT, {"contentType": "text/plain"}, False),
        (POINT, DEEP, False),
        ({"anyOf": [TEXT, POINT]}, {}, False),
    ],
)
def test_objects_are_json_unless_something_else_is_said(schema: Any, encoding: Any, is_json: bool) -> None:
    assert field(schema, **encoding).holds_json is is_json


def test_fields_are_those_of_all_parts_of_a_schema() -> None:
    found, _ = fields(
        {"allOf": [{"properties": {"a": TEXT}}, {"oneOf": [{"properties": {"b": TEXT}}, {"type": "object"}]}]}
    )
    assert found.keys() >= {"a", "b"}


def test_only_objects_that_vanish_are_asked_for_by_their_names() -> None:
    schema = {
        "allOf": [{"required": ["deep"]}],
        "type": "object",
        "required": ["name"],
        "properties": {"deep": POINT, "name": TEXT, "flat": POINT},
    }
    found, _ = fields(schema, deep=DEEP, flat=DEEP)
    assert {name for name, each in found.items() if each.required} == {"deep"}


@rows(
    ("schema", "further"),
    [
        ({"type": "object"}, True),
        ({"type": "object", "properties": {"a": TEXT}}, False),
        ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}, True),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, True),
        ({"type": "object", "additionalProperties": False}, False),
    ],
)
def test_further_fields_are_read_where_there_may_be_some(schema: Any, further: bool) -> None:
    assert (FURTHER in fields(schema)[0]) is further


def test_what_can_not_be_read_is_noted_with_its_field() -> None:
    nested = {"type": "object", "properties": {"p": {"type": "object", "properties": {"q": POINT}}}}
    found, unsupported = fields(nested, p={"style": "form", "explode": False})
    assert not found
    assert unsupported[0].startswith("the field p can't be validated: q in it is an object")
    _, unsupported = fields({"type": "object", "properties": {"a": TEXT}}, a={"style": "matrix"})
    assert "not matrix" in unsupported[0]
    _, unsupported = fields({"type": "object", "properties": {"a": TEXT}}, a={"contentType": "json"})
    assert "json is no media type" in unsupported[0]


def test_a_form_is_an_object() -> None:
    assert fields(TEXT) == ({}, ["a form is an object, which its schema does not allow"])


def test_styles_that_there_are_not() -> None:
    with pytest.raises(UnsupportedError):
        writing_of(graph(TEXT), ("/root/schema",), {"style": 7})
