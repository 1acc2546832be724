from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.comparing import contains, equal
from portcullis.engine.cel.compiled import Frame
from portcullis.engine.cel.errors import EvaluationError, TooCostlyError
from portcullis.engine.cel.types import DYN, INT, STRING, list_of
from portcullis.engine.cel.values import Duration, Timestamp, Uint

TYPES = {"x": DYN, "s": STRING, "i": INT, "names": list_of(STRING)}


@rows(
    ("one", "other", "same"),
    [
        (1, Uint(1), True),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (1, Timestamp(1), False),
        (Timestamp(1), Duration(1), False),
        ([1, "a"], (1.0, "a"), True),
        ([True], [1], False),
        ([[1]], [[1], [1]], False),
        ({"a": [1]}, MappingProxyType({"a": [Uint(1)]}), True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": True}, {"a": 1}, False),
        ([], {}, False),
        (None, False, False),
        (2**64, 2.0**64, True),
        (float("nan"), float("nan"), False),
    ],
)
def test_values_are_equal_by_type_and_value(one: Any, other: Any, same: bool) -> None:
    assert equal(one, other, Frame()) is same
    assert equal(other, one, Frame()) is same


def test_a_number_that_no_double_comes_near_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        equal(10**400, 1.5, Frame())


def test_comparing_large_values_takes_steps_for_their_size() -> None:
    large: list[Any] = [[[1] * 100 for _ in range(100)] for _ in range(20)]
    with pytest.raises(TooCostlyError):
        equal(large, [list(each) for each in large], Frame())
    with pytest.raises(TooCostlyError):
        contains(-1, [0] * 10**6, Frame())


def test_what_is_nested_as_deep_as_json_may_be_is_compared() -> None:
    deep: Any = 1
    for _ in range(254):
        deep = [deep]
    assert equal(deep, deep, Frame())


@rows(
    "text",
    ["x == 'a'", "'a' == x", "x != 'b'", "x in ['a', 'b']", "x in [1, 'a']", "x in names", "s == x", "s in names"],
)
def test_texts_are_found_whatever_is_known_of_both_sides(text: str, evaluate: Callable[..., Any]) -> None:
    assert evaluate(text, TYPES, {"x": "a", "s": "a", "i": 1, "names": ["a"]}) == ("bool", True)


@rows("value", [1, None, True, [], {}, 1.5, b"a", ["a"]])
def test_nothing_but_a_text_equals_one(value: Any, evaluate: Callable[..., Any]) -> None:
    for text in ("x == 'a'", "x in ['a', 'b']", "x in [1u, 7]"):
        wanted = value == 1 and value is not True and "1u" in text
        assert evaluate(text, TYPES, {"x": value}) == ("bool", wanted)


@rows("value", [True, "1", None, [1], 1.5])
def test_nothing_but_its_own_number_is_in_a_list_of_numbers(value: Any, evaluate: Callable[..., Any]) -> None:
    assert evaluate("x in [1, 2, 3]", TYPES, {"x": value}) == ("bool", False)
    assert evaluate("x in [1, 2, 3]", TYPES, {"x": 2.0}) == ("bool", True)


def test_a_large_number_is_in_a_list_where_it_equals_an_item(evaluate: Callable[..., Any]) -> None:
    text = "x in [9007199254740993, 9223372036854775807]"
    assert evaluate(text, TYPES, {"x": 9007199254740992.0}) == ("bool", True)
    assert evaluate(text, TYPES, {"x": 9007199254740992}) == ("bool", False)
