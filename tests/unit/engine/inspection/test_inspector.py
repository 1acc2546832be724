from __future__ import annotations

import time

import pytest

from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.pattern import SEPARATOR, all_patterns

UNITS = (
    *(
        "'",
        '"',
        "<a ",
        "<a b=",
        "{{",
        "{{ 7*",
        "${",
        "../",
        "..",
        "%2e",
        "(select ",
        "or 1",
        "' or ",
        "and x=x ",
        "; cat ",
    ),
    *(
        "|id",
        "`a",
        "$(",
        "/**/",
        "/*",
        "&#x3c",
        "\\x3c",
        "%25",
        "(((((",
        ")))))",
        "a=b ",
        "onx=",
        "<a onx",
        "javascript:",
    ),
    *(
        "j ",
        "union ",
        "char(1),",
        "case when (1",
        "__class__",
        "=*)(",
        "\n\nid",
        "x' ",
        "1 )",
        "--",
        "concat(",
        "http://",
    ),
)


@pytest.fixture(scope="module", autouse=True)
def inspector() -> None:
    the_inspector()


def test_there_is_one_inspector() -> None:
    assert the_inspector() is the_inspector()


def test_a_hit_says_what_and_shows_where() -> None:
    text = f"{'a long story, ' * 20}<script>alert(1)</script>{' and so on' * 20}"
    hit = the_inspector().find(text, "body")
    assert hit is not None
    assert hit.pattern.id == "xss-101"
    assert "<script>" in hit.excerpt
    assert len(hit.excerpt) <= 80


def test_the_excerpt_is_of_the_reading_that_shows_it() -> None:
    hit = the_inspector().find("%3Cscript%3E", "query")
    assert hit is not None
    assert hit.excerpt == "<script>"


def test_what_is_allowed_is_not_found_but_what_else_is_there_is() -> None:
    text = "<script>1</script>' or 1=1--"
    first = the_inspector().find(text, "body")
    assert first is not None
    second = the_inspector().find(text, "body", {first.pattern.id})
    assert second is not None
    assert second.pattern.id != first.pattern.id
    assert the_inspector().find(text, "body", {pattern.id for pattern in all_patterns()}) is None


def test_a_pattern_counts_only_at_its_places() -> None:
    text = "a\r\nSet-Cookie: x"
    assert the_inspector().find(text, "query") is not None
    assert the_inspector().find(text, "body") is None


def test_a_separator_in_a_text_hides_nothing() -> None:
    hit = the_inspector().find(SEPARATOR.join("<script>"), "body")
    assert hit is not None
    assert hit.pattern.id == "xss-101"


def test_half_a_character_is_no_trouble() -> None:
    assert the_inspector().find("\ud800 <b>", "body") is None
    assert the_inspector().find("\ud800 <script>", "body") is not None


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
def test_whatever_the_text_looking_at_it_takes_time_in_its_length(unit: str) -> None:
    """50 microseconds a character is far above what any takes; what is not linear takes a thousand times as long."""
    text = unit * (20_000 // len(unit))
    allowed = {pattern.id for pattern in all_patterns() if pattern.confirm is None}
    begin = time.process_time()
    the_inspector().find(text, "body", allowed)
    for pattern in all_patterns():
        if pattern.confirm is not None:
            pattern.confirm(text)
    assert time.process_time() - begin < len(text) * 50e-6 * 10
