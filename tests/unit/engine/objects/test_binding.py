"""What is the same as what, and what is in what. Whole rules are tested with what decides by them."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.objects.binding import is_member, same
from portcullis.engine.objects.given import Truth


@rows(
    ("one", "other", "truth"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("é", "e\u0301", False),
        ("", "", True),
        (1, 1, True),
        (2**53, 2**53 + 1, False),
        (True, True, True),
        (True, False, False),
        (1, True, None),
        (0, False, None),
        ("1", 1, None),
        ("true", True, None),
        (None, None, None),
        (1.0, 1, None),
        (1.0, 1.0, None),
        ([1], [1], None),
        ({}, {}, None),
        ("a", None, None),
    ],
)
def test_only_values_of_the_same_kind_are_compared(one: Any, other: Any, truth: Truth) -> None:
    assert same(one, other) is truth
    assert same(other, one) is truth


@rows(
    ("value", "values", "truth"),
    [
        ("a", ["b", "a"], True),
        ("a", ["b"], False),
        ("a", [], False),
        ("a", ("a",), True),
        ("a", frozenset({"a"}), True),
        ("1", [1], None),
        ("1", [1, "1"], True),
        ("a", ["b", None], None),
        (1, [True], None),
        (1, [2], False),
        ("a", "abc", None),
        ("a", {"a": 1}, None),
        ("a", None, None),
        (None, [None], None),
        ([], [[]], None),
    ],
)
def test_whether_something_is_in_a_list(value: Any, values: Any, truth: Truth) -> None:
    assert is_member(value, values) is truth
