"""Parameters as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import (
    READINGS,
    Shape,
    UnsupportedError,
    read_boolean,
    read_integer,
    read_number,
    shape_of,
)
from portcullis.engine.openapi.problems import Problems


def shape(schema: Any, version: str = "3.1.0", **schemas: Any) -> Shape:
    return shape_of(SchemaGraph({"root": schema, "components": {"schemas": schemas}}, version, Problems()), "/root")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, Shape(("integer",))),
        ({"type": ["integer", "string"]}, Shape(("integer", "string"))),
        ({"type": ["string", "null"]}, Shape(("string",))),
        ({}, Shape(("string",))),
        (True, Shape(("string",))),
        ({"enum": ["a", "b"]}, Shape(("string",))),
        ({"enum": [1, "a", True, 1.5, None]}, Shape(("integer", "string", "boolean", "number"))),
        ({"const": 5}, Shape(("integer",))),
        ({"minimum": 1}, Shape(("number",))),
        ({"pattern": "a"}, Shape(("string",))),
        ({"oneOf": [{"type": "boolean"}, {"type": "integer"}]}, Shape(("boolean", "integer"))),
        ({"anyOf": [{"type": "integer"}, {}]}, Shape(("string",))),
        ({"allOf": [{"type": ["integer", "string"]}, {"type": ["string", "boolean"]}]}, Shape(("string",))),
        ({"type": "number", "allOf": [{"type": "integer"}]}, Shape(("integer",))),
        ({"allOf": [{"type": "integer"}], "minimum": 1}, Shape(("integer",))),
        ({"$ref": "#/components/schemas/Id"}, Shape(("integer",))),
        ({"type": "array", "items": {"type": "integer"}}, Shape((), ("integer",))),
        ({"type": "array"}, Shape((), ("string",))),
        ({"items": {"$ref": "#/components/schemas/Id"}}, Shape((), ("integer",))),
        (
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["integer", "boolean"]}}]},
            Shape(("string",), ("integer", "boolean")),
        ),
    ],
)
def test_what_a_schema_lets_a_parameter_be(schema: Any, expected: Shape) -> None:
    assert shape(schema, Id={"type": "integer"}) == expected


def test_nullable_of_3_0_does_not_make_a_text_null() -> None:
    assert shape({"type": "integer", "nullable": True}, "3.0.0") == Shape(("integer",))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object"}, "object-valued"),
        ({"properties": {"a": {}}}, "object-valued"),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, "object-valued"),
        ({"type": "array", "items": {"type": "object"}}, "arrays of arrays or objects"),
        ({"type": "array", "items": {"type": "array"}}, "arrays of arrays or objects"),
        ({"prefixItems": [{}]}, "tuples"),
        ({"type": "null"}, "no text"),
        (False, "no text"),
        ({"type": "string", "allOf": [{"type": "integer"}]}, "no text"),
    ],
)
def test_what_is_not_supported(schema: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        shape(schema)


def test_a_schema_that_refers_to_itself_is_left_to_others_to_report() -> None:
    assert shape({"allOf": [{"$ref": "#/root"}], "type": "string"}) == Shape(("string",))
    assert shape({"type": "array", "anyOf": [{"$ref": "#/root"}]}) == Shape((), ("string",))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-1", -1), ("007", 7), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63))],
)
def test_integers(text: str, value: int) -> None:
    assert read_integer(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        "٣",
        "²",
        "1,2",
        "18446744073709551616",
        "1" * 5000,
    ],
)
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError):
        read_integer(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("-0.5", -0.5), ("1.50", 1.5), ("1e3", 1000.0), ("2E-2", 0.02)])
def test_numbers(text: str, value: float) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "+1", "1e", "NaN", "Infinity", "1e999", "1 ", "1\n", "٣", "0x1", "1" * 99]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        read_number(text)


@pytest.mark.parametrize("text", ["", "True", "TRUE", "1", "0", "yes", "on", "true ", "true\n"])
def test_only_true_and_false_are_booleans(text: str) -> None:
    assert read_boolean("true") is True
    assert read_boolean("false") is False
    with pytest.raises(ValueError):
        read_boolean(text)


@given(st.text(max_size=30) | st.integers().map(str) | st.floats().map(repr), st.sampled_from(sorted(READINGS)))
def test_a_reading_gives_a_value_of_its_kind_or_refuses(text: str, kind: str) -> None:
    kinds = {"integer": int, "number": (int, float), "boolean": bool, "string": str}
    try:
        value = READINGS[kind](text)
    except ValueError:
        return
    assert isinstance(value, kinds[kind])
    assert isinstance(value, bool) is (kind == "boolean")
