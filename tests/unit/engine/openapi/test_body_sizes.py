"""The largest value that a schema allows: above all that fit, where there is one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.body_sizes import UNBOUNDED, longest_text, most_items, size_of
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems


def graph(schema: Any, **schemas: Any) -> SchemaGraph:
    return SchemaGraph({"root": schema, "components": {"schemas": schemas}}, "3.1.0", Problems())


def size(schema: Any, **schemas: Any) -> tuple[int | None, int | None]:
    found = size_of(graph(schema, **schemas), "/root")
    return found.length, found.depth


BOUNDED: list[tuple[Any, Any, int]] = [
    ({"type": "boolean"}, False, 0),
    ({"type": "integer"}, -(2**63), 0),
    ({"type": ["number", "null"]}, -1.2345678901234567e-300, 0),
    ({"type": "string", "maxLength": 3}, "\U0001f600" * 3, 0),
    ({"type": "string", "format": "uuid"}, "x" * 36, 0),
    ({"enum": ["a", "\U0001f600" * 5, 1]}, "\U0001f600" * 5, 0),
    ({"const": "abc"}, "abc", 0),
    ({"type": "array", "maxItems": 3, "items": {"type": "boolean"}}, [False] * 3, 1),
    ({"type": "object", "properties": {"a": {"type": "integer"}, "é": {"enum": ["x"]}}}, {"a": 1, "é": "x"}, 1),
    ({"type": "object", "additionalProperties": False}, {}, 1),
    (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}}},
                {"properties": {"b": {"type": "array", "maxItems": 2, "items": {"type": "null"}}}},
            ]
        },
        {"a": "abcd", "b": [None, None]},
        2,
    ),
    (
        {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}], "type": "string"},
        "123456789",
        0,
    ),
    ({"allOf": [{"type": "string"}, {"maxLength": 9}]}, "123456789", 0),
    ({"anyOf": [{"type": "string", "maxLength": 5}, {"type": "integer"}]}, "12345", 0),
]


@rows(("schema", "value", "depth"), BOUNDED)
def test_what_fits_is_not_larger(schema: Any, value: Any, depth: int) -> None:
    length, found = size(schema)
    assert found == depth
    assert length is not None
    assert len(json.dumps(value, indent=8)) <= length <= 400 + 20 * len(json.dumps(value))


@rows(
    "schema",
    [
        {},
        True,
        {"type": "object"},
        {"type": "array", "maxItems": 3},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["b"]},
        {"type": "object", "properties": {"a": {}}},
        {"$ref": "#/components/schemas/Tree"},
        {"type": "object", "properties": {"a": {"type": "null"}}, "discriminator": {"propertyName": "a"}},
        {"type": "object", "properties": {"a": {"type": "null"}}, "anyOf": [{"type": "object"}, {"required": ["a"]}]},
        {"anyOf": [{"type": "integer"}, {"type": "object"}]},
        {"properties": {"a": {"type": "null"}}, "type": "object", "dependentSchemas": {"a": {"properties": {"b": {}}}}},
    ],
)
def test_what_is_left_open_has_no_bound(schema: Any) -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Tree"}}}
    assert size(schema, Tree=tree) == (UNBOUNDED.length, UNBOUNDED.depth)


@rows(
    ("schema", "depth"),
    [
        ({"type": "string"}, 0),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, 2),
        ({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}, 2),
        ({"type": "object", "additionalProperties": {"type": "string"}}, 1),
    ],
)
def test_depth_may_be_bounded_where_length_is_not(schema: Any, depth: int) -> None:
    assert size(schema) == (None, depth)


def test_texts_and_lists_are_measured_on_their_own() -> None:
    both = graph({"type": "string", "allOf": [{"maxLength": 7}, {"maxLength": 5}], "maxItems": 4, "format": "binary"})
    assert longest_text(both, "/root") == 5
    assert most_items(both, "/root") == 4
    assert longest_text(graph({"type": "string", "format": "binary"}), "/root") is None


def test_schemas_that_refer_to_one_another_many_times_take_no_time() -> None:
    schemas = {f"S{n}": {"allOf": [{"$ref": f"#/components/schemas/S{n + 1}"}] * 2} for n in range(15)}
    assert size({"$ref": "#/components/schemas/S0"}, **schemas, S15={"type": "string", "maxLength": 2}) == (26, 0)
    loop = {"anyOf": [{"$ref": "#/components/schemas/Loop"}, {"$ref": "#/components/schemas/Loop"}]}
    assert size({"$ref": "#/components/schemas/Loop"}, Loop=loop) == (None, None)


SCALARS = st.sampled_from(
    [{"type": "boolean"}, {"type": "integer"}, {"type": "string", "maxLength": 4}, {"enum": ["x", None]}]
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner, "maxItems": st.integers(0, 3)})
        | st.dictionaries(st.sampled_from(["a", "b", "é"]), inner).map(
            lambda fields: {"type": "object", "properties": fields, "additionalProperties": False}
        )
    ),
    max_leaves=6,
)


def largest(schema: Any) -> Any:
    if "enum" in schema:
        return "x"
    match schema["type"]:
        case "boolean":
            return False
        case "integer":
            return -(2**63)
        case "string":
            return "\U0001f600" * 4
        case "array":
            return [largest(schema["items"])] * schema["maxItems"]
    return {name: largest(below) for name, below in schema["properties"].items()}


@given(SCHEMAS)
def test_the_largest_value_fits_however_it_is_written(schema: Any) -> None:
    length, depth = size(schema)
    assert length is not None
    assert depth is not None
    assert len(json.dumps(largest(schema), indent=4)) <= length
