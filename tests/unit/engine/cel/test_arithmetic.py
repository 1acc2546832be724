from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.arithmetic import divide, quotient, remainder
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.types import DYN, INT, Type

TYPES = {"x": DYN, "y": DYN, "i": INT, "d": Type("double")}


@rows(("one", "other"), [(a, b) for a in range(-7, 8) for b in (-3, -2, -1, 1, 2, 3)])
def test_division_rounds_towards_zero(one: int, other: int) -> None:
    assert quotient(one, other) == math.trunc(one / other)
    assert quotient(one, other) * other + remainder(one, other) == one


def test_a_division_of_whole_numbers_by_zero_is_an_error() -> None:
    for operate in (quotient, remainder):
        with pytest.raises(EvaluationError, match="by zero"):
            operate(1, 0)


def test_a_division_of_doubles_by_zero_is_infinite() -> None:
    assert [divide(1.0, 0.0), divide(-1.0, 0.0), divide(1.0, -0.0), divide(-1.0, -0.0)] == [
        math.inf,
        -math.inf,
        -math.inf,
        math.inf,
    ]
    assert math.isnan(divide(0.0, 0.0))
    assert math.isnan(divide(math.nan, 0.0))


@rows(
    ("text", "values", "result"),
    [
        ("x + 1", {"x": 2}, ("int", 3)),
        ("x + 1", {"x": 2.0}, "ERROR"),
        ("x + 1", {"x": True}, "ERROR"),
        ("x + 1", {"x": 2**63 - 1}, "ERROR"),
        ("x - 1", {"x": 2**63}, "ERROR"),
        ("x - y", {"x": 2**63 + 5, "y": 2**63}, ("uint", 5)),
        ("x - 1u", {"x": 2**63}, ("uint", 2**63 - 1)),
        ("x * 2.0", {"x": 1.5}, ("double", "3.0")),
        ("double(x) * 2.0", {"x": 1}, ("double", "2.0")),
        ("i + i", {"i": 2**62}, "ERROR"),
        ("i - 1", {"i": -(2**63)}, "ERROR"),
        ("d * d", {"d": 1e200}, ("double", "inf")),
        ("x + y", {"x": "a", "y": "b"}, ("str", "ab")),
        ("x + y", {"x": [1], "y": ["a"]}, [("int", 1), ("str", "a")]),
        ("x + y", {"x": {}, "y": {}}, "ERROR"),
        ("-x", {"x": 2**63}, "ERROR"),
        ("-x", {"x": -(2**63)}, "ERROR"),
    ],
)
def test_values_of_json_are_reckoned_with_by_their_types(
    text: str, values: dict[str, Any], result: Any, evaluate: Callable[..., Any]
) -> None:
    assert evaluate(text, TYPES, {"x": None, "y": None, "i": 0, "d": 0.0, **values}) == result


def test_long_texts_and_lists_take_steps(compile_expression: Callable[..., Any]) -> None:
    doubled = compile_expression("[x].map(v, v + v).map(v, v + v).map(v, v + v).map(v, v + v).size() == 1", TYPES)
    assert doubled.value({"x": "a" * 100_000}) == ("bool", True)
    assert doubled.value({"x": "a" * 1_000_000}) == "TOO COSTLY"
    assert doubled.value({"x": [1] * 100_000}) == "TOO COSTLY"
