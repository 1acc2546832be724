"""Texts are of their formats, patterns and lengths."""

from __future__ import annotations

import re

import jsonschema_rs
from rows import rows

from portcullis.engine.openapi.formats import FORMATS
from portcullis.testing.generating_texts import SAMPLES, matches, matching, texts_of


@rows("name", sorted(SAMPLES))
def test_a_sample_is_of_its_format(name: str) -> None:
    said = FORMATS[name].keywords(["string"])
    assert said is not None
    validator = jsonschema_rs.Draft202012Validator(
        {"format": name, **said}, validate_formats=True, ignore_unknown_formats=True
    )
    assert all(validator.is_valid(text) for text in SAMPLES[name])


@rows(
    "pattern",
    [
        "^[a-z]{2,3}$",
        r"^\d+(\.\d+)?$",
        "^(?:cat|dog)s?$",
        "^[^a-z0]+$",
        r"^\S+@\S+$",
        "b.d",
        "^[0-9a-fA-F]{40}$",
        r"^\W\w$",
        "^[^\x00-\x7f]$",
        "",
    ],
)
def test_a_pattern_matches_all_texts_made_of_it(pattern: str) -> None:
    texts = list(matching(pattern))
    assert texts
    assert all(re.search(pattern, text) for text in texts)


def test_texts_are_as_long_as_they_have_to_be() -> None:
    assert next(texts_of(40, 40, [], ["^[0-9a-f]+$"])) == "a" * 40
    assert next(texts_of(0, 2, [], [])) == "te"
    assert next(texts_of(7, None, [], [])) == "textxxx"
    assert list(texts_of(0, 3, ["date"], [])) == []


def test_a_format_and_a_pattern_hold_both() -> None:
    assert list(texts_of(0, None, ["uri"], ["^https://"])) == ["https://example.com/a"]
    assert list(texts_of(0, None, ["uri"], ["^ftp://"])) == []


def test_what_is_offered_is_taken_last_and_if_it_fits() -> None:
    assert list(texts_of(0, None, [], [r"^(?=a)b?"], ["no", "also", 5])) == ["also"]
    assert list(texts_of(0, None, [], ["^(a|b)$"], ["b", "c"]))[-1] == "b"


@rows("pattern", ["(?<=a)b", r"\p{L}", "(", r"(a)\1", "[^\\s\\S]"])
def test_of_a_pattern_that_is_not_understood_no_text_is_made(pattern: str) -> None:
    assert list(matching(pattern)) == []


def test_a_dollar_is_the_end_and_not_what_is_before_a_last_newline() -> None:
    assert matches("^a$", "a")
    assert not matches("^a$", "a\n")
    assert matches(r"^\$", "$")
    assert not matches("(", "(")
