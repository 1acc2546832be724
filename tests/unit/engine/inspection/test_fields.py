from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.inspection.fields import ANYTHING, NOTHING, Field, FieldReader

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def read(schema: Any, **definitions: Any) -> Field:
    known = {"it": schema, **definitions}
    return FieldReader(lambda reference: known[reference.removeprefix("#/$defs/")]).read("#/$defs/it")


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@rows(
    "schema",
    [
        NUMBER,
        {"type": ["integer", "null"]},
        {"enum": ["a", "b"]},
        {"const": "<script>"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "pattern": "^[a-z]+$"},
        False,
        closed(),
        closed(a=NUMBER, b=closed(c={"type": "boolean"})),
        {"type": "array", "items": NUMBER},
        {"type": "array", "prefixItems": [NUMBER], "items": False},
        {"allOf": [TEXT, {"enum": ["a"]}]},
        {"allOf": [TEXT, {"pattern": "^[a-z]+$"}]},
        {"oneOf": [NUMBER, {"type": "null"}]},
        {"type": "string", "if": True, "then": {"enum": ["a"]}, "else": {"enum": ["b"]}},
        {"type": "array", "items": {"$ref": "#/$defs/it"}},
    ],
)
def test_what_can_hold_no_attack_is_idle(schema: Any) -> None:
    assert read(schema).is_idle


@rows(
    "schema",
    [
        True,
        {},
        TEXT,
        {"minLength": 1},
        {"type": ["string", "integer"]},
        {"type": "string", "format": "email"},
        {"type": "object"},
        {"type": "object", "properties": {"a": NUMBER}},
        {"type": "object", "additionalProperties": NUMBER},
        {"type": "object", "patternProperties": {"^x": NUMBER}, "additionalProperties": False},
        {"type": "array"},
        {"type": "array", "items": TEXT},
        {"type": "array", "prefixItems": [NUMBER]},
        closed(a=closed(b=TEXT)),
        {"anyOf": [NUMBER, TEXT]},
        {"not": NUMBER},
        {"type": "string", "if": True, "then": {"enum": ["a"]}},
    ],
)
def test_what_can_hold_one_is_not(schema: Any) -> None:
    assert not read(schema).is_idle


def test_nothing_said_is_anything() -> None:
    assert read(True) is not NOTHING
    assert read({"description": "?"}).text
    assert read({"description": "?"}).member("x") is ANYTHING


def test_a_closed_object_has_the_members_that_are_declared() -> None:
    field = read(closed(a=TEXT, b=NUMBER))
    assert field.member("a") is not None
    assert field.member("a").text  # type: ignore[union-attr]
    assert field.member("b").is_idle  # type: ignore[union-attr]
    assert field.member("c") is None
    assert not field.text


def test_members_of_all_parts_of_a_composition_count_and_the_whole_is_closed() -> None:
    schema = {
        "allOf": [{"properties": {"a": TEXT}}, {"properties": {"b": NUMBER, "a": {"maxLength": 5}}}],
        "type": "object",
        "unevaluatedProperties": False,
    }
    field = read(schema)
    assert field.member("a").text  # type: ignore[union-attr]
    assert field.member("b").is_idle  # type: ignore[union-attr]
    assert field.member("c") is None


def test_a_part_that_declares_what_else_there_is_keeps_it_open() -> None:
    schema = {
        "allOf": [{"type": "object", "properties": {"a": NUMBER}, "additionalProperties": TEXT}],
        "unevaluatedProperties": False,
    }
    assert read(schema).member("c").text  # type: ignore[union-attr]


def test_of_alternatives_every_member_counts() -> None:
    field = read({"oneOf": [closed(a=TEXT), closed(b=TEXT, a=NUMBER)]})
    assert field.member("a").text  # type: ignore[union-attr]
    assert field.member("b").text  # type: ignore[union-attr]
    assert field.member("c") is None


def test_a_schema_that_refers_to_itself_is_read_once() -> None:
    field = read(closed(text=TEXT, replies={"type": "array", "items": {"$ref": "#/$defs/it"}}))
    assert field.member("replies").items is field  # type: ignore[union-attr]
    assert not field.is_idle


def test_a_schema_that_refers_to_itself_by_another_name_is_read_once() -> None:
    node = closed(text=TEXT, more={"type": "array", "items": {"$ref": "#/$defs/alias"}})
    field = read({"$ref": "#/$defs/node"}, node=node, alias={"$ref": "#/$defs/node"})
    assert field.member("more").items is field  # type: ignore[union-attr]
    assert field.member("text").text  # type: ignore[union-attr]


def test_a_part_that_is_the_whole_again_is_read_once() -> None:
    field = read(closed(a={"allOf": [{"$ref": "#/$defs/it"}]}, b=TEXT))
    assert field.member("a") is field


def test_a_schema_that_is_a_part_of_itself_is_looked_at_whole() -> None:
    assert read({"allOf": [{"$ref": "#/$defs/it"}]}).text


def test_a_recursive_schema_in_a_composition_is_looked_at_whole_where_it_can_not_be_told() -> None:
    field = read({"anyOf": [NUMBER, closed(more={"anyOf": [NUMBER, {"$ref": "#/$defs/it"}]})]})
    assert field.member("more") is ANYTHING


def test_a_schema_that_is_only_itself_is_anything() -> None:
    assert read({"$ref": "#/$defs/it"}).text


def test_deep_schemas_are_looked_at_whole_below_some_depth() -> None:
    schema: Any = NUMBER
    for _ in range(200):
        schema = closed(a=schema)
    assert not read(schema).is_idle


@pytest.mark.slow
def test_large_compositions_take_bounded_time() -> None:
    parts = [{"properties": {f"p{n}_{m}": TEXT for m in range(20)}} for n in range(80)]
    field = read({"allOf": [{"anyOf": parts}] * 5})
    assert not field.is_idle
