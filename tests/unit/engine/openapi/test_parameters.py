"""Parameters as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.parameters import (
    DEEP,
    FLAT,
    MAX_DEPTH,
    READINGS,
    SPREAD,
    Shape,
    read_boolean,
    read_integer,
    read_number,
)

INTEGER, STRING = Shape(("integer",)), Shape(("string",))


def test_fields_and_items_are_found_by_name_and_place() -> None:
    listed = Shape((), INTEGER, (STRING,))
    assert (listed.item(0), listed.item(1), listed.item(99)) == (STRING, INTEGER, INTEGER)
    assert listed.field("a") is None
    named = Shape((), properties={"a": INTEGER}, extra=STRING)
    assert (named.field("a"), named.field("b"), named.item(0)) == (INTEGER, STRING, None)


def test_how_far_lists_and_objects_may_lie_in_one_another() -> None:
    assert FLAT.items is not None
    assert FLAT.items.items is FLAT.items.fields is None
    assert SPREAD.fields is not None
    assert SPREAD.fields.items is not None
    levels, here = 0, DEEP
    while here.items is not None:
        levels, here = levels + 1, here.items
    assert levels == MAX_DEPTH
    assert here.is_bottom


@rows(
    ("text", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("007", 7),
        ("0089", 89),
        ("00", 0),
        ("100", 100),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_integers(text: str, value: int) -> None:
    assert read_integer(text) == value


@rows(
    "text",
    [
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        "٣",
        "²",
        "1,2",
        "18446744073709551616",
        "1" * 5000,
        "010",
        "-010",
        "00017",
    ],
)
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError):
        read_integer(text)


@rows(("text", "value"), [("1", 1), ("-0.5", -0.5), ("1.50", 1.5), ("1e3", 1000.0), ("2E-2", 0.02)])
def test_numbers(text: str, value: float) -> None:
    assert read_number(text) == value


@rows("text", ["", ".5", "1.", "+1", "1e", "NaN", "Infinity", "1e999", "1 ", "1\n", "٣", "0x1", "1" * 99])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        read_number(text)


@rows("text", ["", "True", "TRUE", "1", "0", "yes", "on", "true ", "true\n"])
def test_only_true_and_false_are_booleans(text: str) -> None:
    assert read_boolean("true") is True
    assert read_boolean("false") is False
    with pytest.raises(ValueError):
        read_boolean(text)


@given(st.text(max_size=30) | st.integers().map(str) | st.floats().map(repr), st.sampled_from(sorted(READINGS)))
def test_a_reading_gives_a_value_of_its_kind_or_refuses(text: str, kind: str) -> None:
    kinds = {"integer": int, "number": (int, float), "boolean": bool, "string": str}
    try:
        value = READINGS[kind](text)
    except ValueError:
        return
    assert isinstance(value, kinds[kind])
    assert isinstance(value, bool) is (kind == "boolean")
