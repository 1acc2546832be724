"""Prunes: what they take out, against what explanations would take out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi import pruning
from portcullis.engine.openapi.pruning import Pruner, TooMuchError
from portcullis.engine.openapi.stripping import strip_undeclared

INTEGER = {"type": "integer"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def of(*names: str, **more: Any) -> dict[str, Any]:
    """An object with integer properties."""
    return {"type": "object", "properties": dict.fromkeys(names, INTEGER), **more}


CASES: list[tuple[str, Any, Any, Any]] = [
    ("an object", of("a"), {"a": 1, "b": 1, "c": {"d": 1}}, {"a": 1}),
    ("nothing, if all is declared", of("a", "b"), {"a": 1}, {"a": 1}),
    ("objects within", {"properties": {"o": of("a")}}, {"o": {"a": 1, "b": 1}, "p": 1}, {"o": {"a": 1}}),
    ("elements", {"items": of("a")}, [{"a": 1, "b": 1}, {}], [{"a": 1}, {}]),
    ("lists of lists", {"items": {"items": of("a")}}, [[{"a": 1, "b": 1}]], [[{"a": 1}]]),
    (
        "first elements",
        {"prefixItems": [of("a")], "items": of("b")},
        [{"a": 1, "b": 1}, {"a": 1, "b": 1}],
        [{"a": 1}, {"b": 1}],
    ),
    ("values of a map", {"additionalProperties": of("a")}, {"k": {"a": 1, "b": 1}}, {"k": {"a": 1}}),
    (
        "values under patterns",
        {"patternProperties": {"^k": of("a")}},
        {"k": {"b": 1}, "z": {"b": 1}},
        {"k": {}, "z": {"b": 1}},
    ),
    (
        "what no pattern matches",
        {"patternProperties": {"^k": {}, "^n": False}, "properties": {"a": {}}, "additionalProperties": False},
        {"k": 1, "a": 1, "b": 1, "n": 1},
        {"k": 1, "a": 1},
    ),
    ("what is never there", {"properties": {"a": False, "b": {}}}, {"a": 1, "b": 2}, {"b": 2}),
    ("no field of an open object", of("a", additionalProperties=True), {"a": 1, "z": 1}, {"a": 1, "z": 1}),
    ("by all parts", {"allOf": [ref("A"), of("b")]}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1}),
    (
        "a field that two parts declare",
        {"allOf": [{"properties": {"o": of("a")}}, {"properties": {"o": of("b")}}]},
        {"o": {"a": 1, "b": 1, "c": 1}, "p": 1},
        {"o": {"a": 1, "b": 1}},
    ),
    ("an object or null", {"anyOf": [ref("A"), {"type": "null"}]}, {"a": 1, "b": 1}, {"a": 1}),
    ("an object or text", {"oneOf": [{"type": "string"}, ref("A")]}, {"a": 1, "b": 1}, {"a": 1}),
    (
        "by the alternative with the right fields",
        {"oneOf": [of("cat", "n", required=["cat"]), of("dog", required=["dog"])]},
        {"dog": 1, "n": 1},
        {"dog": 1},
    ),
    (
        "by the alternative that fits",
        {
            "oneOf": [
                {"properties": {"v": INTEGER, "i": {}}, "required": ["v"]},
                {"properties": {"v": {"type": "string"}}},
            ]
        },
        {"v": "x", "i": 1},
        {"v": "x"},
    ),
    (
        "by the alternative that fits without what is undeclared within",
        {
            "oneOf": [
                {"properties": {"o": of("a", required=["a"])}, "required": ["o"]},
                {"properties": {"o": of("b", required=["b"]), "x": {}}, "required": ["o"]},
            ]
        },
        {"o": {"b": 1, "c": 1}, "x": 1, "y": 1},
        {"o": {"b": 1}, "x": 1},
    ),
    (
        "by all alternatives that fit",
        {"anyOf": [of("a", required=["a"]), of("b", required=["b"])]},
        {"a": 1, "b": 1, "c": 1},
        {"a": 1, "b": 1},
    ),
    (
        "nothing of an alternative that is free-form",
        {"oneOf": [of("a", required=["a"]), {"type": "object", "required": ["z"]}]},
        {"z": 1, "y": 1},
        {"z": 1, "y": 1},
    ),
    (
        "by the alternative that the tag selects",
        {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}},
        {"kind": "Dog", "lives": 1, "barks": 1},
        {"kind": "Dog", "barks": 1},
    ),
    (
        "by the tag, with fields beside",
        {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}, "properties": {"id": INTEGER}},
        {"kind": "Dog", "lives": 1, "id": 1},
        {"kind": "Dog", "id": 1},
    ),
    (
        "by then and else",
        {
            "properties": {"k": {}},
            "if": {"properties": {"k": {"const": 1}}, "required": ["k"]},
            "then": {"properties": {"a": INTEGER}},
            "else": {"properties": {"b": INTEGER}},
        },
        {"k": 1, "a": 1, "b": 1},
        {"k": 1, "a": 1},
    ),
    (
        "by what a field brings with it",
        {"properties": {"card": {}}, "dependentSchemas": {"card": of("address"), "cash": of("till")}},
        {"card": 1, "address": 1, "till": 1},
        {"card": 1, "address": 1},
    ),
    ("recursion", ref("Node"), {"n": 1, "x": 1, "next": {"x": 1, "next": {"x": 1}}}, {"n": 1, "next": {"next": {}}}),
]
SCHEMAS: dict[str, Any] = {
    "A": of("a"),
    "Cat": {"properties": {"kind": {}, "lives": INTEGER}, "required": ["kind"]},
    "Dog": {"properties": {"kind": {}, "barks": INTEGER}, "required": ["kind"]},
    "Node": {"properties": {"n": INTEGER, "next": ref("Node")}},
}


@rows(("schema", "value", "left"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_taken_out(compiled: Callable[..., Any], schema: Any, value: Any, left: Any) -> None:
    check = compiled(schema, **SCHEMAS)
    value = copy.deepcopy(value)
    changes = value != left
    assert (Pruner(check.checker).prune(check.name, value) > 0) == changes
    assert value == left
    assert check.fits(left)
    assert Pruner(check.checker).prune(check.name, left) == 0


def test_fields_for_the_other_direction_are_taken_out(compiled: Callable[..., Any]) -> None:
    schema = {
        "properties": {"id": {"readOnly": True}, "pin": {"writeOnly": True}, "a": {}},
        "additionalProperties": True,
    }
    value = {"id": 1, "pin": 2, "a": 3, "b": 4}
    assert compiled(schema).stripped(value) == {"pin": 2, "a": 3, "b": 4}
    assert compiled(schema, asking={"direction": "response"}).stripped(value) == {"id": 1, "a": 3, "b": 4}


@pytest.mark.slow
def test_copies_are_bounded(compiled: Callable[..., Any]) -> None:
    """Each level doubles the ways that a value can be meant."""
    schema = {"oneOf": [{"properties": {"n": ref("Node"), "v": {"type": kind}}} for kind in ("integer", "string")]}
    check = compiled(schema, Node=schema)
    value: dict[str, Any] = {"v": None, "x": 1}
    for _ in range(40):
        value = {"n": value, "v": 1, "x": 1}
    with pytest.raises(TooMuchError):
        Pruner(check.checker).prune(check.name, value)


def test_depth_is_bounded(compiled: Callable[..., Any]) -> None:
    check = compiled(ref("Node"), **SCHEMAS)
    value: dict[str, Any] = {}
    for _ in range(5_000):
        value = {"next": value, "x": 1}
    with pytest.raises(TooMuchError):
        Pruner(check.checker).prune(check.name, value)


def test_no_more_than_so_many_definitions_are_kept(
    compiled: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_MAX_DEFINITIONS", 3)
    fields = {f"f{n}": ref(f"S{n}") for n in range(10)}
    check = compiled({"properties": fields}, **{f"S{n}": of("a") for n in range(10)})
    pruner = Pruner(check.checker)
    value = {name: {"a": 1, "b": 1} for name in fields}
    assert pruner.prune(check.name, value) == 10
    assert value == {name: {"a": 1} for name in fields}
    assert len(pruner._known) <= 3


NAMES = "abc"


def schemas(depth: int) -> st.SearchStrategy[Any]:
    below = st.sampled_from(
        [INTEGER, ref("X"), ref("Y"), {"const": 1}, of("a"), {"items": {"properties": {"a": {}, "b": ref("Y")}}}, False]
    )
    inner = schemas(depth - 1) if depth else of("a")
    parts = inner if isinstance(inner, st.SearchStrategy) else st.sampled_from([inner, {"required": ["b"]}])
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(st.sampled_from(NAMES), below, max_size=2)},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=1),
            "oneOf": st.lists(parts, min_size=1, max_size=3),
            "anyOf": st.lists(parts, min_size=1, max_size=2),
            "allOf": st.lists(parts, min_size=1, max_size=2),
            "if": parts,
            "then": parts,
            "patternProperties": st.fixed_dictionaries({"^b": below}),
            "additionalProperties": st.booleans() | st.just(INTEGER),
            "type": st.sampled_from(["object", ["object", "null"]]),
        },
    )


VALUES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.slow
@given(schemas(1), schemas(0), st.lists(VALUES, min_size=5, max_size=5))
def test_pruning_finds_what_explaining_finds_and_takes_no_more(compile_at: Any, x: Any, y: Any, values: Any) -> None:
    root = {"components": {"schemas": {"X": x, "Y": y}}}
    check = compile_at(root, "/components/schemas/X", "3.1.0", closed=True)
    if check.problems.has_errors:
        return
    for value in values:
        left = check.stripped(value)
        assert is_part(left, value)
        if check.fits(value):
            assert left == value
            continue
        explained = copy.deepcopy(value)
        if strip_undeclared(explained, check.name, check.checker, rounds=1):
            assert check.fits(left)
            assert size(left) >= size(explained)


def is_part(left: Any, value: Any) -> bool:
    """Whether ``left`` is ``value`` without some fields."""
    if isinstance(left, dict):
        return isinstance(value, dict) and all(k in value and is_part(v, value[k]) for k, v in left.items())
    if isinstance(left, list):
        return isinstance(value, list) and len(left) == len(value) and all(map(is_part, left, value))
    return bool(left == value)


def size(value: Any) -> int:
    """How many fields there are in ``value``."""
    if isinstance(value, dict):
        return sum(1 + size(item) for item in value.values())
    return sum(map(size, value)) if isinstance(value, list) else 0
