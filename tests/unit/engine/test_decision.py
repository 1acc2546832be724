"""Decisions: one that exists is valid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.codes import UNKNOWN_PATH
from portcullis.engine.decision import MAX_FOUND, Finding, Modify, Refuse, shorten

UNWRITABLE_NAMES = [b"", b"X-Upper", b"a b", b"a:", b"a\r\n", b"a\n", b"a\0", b"\xe9", b"a\tb", b'"a"', b"(a)"]
UNWRITABLE_VALUES = [b"a\r\nx: y", b"a\n", b"a\r", b"a\0", b"\x7f", b"\x1b[31m", b"\x0b"]
UNWRITABLE_QUERIES = ["a b", "a\r\n", "a\n", "a#b", "é", "a\0", "\x7f", "\ud800", "a\tb"]


@rows("name", UNWRITABLE_NAMES)
def test_no_decision_names_a_field_that_could_not_be_written(name: bytes) -> None:
    with pytest.raises(ValueError, match="lower-case token"):
        Modify(((b"x-good", b"1"), (name, b"1")))
    with pytest.raises(ValueError, match="lower-case token"):
        Refuse(UNKNOWN_PATH, fields=((name, b"1"),))


@rows("value", UNWRITABLE_VALUES)
def test_no_decision_has_a_field_value_that_would_end_the_field(value: bytes) -> None:
    with pytest.raises(ValueError, match="x-a holds a control character"):
        Modify(((b"x-a", value),))
    with pytest.raises(ValueError, match="x-a holds a control character"):
        Refuse(UNKNOWN_PATH, fields=((b"x-a", value),))


@rows("value", [b"", b"a b\tc", b"\xe9", b'Bearer realm="shop"', b"~"])
def test_ordinary_field_values_are_fine(value: bytes) -> None:
    assert Modify(((b"x-a", value),)).set_fields == ((b"x-a", value),)
    assert Refuse(UNKNOWN_PATH, fields=((b"x-a", value),)).fields == ((b"x-a", value),)


@rows("query", UNWRITABLE_QUERIES)
def test_no_modification_has_a_query_that_would_end_the_request_line(query: str) -> None:
    with pytest.raises(ValueError, match="query"):
        Modify(query=query)


@rows("query", [None, "", "a=1&b=%20", "a?b/c", "~!$'()*+,;:@"])
def test_ordinary_queries_are_fine(query: str | None) -> None:
    assert Modify(query=query).query == query


def test_an_error_about_a_field_does_not_repeat_its_value() -> None:
    with pytest.raises(ValueError, match="x-key") as caught:
        Modify(((b"x-key", b"topsecret\n"),))
    assert "topsecret" not in str(caught.value)


def test_decisions_do_not_change() -> None:
    for decision in (Refuse(UNKNOWN_PATH), Modify(), Finding()):
        with pytest.raises(AttributeError):
            decision.detail = "x"  # type: ignore[misc, union-attr]


def test_short_text_is_found_as_it_is() -> None:
    assert shorten("plain text") == "plain text"
    assert shorten("x" * MAX_FOUND) == "x" * MAX_FOUND


def test_long_text_is_cut_with_a_sign_that_it_was() -> None:
    text = shorten("x" * 5000)
    assert len(text) == MAX_FOUND
    assert text.endswith("x…")


@rows(
    ("value", "text"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202eevil", r"\u202eevil"),
        ("\ud800", r"\ud800"),
        ("café\0", r"café\x00"),
        ("\\n", "\\n"),
    ],
)
def test_what_could_fool_a_terminal_is_escaped(value: str, text: str) -> None:
    assert shorten(value) == text


@rows(("value", "text"), [(None, "None"), (3, "3"), (b"x", "b'x'"), ([1, "a"], "[1, 'a']")])
def test_other_values_are_found_as_python_writes_them(value: object, text: str) -> None:
    assert shorten(value) == text


@pytest.mark.slow
def test_a_huge_value_is_not_written_out_to_be_cut() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shorten(deep)) <= MAX_FOUND
    assert len(shorten(["x" * 1000] * 100_000)) <= MAX_FOUND


@given(st.text(), st.integers(1, 200))
def test_what_is_found_is_always_printable_and_short(value: str, limit: int) -> None:
    text = shorten(value, limit)
    assert len(text) <= limit
    assert text.isprintable()
