"""What schemas let parameters be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi import shape_reading
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import DEEP, FLAT, MAX_DEPTH, SINGLE, SPREAD, Nesting, Shape
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.shape_reading import UnsupportedError, fields_of, kinds_of, read_shape, shape_of

INTEGER, STRING = Shape(("integer",)), Shape(("string",))


def shape(schema: Any, nesting: Nesting = FLAT, version: str = "3.1.0", **schemas: Any) -> Shape:
    root = {"root": schema, "components": {"schemas": schemas}}
    return shape_of(SchemaGraph(root, version, Problems()), "/root", nesting)


@rows(
    ("schema", "expected"),
    [
        ({"type": "integer"}, INTEGER),
        ({"type": ["integer", "string"]}, Shape(("integer", "string"))),
        ({"type": ["string", "null"]}, STRING),
        ({}, STRING),
        (True, STRING),
        ({"enum": ["a", "b"]}, STRING),
        ({"enum": [1, "a", True, 1.5, None]}, Shape(("integer", "string", "boolean", "number"))),
        ({"const": 5}, INTEGER),
        ({"minimum": 1}, Shape(("number",))),
        ({"pattern": "a"}, STRING),
        ({"oneOf": [{"type": "boolean"}, {"type": "integer"}]}, Shape(("boolean", "integer"))),
        ({"anyOf": [{"type": "integer"}, {}]}, STRING),
        ({"allOf": [{"type": ["integer", "string"]}, {"type": ["string", "boolean"]}]}, STRING),
        ({"type": "number", "allOf": [{"type": "integer"}]}, INTEGER),
        ({"allOf": [{"type": "integer"}], "minimum": 1}, INTEGER),
        ({"$ref": "#/components/schemas/Id"}, INTEGER),
        ({"type": "array", "items": {"type": "integer"}}, Shape((), INTEGER)),
        ({"type": "array"}, Shape((), STRING)),
        ({"items": {"$ref": "#/components/schemas/Id"}}, Shape((), INTEGER)),
        ({"prefixItems": [{"type": "integer"}, {}], "items": {"type": "boolean"}},
         Shape((), Shape(("boolean",)), (INTEGER, STRING))),
        ({"prefixItems": [{"type": "integer"}]}, Shape((), STRING, (INTEGER,))),
        ({"allOf": [{"items": {"type": "integer"}}, {"items": {"enum": ["a"]}}]},
         Shape((), Shape(("integer", "string")))),
        (
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["integer", "boolean"]}}]},
            Shape(("string",), Shape(("integer", "boolean"))),
        ),
    ],
)  # fmt: skip
def test_what_a_schema_lets_a_parameter_be(schema: Any, expected: Shape) -> None:
    assert shape(schema, Id={"type": "integer"}) == expected


def test_nullable_of_3_0_does_not_make_a_text_null() -> None:
    assert shape({"type": "integer", "nullable": True}, version="3.0.0") == INTEGER


@rows(
    ("schema", "properties", "extra"),
    [
        ({"properties": {"a": {"type": "integer"}, "b": {}}}, {"a": INTEGER, "b": STRING}, None),
        ({"properties": {"a": False}}, {"a": Shape(())}, None),
        ({"type": "object"}, {}, STRING),
        ({"type": "object", "additionalProperties": False}, {}, None),
        ({"properties": {"a": {}}, "additionalProperties": True}, {"a": STRING}, STRING),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}, {"a": STRING}, INTEGER),
        ({"type": "object", "patternProperties": {"^x": {"type": "integer"}}}, {}, INTEGER),
        ({"type": "object", "unevaluatedProperties": {"type": "integer"}}, {}, INTEGER),
        ({"$ref": "#/components/schemas/Point"}, {"x": INTEGER}, None),
        (
            {"allOf": [{"$ref": "#/components/schemas/Point"}, {"properties": {"y": {"type": "integer"}}}]},
            {"x": INTEGER, "y": INTEGER},
            None,
        ),
        (
            {"oneOf": [{"properties": {"v": {"type": "integer"}}}, {"properties": {"v": {"enum": ["a"]}}}]},
            {"v": Shape(("integer", "string"))},
            None,
        ),
        (
            {"properties": {"a": {}}, "if": {}, "then": {"properties": {"b": {}}}, "else": {"properties": {"c": {}}}},
            {"a": STRING, "b": STRING, "c": STRING},
            None,
        ),
    ],
)  # fmt: skip
def test_what_the_fields_of_an_object_may_be(schema: Any, properties: Any, extra: Shape | None) -> None:
    found = shape(schema, Point={"type": "object", "properties": {"x": {"type": "integer"}}})
    assert found == Shape((), properties=properties, extra=extra)


def test_how_far_a_shape_goes_depends_on_the_nesting() -> None:
    inner = {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "integer"}}}}
    schema = {"type": "object", "properties": {"inner": inner}}
    assert shape(inner, SPREAD).properties == {"list": Shape((), INTEGER)}
    assert shape(schema, DEEP).properties == {"inner": Shape((), properties={"list": Shape((), INTEGER)})}
    assert shape({"anyOf": [{"type": "integer"}, inner]}, SINGLE) == INTEGER
    assert shape({"type": "array", "items": {"type": ["string", "object"]}}, FLAT) == Shape((), STRING)


@rows(
    ("schema", "nesting", "message"),
    [
        ({"type": "object"}, SINGLE, "it is an object"),
        ({"type": "array"}, SINGLE, "it is a list"),
        ({"type": "array", "items": {"type": "object"}}, FLAT, "[] in it is an object"),
        ({"type": "array", "items": {"type": "array"}}, FLAT, "[] in it is a list"),
        ({"properties": {"a": {"type": "object"}}}, SPREAD, "a in it is an object"),
        ({"properties": {"a": {"items": {"items": {}}}}}, SPREAD, "a/[] in it is a list"),
        ({"type": "object", "additionalProperties": {"type": "array"}}, FLAT, "* in it is a list"),
        ({"type": "null"}, FLAT, "no text is a value of it"),
        (False, FLAT, "no text"),
        ({"type": "string", "allOf": [{"type": "integer"}]}, FLAT, "no text"),
    ],
)
def test_what_can_not_be_written(schema: Any, nesting: Nesting, message: str) -> None:
    with pytest.raises(UnsupportedError, match=f"^{re.escape(message)}"):
        shape(schema, nesting)


def test_a_schema_that_refers_to_itself_is_left_to_others_to_report() -> None:
    assert shape({"allOf": [{"$ref": "#/root"}], "type": "string"}) == STRING
    assert shape({"type": "array", "anyOf": [{"$ref": "#/root"}]}) == Shape((), STRING)


def test_an_object_within_itself_is_followed_as_far_as_is_read() -> None:
    found: Shape | None = shape({"type": "object", "properties": {"v": {}, "next": {"$ref": "#/root"}}}, DEEP)
    for _ in range(MAX_DEPTH):
        assert found is not None
        assert found.field("v") in (STRING, None)
        found = found.field("next")
    assert found == Shape(())


def test_schemas_that_double_at_each_level_take_no_time() -> None:
    schemas: dict[str, Any] = {"S40": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    for level in range(40):
        below = {"$ref": f"#/components/schemas/S{level + 1}"}
        schemas[f"S{level}"] = {"allOf": [below, below], "properties": {"p": below, "q": below}}
    found = shape({"$ref": "#/components/schemas/S0"}, DEEP, **schemas)
    assert found.properties is not None
    assert found.properties.keys() == {"a", "p", "q"}


def test_fields_that_refer_to_what_they_are_in_are_found_once() -> None:
    names = [f"p{number}" for number in range(300)]
    big = {"type": "object", "properties": {name: {"$ref": "#/components/schemas/Big"} for name in names}}
    found = shape({"$ref": "#/components/schemas/Big"}, DEEP, Big=big)
    assert found.field("p0") is found.field("p299")


def test_how_much_of_a_document_is_looked_at_is_bounded() -> None:
    graph = SchemaGraph({"a": {"type": "object", "properties": {"x": {}, "y": {}}}}, "3.1.0", Problems())
    assert shape_of(graph, "/a", SPREAD).properties == {"x": STRING, "y": STRING}
    shape_reading._known[graph].left = 2
    with pytest.raises(UnsupportedError, match="more than 200000 fields"):
        shape_of(graph, "/a", DEEP)


def test_shapes_are_found_once_for_a_document() -> None:
    root = {"root": {"$ref": "#/point"}, "point": {"type": "object", "properties": {"x": {}}}}
    graph = SchemaGraph(root, "3.1.0", Problems())
    assert shape_of(graph, "/point") is shape_of(graph, "/point")


def test_what_several_schemas_say_of_one_value_is_taken_together() -> None:
    root = {"a": {"properties": {"x": {"type": "integer"}}}, "b": {"properties": {"x": {"enum": ["u"]}, "y": {}}}}
    graph = SchemaGraph(root, "3.1.0", Problems())
    assert read_shape(graph, ("/a", "/b"), FLAT).properties == {"x": Shape(("integer", "string")), "y": STRING}
    assert fields_of(graph, ("/a", "/b")).properties == {
        "x": ["/a/properties/x", "/b/properties/x"],
        "y": ["/b/properties/y"],
    }
    assert kinds_of(graph, ("/a/properties/x", "/b/properties/x")) == ("integer", "string")
    assert kinds_of(graph, ("/a/properties/x", "/b/properties/y")) is None
