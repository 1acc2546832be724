"""Translated schemas against the JSON Schema test suite, and against slow and obvious oracles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

# Of JSON Schema, what OpenAPI documents can't use, or what is an error here.
ELSEWHERE = ('"$id"', '"id"', '"$anchor"', '"$dynamicRef"', '"$dynamicAnchor"', "http://", "https://")
# Draft 4 has keywords that OpenAPI 3.0 has not.
NOT_IN_30 = ("additionalItems", "patternProperties", "dependencies", '"items": [')


def cases(folder: Path, without: tuple[str, ...]) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    for path in sorted(folder.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema.pop("$schema", None)
            if not any(word in json.dumps(schema) for word in without):
                yield f"{path.stem}: {group['description']}", schema, group["tests"]


@pytest.mark.slow
@rows(
    ("draft", "version", "without", "at_least"),
    [
        ("draft2020-12", "3.1.0", ELSEWHERE, 1_000),
        ("draft4", "3.0.3", (*ELSEWHERE, *NOT_IN_30), 450),
        ("draft4", "2.0", (*ELSEWHERE, *NOT_IN_30), 450),
    ],
)
def test_the_json_schema_test_suite(
    corpora: Path, compile_at: Any, draft: str, version: str, without: tuple[str, ...], at_least: int
) -> None:
    """What the document leaves open is decided as the suite says. Closing refuses more, and nothing less.

    The explainer finds something to say exactly about what the compiled validator refuses.
    """
    wrong, count = [], 0
    folder = corpora / "json" / "json-schema-test-suite" / "tests" / draft
    for name, schema, tests in cases(folder, without):
        as_written = compile_at(schema, "", version, closed=False, formats=False)
        if as_written.problems.has_errors:  # a pattern that is not linear
            continue
        closed = compile_at(schema, "", version, closed=True, formats=False)
        for test in tests:
            count += 1
            data, valid = test["data"], test["valid"]
            if as_written.fits(data) != valid or (closed.fits(data) and not valid):
                wrong.append(f"{name}: {test['description']}")
            for check in (as_written, closed):
                if bool(check.violations(data)) == check.fits(data):
                    wrong.append(f"explaining {name}: {test['description']}")
    assert not wrong
    assert count > at_least


NAMES = "abc"
SCHEMAS = "XYZ"


def parts(later: str) -> st.SearchStrategy[Any]:
    """Schemas for the same value: references only to ``later`` ones, so that none refers to itself in place."""
    references = (
        st.sampled_from([{"$ref": f"#/components/schemas/{name}"} for name in later]) if later else st.nothing()
    )
    return objects(later) | references


def objects(later: str) -> st.SearchStrategy[Any]:
    below = st.sampled_from([{"type": "integer"}, *({"$ref": f"#/components/schemas/{name}"} for name in SCHEMAS)])
    nested = below | st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(NAMES), below, max_size=2)})
    listed = nested | st.fixed_dictionaries({"items": nested})
    own = {"properties": st.dictionaries(st.sampled_from(NAMES), listed, max_size=3)}
    composed = {"allOf": st.lists(st.deferred(lambda: parts(later)), min_size=1, max_size=3)}
    return st.fixed_dictionaries(own, optional=composed if later else {})


VALUES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.slow
@given(objects("YZ"), objects("Z"), objects(""), VALUES)
@pytest.mark.slow
def test_without_alternatives_closed_means_that_every_key_is_declared_somewhere(
    compile_at: Any, x: Any, y: Any, z: Any, value: Any
) -> None:
    schemas = {"X": x, "Y": y, "Z": z}
    root = {"components": {"schemas": schemas}}
    as_written = compile_at(root, "/components/schemas/X", "3.1.0", closed=False)
    closed = compile_at(root, "/components/schemas/X", "3.1.0", closed=True)
    expected = as_written.fits(value) and declared(schemas, [x], value)
    assert closed.fits(value) == expected
    assert bool(closed.violations(value)) != expected


def declared(schemas: Any, speaking: list[Any], value: Any) -> bool:
    """Whether every key in ``value`` is one that a schema speaking about its object declares."""
    everything = [member for schema in speaking for member in members(schemas, schema)]
    if isinstance(value, list):
        below = [member["items"] for member in everything if "items" in member]
        return all(declared(schemas, below, item) for item in value)
    if not isinstance(value, dict):
        return True
    if not any(member.get("properties") for member in everything):
        return True
    return all(
        below and declared(schemas, below, item)
        for key, item in value.items()
        for below in [[m["properties"][key] for m in everything if key in m.get("properties", {})]]
    )


def members(schemas: Any, schema: Any) -> Iterator[Any]:
    yield schema
    if "$ref" in schema:
        yield from members(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    for part in schema.get("allOf", ()):
        yield from members(schemas, part)


def alternatives(depth: int) -> st.SearchStrategy[Any]:
    below = st.sampled_from([{"type": "integer"}, {"$ref": "#/components/schemas/X"}, {"const": 1}])
    if depth == 0:
        return below
    inner = alternatives(depth - 1)
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(st.sampled_from(NAMES), below, max_size=2)},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=1),
            "oneOf": st.lists(inner.filter(lambda schema: "$ref" not in schema), min_size=1, max_size=3),
            "anyOf": st.lists(inner.filter(lambda schema: "$ref" not in schema), min_size=1, max_size=2),
            "additionalProperties": st.booleans() | st.just({"type": "integer"}),
        },
    )


@pytest.mark.slow
@given(alternatives(2), VALUES)
@pytest.mark.slow
def test_an_explanation_is_found_for_what_is_refused_and_for_nothing_else(compile_at: Any, x: Any, value: Any) -> None:
    root = {"components": {"schemas": {"X": x}}}
    for closed in (True, False):
        check = compile_at(root, "/components/schemas/X", "3.1.0", closed=closed)
        assert bool(check.violations(value)) != check.fits(value)
        for violation in check.checker.violations(check.name, value):
            assert violation.value == _at(value, violation.path)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for token in path:
        value = value[token]
    return value


def test_what_was_refused_is_named_by_its_place_in_the_document(compile_at: Any) -> None:
    root = {
        "components": {
            "schemas": {
                "Order": {
                    "properties": {
                        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                        "note": {"type": "string", "nullable": True, "enum": ["a"]},
                    }
                },
                "Item": {"allOf": [{"properties": {"qty": {"minimum": 1, "exclusiveMinimum": True}}}]},
            }
        }
    }
    check = compile_at(root, "/components/schemas/Order", "3.0.3", closed=True)

    def source(value: Any) -> str:
        return str(check.checker.violations(check.name, value)[0].source)

    assert source({"items": [{"qty": 1}]}) == "/components/schemas/Item/allOf/0/properties/qty/exclusiveMinimum"
    assert source({"items": 1}) == "/components/schemas/Order/properties/items/type"
    assert source({"note": "b"}) == "/components/schemas/Order/properties/note/enum"
    assert source({"other": "b"}) == "/components/schemas/Order/additionalProperties"


@rows(
    ("schema", "fitting", "wrong"),
    [
        ({"type": "string", "nullable": True}, ["a", None], [1]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, ["a", None], ["b"]),
        ({"nullable": True, "allOf": [{"type": "object", "properties": {"a": {}}}]}, [{"a": 1}, None], [1, {"b": 1}]),
        ({"nullable": True, "oneOf": [{"type": "integer"}, {"type": "boolean"}]}, [1, True, None], ["x"]),
        ({"nullable": True}, [None, 1, {}], []),
        ({"type": "string", "nullable": False}, ["a"], [None]),
        ({"enum": ["a", None]}, ["a", None], ["b"]),
        ({"type": "string", "enum": ["a", None]}, ["a"], [None]),
        ({"$ref": "#/components/schemas/X", "nullable": True}, [1], [None]),
        ({"nullable": True, "not": {"type": "string"}}, [None, 1], ["a"]),
        ({"minimum": 1, "exclusiveMinimum": True}, [2, 1.5], [1]),
        ({"maximum": 1, "exclusiveMaximum": True}, [0], [1]),
        ({"minimum": 1, "exclusiveMinimum": False}, [1], [0]),
        ({"$ref": "#/components/schemas/X", "type": "string", "minLength": 5}, [1], ["abcdef"]),
        ({"type": "string", "format": "card", "example": 1, "x-any": 1, "xml": {}}, ["anything"], [1]),
        ({"type": "integer", "const": 1}, [2], []),
    ],
)
def test_the_dialect_of_3_0(compile_at: Any, schema: Any, fitting: list[Any], wrong: list[Any]) -> None:
    root = {"root": schema, "components": {"schemas": {"X": {"type": "integer"}}}}
    for closed in (True, False):
        check = compile_at(root, "/root", "3.0.3", closed=closed)
        assert all(map(check.fits, fitting))
        assert not any(map(check.fits, [value for value in wrong if closed or value != {"b": 1}]))


ACCOUNT = {
    "type": "object",
    "required": ["id", "name", "pin"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "pin": {"type": "string", "writeOnly": True},
        "owner": {"$ref": "#/components/schemas/Owner"},
    },
}
OWNER = {"type": "object", "readOnly": True, "properties": {"login": {"type": "string"}}}


def _account(compiled: Any, direction: str, *, closed: bool = True) -> Any:
    schema = {"$ref": "#/components/schemas/Account"}
    return compiled(schema, asking={"direction": direction, "closed": closed}, Account=ACCOUNT, Owner=OWNER)


def test_read_only_fields_are_not_for_requests(compiled: Any) -> None:
    check = _account(compiled, "request")
    assert check.fits({"name": "a", "pin": "1"})
    assert check.violations({"name": "a", "pin": "1", "id": 1}) == [("", "readOnly")]
    assert check.violations({"name": "a", "pin": "1", "owner": {"login": "x"}}) == [("", "readOnly")]
    assert check.violations({"name": "a"}) == [("", "required")]
    (violation,) = check.found({"name": "a", "pin": "1", "id": 1})
    assert (violation.names, violation.source) == (("id",), "/components/schemas/Account/properties/id")


def test_write_only_fields_are_not_for_answers(compiled: Any) -> None:
    check = _account(compiled, "response")
    assert check.fits({"id": 1, "name": "a", "owner": {"login": "x"}})
    assert check.violations({"id": 1, "name": "a", "pin": "1"}) == [("", "writeOnly")]
    assert check.violations({"name": "a"}) == [("", "required")]


def test_where_undeclared_fields_pass_those_for_the_other_direction_pass_if_they_are_right(compiled: Any) -> None:
    check = _account(compiled, "request", closed=False)
    assert check.fits({"name": "a", "pin": "1", "id": 1, "x": 1})
    assert not check.fits({"name": "a", "pin": "1", "id": "one"})


@rows("closed", [True, False])
def test_a_part_may_require_what_another_says_is_for_the_other_direction(compiled: Any, closed: bool) -> None:
    parts = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["id", "a"], "properties": {"a": {}}}]}
    base = {"properties": {"id": {"type": "integer", "readOnly": True}}}
    check = compiled(parts, asking={"closed": closed}, Base=base)
    assert check.fits({"a": 1})
    assert not check.fits({"b": 1})
    assert check.fits({"a": 1, "id": 1}) is not closed
    check = compiled(parts, asking={"closed": closed, "direction": "response"}, Base=base)
    assert check.fits({"a": 1, "id": 1})
    assert not check.fits({"a": 1})


def test_conditions_are_taken_as_they_are_written(compiled: Any) -> None:
    schema = {
        "properties": {"id": {"readOnly": True}, "a": {}, "b": {"type": "integer"}},
        "if": {"required": ["id"], "properties": {"id": {"readOnly": True}}},
        "else": {"required": ["b"]},
    }
    assert compiled(schema).fits({"b": 1})
    assert not compiled(schema).fits({"a": 1})
    assert compiled(schema, asking={"direction": "response"}).fits({"id": 1})


def test_what_another_field_needs_is_not_needed_in_the_other_direction(compiled: Any) -> None:
    schema = {"properties": {"id": {"readOnly": True}, "a": {}, "b": {}}, "dependentRequired": {"a": ["id", "b"]}}
    assert compiled(schema).fits({"a": 1, "b": 1})
    assert not compiled(schema).fits({"a": 1})


def test_swagger_2_has_a_dialect_of_its_own(compiled: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "x-nullable": True},
            "f": {"type": "file"},
            "o": {"$ref": "#/definitions/O"},
        },
    }
    check = compiled(schema, "2.0", O={"properties": {"n": {"maximum": 5, "exclusiveMaximum": True}}})
    assert check.fits({"a": None, "f": "bytes", "o": {"n": 4}})
    assert not check.fits({"a": "x"})
    assert not check.fits({"o": {"n": 5}})
    assert not check.fits({"o": {"m": 5}})


def test_references_lead_to_other_files_of_the_bundle(compile_at: Any) -> None:
    root = {
        "components": {"schemas": {"A": {"properties": {"b": {"$ref": "#/x-files/1/components/schemas/B"}}}}},
        "x-files": {
            "1": {
                "components": {
                    "schemas": {
                        "B": {
                            "type": "object",
                            "required": ["kind"],
                            "properties": {"kind": {}},
                            "discriminator": {"propertyName": "kind", "mapping": {"c": "C"}},
                        },
                        "C": {
                            "allOf": [
                                {"$ref": "#/x-files/1/components/schemas/B"},
                                {"properties": {"c": {"type": "integer"}}},
                            ]
                        },
                    }
                }
            }
        },
    }
    check = compile_at(root, "/components/schemas/A", "3.0.3", closed=True)
    assert check.fits({"b": {"kind": "c", "c": 1}})
    assert check.fits({"b": {"kind": "C", "c": 1}})
    assert not check.fits({"b": {"kind": "c", "d": 1}})
    assert list(check.problems) == []
