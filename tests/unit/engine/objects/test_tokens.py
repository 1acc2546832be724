"""The words of a rule."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.objects.tokens import MAX_LENGTH, RuleError, error_at, tokens_of


def words(rule: str) -> list[tuple[str, str | int]]:
    return [(token.kind, token.value) for token in tokens_of(rule)]


def test_each_word_is_told_with_its_kind() -> None:
    assert words("response.a_b-c == -17") == [
        ("name", "response"),
        ("mark", "."),
        ("name", "a_b-c"),
        ("mark", "=="),
        ("integer", -17),
        ("end", ""),
    ]


def test_each_word_knows_where_it_stands() -> None:
    rule = " a ==\n'b'"
    assert [rule[token.span.start : token.span.end] for token in tokens_of(rule)] == ["a", "==", "'b'", ""]


@rows(
    ("text", "value"),
    [
        ('"a"', "a"),
        ("'a'", "a"),
        ('"a\\"b"', 'a"b'),
        (r"'it\'s'", "it's"),
        (r'"\\"', "\\"),
        (r'"\n\t\/"', "\n\t/"),
        (r'"\u00e9"', "é"),
        ('"é"', "é"),
        ("''", ""),
    ],
)
def test_text_stands_in_either_quotes(text: str, value: str) -> None:
    assert words(text) == [("text", value), ("end", "")]


@rows(
    ("rule", "column", "part"),
    [
        ("a = b", 3, "write == to compare"),
        ("a && b", 3, "write and"),
        ("a || b", 3, "write or"),
        ("!a", 1, "write not"),
        ("a < b", 3, "the order of values"),
        ("a ~ b", 3, "other names are written in brackets"),
        ("a\x00", 2, "U+0000 has no meaning here"),
        ("ä", 1, "ä has no meaning here"),
        ("1.5", 1, "a fraction"),
        ("1e3", 1, "a fraction"),
        ('a "b', 3, "this text has no end"),
        ('a "b\n"', 3, "this text has no end"),
        (r'"\x41"', 2, "is no escape"),
        (r'"\ud800"', 2, "is no escape"),
        ("{id}", 1, "names of variables have no braces"),
    ],
)
def test_what_is_no_word_is_told_with_its_place(rule: str, column: int, part: str) -> None:
    with pytest.raises(RuleError) as error:
        tokens_of(rule)
    assert (error.value.line, error.value.column) == (1, column)
    assert part in f"{error.value.message} {error.value.hint}"


def test_places_are_counted_by_line() -> None:
    error = error_at("a\nbc\nd", 3, "wrong")
    assert (error.line, error.column) == (2, 2)


def test_a_rule_has_an_end() -> None:
    assert words("a" * MAX_LENGTH)[-1] == ("end", "")
    with pytest.raises(RuleError):
        tokens_of("a" * (MAX_LENGTH + 1))
