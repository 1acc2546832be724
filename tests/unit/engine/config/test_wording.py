"""The words of error messages, and what is never repeated in them."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.config import wording
from portcullis.engine.config.reader import read
from portcullis.engine.config.section import Section
from portcullis.engine.config.shape import Fields, Items, OneOf, Scalar
from portcullis.engine.config.tree import Node, find

ALLOWED = ["authenticate", "limit", "max_body", "upstream", "versions"]


def node(text: str) -> Node:
    found = find(read(f"key: {text}\n", "f.yaml").root, ("key",))
    assert found is not None
    return found


@rows(
    ("word", "meant"),
    [
        ("limits", "limit"),
        ("Limit", "limit"),
        ("max-body", "max_body"),
        ("auth", "authenticate"),
        ("authentication", "authenticate"),
        ("upsteram", "upstream"),
        ("version", "versions"),
        ("zzz", ""),
        ("", ""),
        ("li", ""),
        ("x" * 100_000, ""),
    ],
)
def test_the_nearest_word_is_found(word: str, meant: str) -> None:
    assert wording.closest(word, ALLOWED) == meant


def test_a_suggestion_says_what_is_allowed_too() -> None:
    assert wording.suggest("enforced", ["enforce", "off"]) == 'did you mean "enforce"? allowed: enforce, off'
    assert wording.suggest("x", ["https"]) == "allowed: https"
    assert wording.suggest("x", [], "declared") == "declared: none"


def test_long_lists_are_cut() -> None:
    assert wording.listed(map(str, range(100))).endswith("14, 15, ...")


@rows(
    ("text", "shown"),
    [
        ("abc", '"abc"'),
        ("12", "12"),
        ("true", "true"),
        ("", "nothing"),
        ("[a]", "a list"),
        ("{a: 1}", "a mapping"),
        ('"a\\nb"', '"a\\nb"'),
        ('"\\e[31m"', '"\\x1b[31m"'),
        ("https://user:pass@host/x", '"https://***@host/x"'),
        ("x" * 200, '"' + "x" * 59 + '…"'),
    ],
)
def test_what_was_found_is_shown_briefly_and_harmlessly(text: str, shown: str) -> None:
    assert wording.show(node(text)) == shown


def test_private_text_is_not_shown() -> None:
    assert wording.show(node("hunter2"), private=True) == "text"
    assert wording.correction(node("hunter2"), Items(Scalar("text", kind=str)), private=True) == ""


@rows(
    ("line", "quoted"),
    [
        ("secret: hunter2", "secret: ***"),
        ("  client_secret: 'hunter2', x: 1}", "  client_secret: '***"),
        ('{"password": "hunter2"}', '{"password": "***'),
        ("api_token:    hunter2", "api_token:    ***"),
        ("secret: env:NAME", "secret: env:NAME"),
        ('secret: "file:a/b" # why', 'secret: "file:a/b" # why'),
        ("{secret: env:A, password: hunter2}", "{secret: env:A, password: ***"),
        ("targets: [https://u:hunter2@h, http://x:hunter2@y]", "targets: [https://***@h, http://***@y]"),
        ("plan: free", "plan: free"),
        ("plan: free" + " " * 2000, ""),
    ],
)
def test_quoted_lines_hold_no_secrets(line: str, quoted: str) -> None:
    assert wording.quotable(line) == quoted


@given(st.text(max_size=200))
def test_any_line_can_be_quoted(line: str) -> None:
    wording.quotable(line)


def test_long_lines_are_quoted_quickly() -> None:
    start = time.process_time()
    for line in ("a" * 1_000_000, "a: " * 300_000, "://" * 300_000, "-" * 1_000_000, "a:" + " " * 1_000_000):
        wording.quotable(line)
    assert time.process_time() - start < 2.0


class Door(Section):
    """A door."""

    width: int = 1
    """How wide it is, in units of
    ``1m``.

    More about widths."""


NUMBER = Scalar("a whole number", kind=int, least=1, most=9)


@rows(
    ("text", "shape", "advice"),
    [
        ("abc", Items(Scalar("text", kind=str)), 'write it as a list: ["abc"]'),
        ("12", Scalar("text", kind=str), 'in quotes it is text: "12"'),
        ('"12"', NUMBER, "without quotes it is a number: 12"),
        ('"true"', Scalar("true or false", kind=bool), "true or false, without quotes"),
        ("shutt", OneOf(("open", "shut")), 'did you mean "shut"? allowed: open, shut'),
        ("[a]", Fields(Door), "its keys: width"),
        ("a", Fields(Door, "a list of keys", "[a]"), "for example [a]"),
        ("[a]", Scalar("a name", "shop", kind=str), "for example shop"),
        ("[a]", NUMBER, ""),
        ("abc", None, ""),
    ],
)
def test_advice_fits_what_was_written(text: str, shape: Any, advice: str) -> None:
    assert wording.correction(node(text), shape) == advice


def test_ranges_are_told_whole() -> None:
    assert wording.bounds(NUMBER, "?") == "from 1 to 9"
    assert wording.bounds(Scalar("a duration", least=0.001), "?") == "at least 1ms"
    assert wording.bounds(Scalar("a size", most=1024), "?") == "at most 1KiB"
    assert wording.bounds(Scalar("text"), "otherwise") == "otherwise"
    assert wording.bounds(None, "otherwise") == "otherwise"


def test_lengths_are_told() -> None:
    assert wording.length("too_short", {"min_length": 1})[0] == "is empty"
    assert wording.length("too_short", {"min_length": 2}) == ("has too few entries", "at least 2")
    assert wording.length("string_too_long", {"max_length": 9}) == ("has too many characters", "at most 9")


def test_the_purpose_of_a_key_is_the_first_paragraph_of_its_documentation() -> None:
    assert wording.purpose(Fields(Door), "width") == "how wide it is, in units of 1m"
    assert wording.purpose(Fields(Door), "nothing") == ""
    assert wording.purpose(None, "width") == ""


def test_a_key_without_a_value_is_to_be_filled_or_removed() -> None:
    assert wording.fill(NUMBER) == "give it a whole number, or remove the key"
    assert wording.fill(None) == "remove the key"
