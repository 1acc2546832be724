from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.nosql import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "user[$ne]",
        "pass[$regex]",
        '{"$gt":""}',
        "$where",
        "'; return true; var x='",
        "' || this.password.length > 0 || 'a'=='b",
        '{"username": {"$in": ["a"]}}',
    ],
)
def test_an_operator_of_a_query_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "$5",
        "US$ne",
        "$filter",
        "$orderby",
        '{"$ref": "x"}',
        '{"$schema": "x"}',
        "price: $gt",
        "cost [$12]",
    ],
)
def test_prices_and_parameters_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 943
