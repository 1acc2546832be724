"""Taking out what is not declared."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.stripping import strip_undeclared

ITEM = {"type": "object", "properties": {"sku": {"type": "string"}}}
ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
    },
}


@rows(
    ("schema", "value", "expected"),
    [
        (ORDER, {"id": 1, "a": 1, "b": {"c": 1}}, {"id": 1}),
        (
            ORDER,
            {"id": 1, "items": [{"sku": "x", "y": 1}, {"sku": "z"}, {"q": 1}]},
            {"id": 1, "items": [{"sku": "x"}, {"sku": "z"}, {}]},
        ),
        ({"allOf": [ORDER, {"properties": {"n": {}}}]}, {"id": 1, "n": 2, "m": 3}, {"id": 1, "n": 2}),
        ({"anyOf": [ORDER, {"type": "null"}]}, {"id": 1, "m": 3}, {"id": 1}),
        ({"properties": {"a": False, "b": {}}}, {"a": 1, "b": 2}, {"b": 2}),
        (
            {"oneOf": [{"properties": {"k": {"const": n}, "o": ITEM}, "required": ["k"]} for n in "ab"]},
            {"k": "b", "o": {"sku": "x", "y": 1}},
            {"k": "b", "o": {"sku": "x"}},
        ),
        ({"type": "array", "items": ITEM}, [{"x": 1, "sku": "s"}] * 500, [{"sku": "s"}] * 500),
    ],
)
def test_only_what_is_not_declared_goes(compiled: Callable[..., Any], schema: Any, value: Any, expected: Any) -> None:
    check = compiled(schema, Item=ITEM)
    value = copy.deepcopy(value)
    assert strip_undeclared(value, check.name, check.checker)
    assert value == expected
    assert check.fits(value)


@rows("value", [{"a": 1}, {"id": "x", "a": 1}, {"id": 1, "items": 5, "a": 1}, 1, [{"id": 1}]])
def test_what_is_wrong_in_another_way_is_not_made_right(compiled: Callable[..., Any], value: Any) -> None:
    check = compiled(ORDER, Item=ITEM)
    assert not strip_undeclared(copy.deepcopy(value), check.name, check.checker)


@pytest.mark.slow
def test_it_ends(compiled: Callable[..., Any]) -> None:
    check = compiled({"type": "array", "items": ITEM})
    assert not strip_undeclared([{"x": n} for n in range(20_000)], check.name, check.checker)


def test_what_can_not_be_pruned_is_explained(compiled: Callable[..., Any]) -> None:
    check = compiled({"type": "array", "prefixItems": [ITEM], "unevaluatedItems": ITEM})
    value = [{"sku": "x", "y": 1}, {"sku": "z", "y": 1}]
    assert check.stripper.strip(check.name, value)
    assert value == [{"sku": "x"}, {"sku": "z"}]


def test_it_is_told_whether_anything_was_taken_out(compiled: Callable[..., Any]) -> None:
    check = compiled(ORDER, Item=ITEM)
    assert not check.stripper.strip(check.name, {"id": 1})
    assert check.stripper.strip(check.name, {"id": "x", "a": 1})
    assert not check.stripper.strip(check.name, 5)
