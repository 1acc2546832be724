"""Explanations: which violation is shown, and that finding it is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.violations import Explainer, TooComplexError, has_type


def nothing(_reference: str) -> Any:
    raise AssertionError("no references here")


def first(schema: Any, value: Any) -> tuple[str, str, tuple[str, ...]]:
    violation = Explainer(nothing).violations(schema, value)[0]
    return "/".join(map(str, violation.path)), violation.keyword, violation.names


ITEM = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "n": {"maximum": 5}}}
CAT = {"required": ["kind"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}}
DOG = {"required": ["kind"], "properties": {"kind": {"const": "dog"}, "barks": {"type": "boolean"}}}


@rows(
    ("schema", "value", "expected"),
    [
        (ITEM, 1, ("", "type", ())),
        (ITEM, {}, ("", "required", ("kind",))),
        (ITEM, {"kind": 1}, ("kind", "type", ())),
        (ITEM, {"kind": "a", "n": 6}, ("n", "maximum", ())),
        ({"items": ITEM}, [{"kind": "a"}, {"kind": "a", "n": 9}], ("1/n", "maximum", ())),
        ({"prefixItems": [{}, ITEM]}, [1, {}], ("1", "required", ("kind",))),
        ({"additionalProperties": False, "properties": {}}, {"b": 1, "c": 1}, ("", "additionalProperties", ("b", "c"))),
        ({"additionalProperties": {"type": "string"}}, {"b": 1}, ("b", "type", ())),
        ({"patternProperties": {"^x": False}}, {"a": 1, "xy": 1}, ("xy", "false", ())),
        ({"propertyNames": {"maxLength": 2}}, {"abc": 1}, ("abc", "maxLength", ())),
        ({"properties": {"a": False}}, {"a": 1}, ("a", "false", ())),
        ({"not": {"type": "integer"}}, 1, ("", "not", ())),
        ({"contains": {"type": "integer"}}, ["a"], ("", "contains", ())),
        ({"if": {"type": "integer"}, "then": {"minimum": 3}, "else": {"minLength": 3}}, 1, ("", "minimum", ())),
        ({"if": {"type": "integer"}, "then": {"minimum": 3}, "else": {"minLength": 3}}, "a", ("", "minLength", ())),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ("", "dependentRequired", ())),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, ("", "required", ("b",))),
        ({"allOf": [{"minimum": 0}, {"maximum": 5}]}, 6, ("", "maximum", ())),
        ({"oneOf": [{"minimum": 0}, {"maximum": 5}]}, 3, ("", "oneOf", ("more than one",))),
        ({"oneOf": [CAT, DOG]}, {"kind": "dog", "barks": 1}, ("barks", "type", ())),
        ({"oneOf": [CAT, DOG]}, {"kind": "cat", "lives": "x"}, ("lives", "type", ())),
        ({"oneOf": [CAT, DOG]}, {"kind": "cow"}, ("", "oneOf", ())),
        ({"anyOf": [{"type": "null"}, ITEM]}, {"kind": 1}, ("kind", "type", ())),
        ({"anyOf": [{"type": "null"}, {"enum": ["a", "b"]}]}, "c", ("", "enum", ())),
        ({"unevaluatedProperties": False, "allOf": [{}]}, {"b": 1}, ("", "unevaluatedProperties", ("b",))),
        ({"unevaluatedItems": False, "prefixItems": [{}]}, [1, 2], ("1", "false", ())),
        ({"pattern": "^a+$"}, "b", ("", "pattern", ())),
        ({"uniqueItems": True}, [1, 1.0], ("", "uniqueItems", ())),
        (False, 1, ("", "false", ())),
    ],
)
def test_what_is_shown(schema: Any, value: Any, expected: tuple[str, str, tuple[str, ...]]) -> None:
    assert first(schema, value) == expected


def test_nothing_is_said_of_what_fits() -> None:
    assert Explainer(nothing).violations(ITEM, {"kind": "a", "n": 5, "other": 1}) == ()
    assert Explainer(nothing).violations(True, 1) == ()


def test_undeclared_keys_are_only_named_where_the_rest_fits() -> None:
    schema = {"oneOf": [CAT], "unevaluatedProperties": False}
    found = Explainer(nothing).violations(schema, {"kind": "cat", "lives": "many", "x": 1})
    assert [violation.keyword for violation in found] == ["type"]


def test_what_is_known_to_fit_is_not_looked_at() -> None:
    looked: list[str] = []

    def resolve(reference: str) -> Any:
        looked.append(reference)
        return {"type": "string"}

    schema = {"items": {"$ref": "#/x"}}
    explainer = Explainer(resolve, lambda _reference, value: isinstance(value, str), budget=3)
    found = explainer.violations(schema, ["a"] * 10_000 + [1])
    assert [violation.path for violation in found] == [(10_000,)]
    assert looked == ["#/x"]


NODE: dict[str, Any] = {
    "oneOf": [
        {"properties": {"op": {"const": name}, "child": {"$ref": "#node"}}, "required": ["op", "child"]}
        for name in ("and", "or", "xor", "not")
    ]
    + [{"properties": {"leaf": {"type": "integer"}}, "required": ["leaf"]}]
}


def test_alternatives_in_one_another_are_looked_at_once() -> None:
    value: Any = {"leaf": "not a number"}
    for _ in range(8):  # each level would be looked at by each of the four alternatives: 4^8 ways
        value = {"op": "or", "child": value}
    explainer = Explainer(lambda _reference: NODE, budget=200)
    assert explainer.violations(NODE, value)[0].path == ("child",) * 8 + ("leaf",)


def test_the_number_of_looks_is_bounded() -> None:
    value = {str(number): {"kind": 1} for number in range(1_000)}
    with pytest.raises(TooComplexError):
        Explainer(nothing, budget=500, limit=10_000).violations({"additionalProperties": ITEM}, value)


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {"properties": {}}
    schema["properties"]["a"] = schema
    value: Any = 1
    for _ in range(5_000):
        value = {"a": value}
    with pytest.raises(TooComplexError):
        Explainer(nothing, budget=10**6).violations(schema, value)


def test_the_number_of_violations_is_bounded() -> None:
    schema = {"items": {"type": "string"}}
    assert len(Explainer(nothing, limit=5).violations(schema, list(range(100)))) == 5


def test_a_schema_that_leads_back_to_itself_adds_nothing() -> None:
    schema: dict[str, Any] = {"maximum": 1}
    schema["allOf"] = [schema]
    assert first(schema, 2) == ("", "maximum", ())


@rows(
    ("value", "types"),
    [(1, "integer"), (1.0, "integer"), (1.5, "number"), (True, "boolean"), (None, ["string", "null"]), ({}, "object")],
)
def test_types(value: object, types: Any) -> None:
    assert has_type(value, types)


@rows(
    ("value", "types"),
    [(True, "integer"), (True, "number"), (1.5, "integer"), ("1", ["integer", "null"]), (1, "boolean")],
)
def test_other_types(value: object, types: Any) -> None:
    assert not has_type(value, types)


def test_sources_follow_the_keywords() -> None:
    schema = {"x-source": "/components/schemas/A", "properties": {"a/b": {"items": {"type": "string"}}}}
    (violation,) = Explainer(nothing).violations(schema, {"a/b": [1]})
    assert violation.source == "/components/schemas/A/properties/a~1b/items/type"
