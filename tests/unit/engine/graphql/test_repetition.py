"""What a document has too much of to be validated in good time."""

from __future__ import annotations

import pytest
from graphql import parse
from rows import rows

from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.repetition import MAX_FRAGMENTS, MAX_OPERATIONS, check_repetition

SPREADS = " ".join(f"...f{number}" for number in range(40))


@rows(
    ("text", "told"),
    [
        ("{" + "a " * 6 + "}", "the same field too often"),
        ("{" + "x:a " * 6 + "}", "the same field too often"),
        ("{" + " ".join(f"x{n}:a" for n in range(6)) + "}", "too many aliases"),
        ("{" + " ".join(f"x{n}" for n in range(21)) + "}", "too many fields"),
        ("{a}" + "fragment f on A{a}" * (MAX_FRAGMENTS + 1), "too many fragments"),
        ("{" + SPREADS + "}" + f"fragment f on A{{{SPREADS}}}" * 4, "too many fragments in one another"),
        ("query{a}" * (MAX_OPERATIONS + 1), "too many operations"),
    ],
)
def test_too_much_is_refused(text: str, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        check_repetition(parse(text, no_location=True), fields=20, aliases=5)


def test_what_each_operation_may_have_two_may_have_twice() -> None:
    text = "{" + " ".join(f"x{n}:a" for n in range(5)) + " b c d}"
    check_repetition(parse(f"query A{text} query B{text}", no_location=True), fields=20, aliases=5)
