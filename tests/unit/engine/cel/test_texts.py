from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.texts import MAX_PATTERN, contains, lower_ascii, matcher, upper_ascii
from portcullis.engine.cel.types import DYN, STRING

TYPES = {"s": STRING, "x": DYN}


@rows(
    ("pattern", "text", "found"),
    [
        ("^a+$", "aaa", True),
        ("^a+$", "aab", False),
        ("^a+$", "aaa\n", False),
        ("(?i)É", "é", True),
        (r"\d", "٣", False),
        (r"\bwas\b", "it was so", True),
        ("^.$", "😀", True),
        (r"^\pL+$", "naïve", True),
        ("", "", True),
        ("\0", "a\0b", True),
    ],
)
def test_patterns_are_re2s(pattern: str, text: str, found: bool) -> None:
    assert matcher(pattern)(text) is found


@rows("pattern", ["(", "a{1001}", "(?=a)", r"(a)\1", "[z-a]", "a**", "(a{100}){100}", "x" * (MAX_PATTERN + 1)])
def test_what_is_no_pattern_is_an_error(pattern: str) -> None:
    with pytest.raises(EvaluationError):
        matcher(pattern)


def test_a_match_takes_linear_time_however_often_a_pattern_repeats_itself() -> None:
    begun = time.process_time()
    assert not matcher("^(a|aa|a*)*$")("a" * 200_000 + "b")
    assert time.process_time() - begun < 2


@rows(
    "text",
    ["s.contains('b')", "s.startsWith('b')", "s.matches('b')", "s.lowerAscii() == ''", "s.split(',').size() == 2"],
)
def test_long_texts_take_steps(text: str, compile_expression: Callable[..., Any]) -> None:
    expression = compile_expression(text, TYPES)
    assert expression.value({"s": "a" * 10_000}) == ("bool", False)
    assert expression.value({"s": "a" * 10_000_000}) == "TOO COSTLY"


def test_only_letters_of_ascii_change_their_case() -> None:
    assert lower_ascii("ABC xyz ÄÉİ") == "abc xyz ÄÉİ"
    assert upper_ascii("abc XYZ äéß") == "ABC XYZ äéß"
    assert (lower_ascii("ABC"), upper_ascii("abc")) == ("abc", "ABC")


def test_a_part_is_looked_for_anywhere() -> None:
    assert contains("abc", "bc")
    assert not contains("abc", "cb")


@rows("text", ["x.contains('a')", "x.matches('a')", "x.lowerAscii() == 'a'", "x.split(',') == []", "'a'.endsWith(x)"])
def test_what_is_no_text_is_an_error(text: str, evaluate: Callable[..., Any]) -> None:
    for value in (1, None, ["a"], b"a"):
        assert evaluate(text, TYPES, {"x": value}) == "ERROR"
