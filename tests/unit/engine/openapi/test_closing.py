"""Which objects are closed: for each composition, what passes and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

INTEGER = {"type": "integer"}
ITEM = {"type": "object", "properties": {"sku": {"type": "string"}, "qty": INTEGER}}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def of(*names: str, **more: Any) -> dict[str, Any]:
    """An object with integer properties."""
    return {"type": "object", "properties": dict.fromkeys(names, INTEGER), **more}


CASES: list[tuple[str, Any, dict[str, Any], list[Any], list[Any]]] = [
    ("an object with properties is closed", of("a"), {}, [{}, {"a": 1}], [{"b": 1}, {"a": 1, "b": 1}]),
    ("an object without properties is free-form", {"type": "object"}, {}, [{}, {"x": {"y": 1}}], [1]),
    ("an empty list of properties declares nothing", {"properties": {}}, {}, [{"x": 1}], []),
    ("additionalProperties: true leaves it open", of("a", additionalProperties=True), {}, [{"a": 1, "x": 1}], []),
    (
        "additionalProperties with a schema leaves it open to what fits",
        of("a", additionalProperties={"type": "string"}),
        {},
        [{"a": 1, "x": "s"}],
        [{"x": 1}],
    ),
    (
        "patternProperties leave it open",
        of("a", patternProperties={"^x-": {"type": "string"}}),
        {},
        [{"a": 1, "x-y": "s", "z": 1}],
        [{"x-y": 1}],
    ),
    (
        "unevaluatedProperties: true leaves it open",
        of("a", unevaluatedProperties=True),
        {},
        [{"a": 1, "z": 1}],
        [],
    ),
    ("nested objects are closed too", {"properties": {"o": of("a")}}, {}, [{"o": {"a": 1}}], [{"o": {"b": 1}}]),
    (
        "elements of lists are closed",
        {"type": "array", "items": ITEM},
        {},
        [[{"sku": "a"}, {"qty": 1}]],
        [[{"sku": "a"}, {"price": 1}]],
    ),
    (
        "values of a map are closed, its keys are free",
        {"type": "object", "additionalProperties": of("a")},
        {},
        [{"k": {"a": 1}, "l": {}}],
        [{"k": {"b": 1}}],
    ),
    (
        "values under patterns of keys are closed",
        {"type": "object", "patternProperties": {"^k": of("a")}},
        {},
        [{"k": {"a": 1}}],
        [{"k": {"b": 1}}],
    ),
    ("tuples are closed", {"prefixItems": [of("a"), of("b")]}, {}, [[{"a": 1}, {"b": 1}]], [[{"b": 1}]]),
    ("references are followed", ref("A"), {"A": of("a")}, [{"a": 1}], [{"b": 1}]),
    (
        "a reference with siblings is a composition",
        {**ref("A"), "properties": {"b": INTEGER}},
        {"A": of("a")},
        [{"a": 1, "b": 1}],
        [{"c": 1}],
    ),
    (
        "allOf declares all that its parts declare",
        {"allOf": [ref("A"), of("b")]},
        {"A": of("a")},
        [{"a": 1, "b": 1}, {"a": 1}, {}],
        [{"a": 1, "b": 1, "c": 1}],
    ),
    (
        "allOf with a part that only constrains",
        {"allOf": [ref("A"), {"required": ["a"]}]},
        {"A": of("a")},
        [{"a": 1}],
        [{}, {"a": 1, "c": 1}],
    ),
    (
        "a part of allOf is open there and closed elsewhere",
        {"properties": {"both": {"allOf": [ref("A"), of("b")]}, "one": ref("A")}},
        {"A": of("a")},
        [{"both": {"a": 1, "b": 1}, "one": {"a": 1}}],
        [{"one": {"a": 1, "b": 1}}, {"both": {"c": 1}}],
    ),
    (
        "allOf of a single reference is that reference",
        {"allOf": [ref("A")], "description": "The usual way to describe a reference in 3.0."},
        {"A": of("a")},
        [{"a": 1}],
        [{"b": 1}],
    ),
    (
        "oneOf allows the fields of the alternative that fits, not those of others",
        {"oneOf": [of("cat", required=["cat"]), of("dog", required=["dog"])]},
        {},
        [{"cat": 1}, {"dog": 1}],
        [{"cat": 1, "other": 1}, {"dog": "x"}],
    ),
    (
        "fields beside oneOf go with each alternative",
        {"properties": {"id": INTEGER}, "oneOf": [of("a", required=["a"]), of("b", required=["b"])]},
        {},
        [{"id": 1, "a": 1}, {"id": 1, "b": 1}],
        [{"id": 1, "a": 1, "c": 1}, {"id": 1}],
    ),
    (
        "anyOf allows the fields of all alternatives that fit",
        {"anyOf": [of("a", required=["a"]), of("b", required=["b"])]},
        {},
        [{"a": 1}, {"b": 1}, {"a": 1, "b": 1}],
        [{"a": 1, "c": 1}, {"a": 1, "b": "text"}],
    ),
    (
        "anyOf that only constrains declares nothing",
        {"properties": {"a": INTEGER, "b": INTEGER}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {},
        [{"a": 1}, {"b": 1}],
        [{}, {"a": 1, "c": 1}],
    ),
    (
        "an alternative that is free-form stays so",
        {"oneOf": [of("a", required=["a"]), {"type": "object", "required": ["z"]}]},
        {},
        [{"a": 1}, {"z": 1, "anything": 1}],
        [{"a": 1, "b": 1}],
    ),
    (
        "null beside a reference",
        {"anyOf": [ref("A"), {"type": "null"}]},
        {"A": of("a")},
        [{"a": 1}, None],
        [{"b": 1}, 1],
    ),
    (
        "alternatives of scalars and one object",
        {"oneOf": [{"type": "string"}, ref("A")]},
        {"A": of("a")},
        ["text", {"a": 1}],
        [{"b": 1}, 1],
    ),
    (
        "then and else declare where they count",
        {
            "properties": {"kind": {"type": "string"}},
            "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            "then": {"properties": {"a": INTEGER}},
            "else": {"properties": {"b": INTEGER}},
        },
        {},
        [{"kind": "a", "a": 1}, {"kind": "b", "b": 1}],
        [{"kind": "a", "b": 1}, {"kind": "b", "a": 1}],
    ),
    (
        "dependentSchemas declare where they count",
        {"properties": {"card": INTEGER}, "dependentSchemas": {"card": {"properties": {"address": INTEGER}}}},
        {},
        [{"card": 1, "address": 1}],
        [{"address": 1}],
    ),
    (
        "not is taken as it is written",
        {"properties": {"a": INTEGER, "b": INTEGER}, "not": {"properties": {"a": {"const": 1}}, "required": ["a"]}},
        {},
        [{"a": 2, "b": 1}],
        [{"a": 1, "b": 1}, {"c": 1}],
    ),
    (
        "contains is taken as it is written",
        {"type": "array", "contains": of("a", required=["a"])},
        {},
        [[{"a": 1, "x": 1}, {"y": 1}]],
        [[{"y": 1}]],
    ),
    (
        "a field that two parts of allOf declare has the fields of both",
        {"allOf": [{"properties": {"o": of("a")}}, {"properties": {"o": of("b")}}]},
        {},
        [{"o": {"a": 1, "b": 1}}],
        [{"o": {"a": 1, "c": 1}}, {"o": {"a": "x"}}, {"p": 1}],
    ),
    (
        "a field that a part declares again, only to constrain it",
        {"allOf": [ref("A"), {"properties": {"o": {"required": ["a"]}}}]},
        {"A": {"properties": {"o": of("a")}}},
        [{"o": {"a": 1}}],
        [{"o": {}}, {"o": {"a": 1, "b": 1}}],
    ),
    (
        "lists that two parts declare",
        {"allOf": [{"properties": {"l": {"items": of("a")}}}, {"properties": {"l": {"items": of("b")}}}]},
        {},
        [{"l": [{"a": 1, "b": 1}]}],
        [{"l": [{"a": 1, "c": 1}]}],
    ),
    (
        "shared fields on two levels",
        {
            "allOf": [
                {"properties": {"o": {"properties": {"p": of("a")}}}},
                {"properties": {"o": {"properties": {"p": of("b"), "q": INTEGER}}}},
            ]
        },
        {},
        [{"o": {"p": {"a": 1, "b": 1}, "q": 1}}],
        [{"o": {"p": {"c": 1}}}, {"o": {"r": 1}}],
    ),
    (
        "a field that an alternative refines",
        {
            "properties": {"data": of("id")},
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "data": of("x")}, "required": ["kind"]},
                {"properties": {"kind": {"const": "b"}, "data": of("y")}, "required": ["kind"]},
            ],
        },
        {},
        [{"kind": "a", "data": {"id": 1, "x": 1}}, {"kind": "b", "data": {"id": 1, "y": 1}}],
        [{"kind": "a", "data": {"id": 1, "z": 1}}],
    ),
    (
        "a field of the same name in alternatives is that of the alternative",
        {
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "data": of("x")}, "required": ["kind"]},
                {"properties": {"kind": {"const": "b"}, "data": of("y")}, "required": ["kind"]},
            ]
        },
        {},
        [{"kind": "a", "data": {"x": 1}}],
        [{"kind": "a", "data": {"y": 1}}],
    ),
    (
        "patterns of keys that meet named ones leave what is below as it is written",
        {"properties": {"o": of("a")}, "patternProperties": {"^o": of("b")}, "additionalProperties": False},
        {},
        [{"o": {"a": 1, "b": 1, "c": 1}}],
        [{"x": 1}],
    ),
    (
        "a map that meets declared fields leaves what is below as it is written",
        {"allOf": [{"properties": {"o": of("a")}}, {"additionalProperties": of("b")}]},
        {},
        [{"o": {"a": 1, "b": 1}}],
        [{"o": {"a": "x"}}],
    ),
    (
        "a field that is required but not declared is declared by that",
        of("a", required=["a", "b"]),
        {},
        [{"a": 1, "b": "anything"}],
        [{"a": 1}, {"a": 1, "b": 1, "c": 1}],
    ),
    (
        "a recursive schema",
        ref("Node"),
        {"Node": {"properties": {"value": INTEGER, "children": {"type": "array", "items": ref("Node")}}}},
        [{"value": 1, "children": [{"children": [{"value": 2}]}]}],
        [{"children": [{"children": [{"other": 2}]}]}],
    ),
    (
        "a recursive composition",
        ref("Node"),
        {"Base": of("id"), "Node": {"allOf": [ref("Base"), {"properties": {"next": ref("Node")}}]}},
        [{"id": 1, "next": {"id": 2, "next": {}}}],
        [{"id": 1, "next": {"id": 2, "next": {"x": 1}}}],
    ),
    (
        "schemas with discriminator stand for those that inherit from them",
        {"properties": {"pet": ref("Pet")}},
        {
            "Pet": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"type": "string"}},
                "discriminator": {"propertyName": "kind"},
            },
            "Cat": {"allOf": [ref("Pet"), of("lives")]},
            "Tiger": {"allOf": [ref("Cat"), of("stripes")]},
        },
        [{"pet": {"kind": "c"}}, {"pet": {"kind": "c", "lives": 9}}, {"pet": {"kind": "t", "lives": 9, "stripes": 2}}],
        [{"pet": {"kind": "c", "barks": 1}}, {"pet": {"lives": 9}}],
    ),
    ("a schema that nothing fits", {"properties": {"a": False}}, {}, [{}], [{"a": 1}]),
    ("a schema that everything fits", {"properties": {"a": True}}, {}, [{"a": {"x": 1}}], [{"b": 1}]),
]


@rows(("schema", "schemas", "fitting", "wrong"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_passes(compiled: Any, schema: Any, schemas: Any, fitting: list[Any], wrong: list[Any]) -> None:
    check = compiled(schema, **schemas)
    assert not check.problems.has_errors
    for value in fitting:
        assert check.fits(value), value
        assert check.violations(value) == []
    for value in wrong:
        assert not check.fits(value), value
        assert check.violations(value), value


def test_what_is_written_open_stays_open_where_undeclared_fields_are_allowed(compiled: Any) -> None:
    for _, schema, schemas, fitting, _ in CASES:
        check = compiled(schema, asking={"closed": False}, **schemas)
        assert all(check.fits(value) for value in fitting)
    assert compiled(of("a"), asking={"closed": False}).fits({"a": 1, "b": 1})
    assert not compiled(of("a", additionalProperties=False), asking={"closed": False}).fits({"a": 1, "b": 1})


def test_a_schema_that_refers_to_itself_in_place_is_an_error(compiled: Any) -> None:
    check = compiled(ref("A"), A={"allOf": [ref("B")]}, B={"anyOf": [ref("A"), of("a")]})
    assert {problem.message for problem in check.problems} == {"this schema refers to itself for the very same value"}


def test_a_required_field_without_a_schema_is_reported(compiled: Any) -> None:
    (problem,) = compiled(of("a", required=["b"])).problems
    assert (problem.severity, problem.pointer) == ("warning", "/root")
    assert "b is required, but no properties declare it" in problem.message


@pytest.mark.slow
def test_a_composition_without_end_is_refused_in_bounded_time(compiled: Any) -> None:
    layers = {f"L{i}": {"oneOf": [ref(f"L{i + 1}"), {"allOf": [ref(f"L{i + 1}")]}]} for i in range(30)}
    check = compiled(ref("L0"), **layers, L30=of("a"))
    assert "this composition of schemas is too large" in {problem.message for problem in check.problems}


@pytest.mark.slow
def test_shared_fields_that_multiply_without_end_are_refused(compiled: Any) -> None:
    """Sets of schemas that declare one field together are like states of an automaton that is made deterministic."""
    states = {f"S{i}": {"properties": {"a": ref(f"S{i + 1}"), "b": ref(f"S{i + 1}")}} for i in range(1, 12)}
    first = {"properties": {"a": ref("S0"), "b": {"allOf": [ref("S0"), ref("S1")]}}}
    check = compiled(ref("S0"), S0=first, S12={"properties": {"end": {}}}, **states)
    messages = {problem.message for problem in check.problems}
    assert messages == {"too many schemas declare the same fields in different ways"}
