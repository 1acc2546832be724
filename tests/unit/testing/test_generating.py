"""Values fit the schemas that they are made of."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from rows import rows

from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.testing.generating import UnmakeableError, ValueMaker, examples_beside, examples_of

POINTER = "/components/schemas/S"


def graph(schema: Any, **schemas: Any) -> SchemaGraph:
    return SchemaGraph({"components": {"schemas": {"S": schema, **schemas}}}, "3.1.0", Problems())


def made(schema: Any, *, everything: bool = False, attempt: int = 0, **schemas: Any) -> Any:
    return ValueMaker(graph(schema, **schemas), everything=everything, attempt=attempt).make(POINTER)


@rows("everything", [False, True])
@rows(
    "schema",
    [
        {},
        {"type": "boolean"},
        {"type": "null"},
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 4},
        {"type": "integer", "maximum": -5},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "minimum": -1, "maximum": 0},
        {"type": "string", "minLength": 6, "maxLength": 6},
        {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$", "minLength": 9},
        {"type": "string", "format": "date-time"},
        {"enum": [None, "a"]},
        {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "items": {"pattern": "^[1-9][0-9]*$"}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "minItems": 2},
        {"type": "array", "maxItems": 0},
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "object", "required": ["b"]}, "c": {}}},
        {"type": "object", "minProperties": 2, "properties": {"a": {"type": "integer"}}},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
        {"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}, "required": ["b"]},
        {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        {
            "allOf": [
                {"properties": {"a": {"minimum": 3}}},
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            ]
        },
    ],
)
def test_a_value_fits_its_schema(schema: Any, everything: bool) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(made(schema, everything=everything))


def test_the_same_schema_gives_the_same_value() -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": "^[a-z]+$"}, "b": {"type": "number"}}}
    assert made(schema, everything=True) == made(schema, everything=True)


def test_what_need_not_be_there_is_made_when_everything_is_asked_for() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}, "required": ["a"]}
    assert made(schema) == {"a": 1}
    assert made(schema, everything=True) == {"a": 1, "b": True}


def test_what_is_read_only_is_left_out_even_if_it_is_required() -> None:
    schema = {"properties": {"id": {"readOnly": True}, "a": {"type": "integer"}}, "required": ["id", "a"]}
    assert made(schema, everything=True) == {"a": 1}


def test_attempts_choose_other_alternatives_types_and_values() -> None:
    schema = {"oneOf": [{"const": "a"}, {"const": "b"}]}
    assert [made(schema, attempt=attempt) for attempt in range(3)] == ["a", "b", "a"]
    assert made({"type": ["string", "integer"]}, attempt=1) == 1
    assert made({"enum": ["a", "b"]}, attempt=1) == "b"


def test_a_tag_says_which_alternative_was_chosen() -> None:
    cat = {"type": "object", "properties": {"kind": {"type": "string"}, "name": {"type": "string"}}}
    schema = {"oneOf": [{"$ref": "#/components/schemas/Cat"}], "discriminator": {"propertyName": "kind"}}
    assert made(schema, Cat=cat) == {"kind": "Cat"}


def test_a_schema_that_holds_itself_ends_where_it_need_not_go_on() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": f"#{POINTER}"}}}
    assert isinstance(made(tree, everything=True), dict)
    with pytest.raises(UnmakeableError, match="it holds itself"):
        made({**tree, "required": ["next"]})


def test_a_large_schema_makes_no_large_value() -> None:
    levels = {
        f"L{level}": {"properties": {f"f{n}": {"$ref": f"#/components/schemas/L{level + 1}"} for n in range(20)}}
        for level in range(8)
    }
    value = made({"$ref": "#/components/schemas/L0"}, everything=True, L8={"type": "integer"}, **levels)
    assert len(str(value)) < 20_000


@rows(
    ("schema", "why"),
    [
        (False, "nothing fits it"),
        ({"enum": []}, "nothing fits it"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "nothing fits it"),
        ({"type": "string", "pattern": "(?=a)b"}, "no text is found"),
        ({"type": "array", "minItems": 10_000}, "it is too long"),
        (
            {"type": "array", "minItems": 3, "items": {"type": "integer", "maximum": 2}, "uniqueItems": True},
            "no number",
        ),
    ],
)
def test_what_can_not_be_made_is_said(schema: Any, why: str) -> None:
    with pytest.raises(UnmakeableError, match=why):
        made(schema)


def test_the_examples_of_a_document_are_found() -> None:
    schemas = graph({"example": 1, "default": 2, "examples": [3]})
    assert list(examples_of(schemas, POINTER)) == [1, 2, 3]
    owner = {"example": 0, "examples": {"a": {"value": 1}, "b": {"$ref": "#/c"}, "d": {"externalValue": "x"}}}
    schemas.root.update({"owner": owner, "c": {"value": 2}})
    assert list(examples_beside(schemas, "/owner")) == [0, 1, 2]
