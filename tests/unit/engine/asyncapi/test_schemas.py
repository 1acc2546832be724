from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.asyncapi.anatomy import ANATOMIES
from portcullis.engine.asyncapi.schemas import standing_alone, telling_field, validator_of


def named(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(fields), "properties": fields}


BUY, SELL = {"const": "buy"}, {"enum": ["sell", "dump"]}


def test_a_schema_takes_along_what_it_refers_to_and_only_that() -> None:
    root = {"a": {"not": {"$ref": "#/b"}, "default": {"$ref": 1}}, "b": {"anyOf": [{"$ref": "#/a"}, True]}, "c": {}}
    alone = standing_alone(root, "/a", ANATOMIES["2"])
    assert alone == {
        "allOf": [{"not": {"$ref": "#/$defs/0"}, "default": {"$ref": 1}}],
        "$defs": {
            "0": {"anyOf": [{"$ref": "#/$defs/1"}, True]},
            "1": {"not": {"$ref": "#/$defs/0"}, "default": {"$ref": 1}},
        },
    }
    assert standing_alone({"a": True}, "/a", ANATOMIES["2"]) is True


@rows(
    ("schema", "fits", "does_not"),
    [
        ({"items": [{"type": "integer"}], "additionalItems": False}, [1], [1, 2]),
        ({"items": [{"type": "integer"}]}, [1, "a"], ["a"]),
        ({"items": {"type": "integer"}}, [1], ["a"]),
        ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, {"c": 1, "d": 2}, {"c": 1}),
        ({"format": "uuid"}, "4e0f3b52-7c1d-4d9a-8a55-0c2f9be1d7a3", "x"),
        ({"properties": {"dependencies": {"type": "string"}}}, {"dependencies": "a"}, {"dependencies": 1}),
    ],
)
def test_schemas_are_those_of_draft_07_and_formats_count(schema: Any, fits: Any, does_not: Any) -> None:
    validator = validator_of(standing_alone({"a": schema}, "/a", ANATOMIES["2"]))
    assert validator.is_valid(fits)
    assert not validator.is_valid(does_not)


@rows(
    ("schemas", "expected"),
    [
        ([named(type=BUY), named(type=SELL)], ("type", {"buy": 0, "sell": 1, "dump": 1})),
        (
            [named(id={}, kind=BUY), named(type=BUY, kind=SELL)],
            ("kind", {"buy": 0, "sell": 1, "dump": 1}),
        ),
        ([named(type=BUY), named(type=BUY)], None),
        ([named(type=BUY), {**named(type=SELL), "required": []}], None),
        ([named(type=BUY), {"required": ["type"], "properties": {"type": SELL}}], None),
        ([named(type=BUY), named(type={"const": 1})], None),
        ([named(type=BUY), True], None),
        ([named(type=BUY), {"type": "object", "required": 1, "properties": {}}], None),
    ],
)
def test_messages_are_told_apart_by_a_field_that_all_must_have(schemas: list[Any], expected: Any) -> None:
    assert telling_field(schemas) == expected


def test_what_a_schema_only_refers_to_tells_too() -> None:
    referred = {"allOf": [{"$ref": "#/$defs/0"}], "$defs": {"0": named(type=BUY)}}
    circle = {"allOf": [{"$ref": "#/$defs/0"}], "$defs": {"0": {"$ref": "#/$defs/0"}}}
    assert telling_field([referred, named(type=SELL)]) == ("type", {"buy": 0, "sell": 1, "dump": 1})
    assert telling_field([circle, named(type=SELL)]) is None
