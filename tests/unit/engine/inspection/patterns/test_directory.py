from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.directory import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "*)(objectClass=*",
        "admin)(!(&(1=0",
        "x*)(|(cn=*))",
        "(&(objectClass=user)(uid=*))",
        "*))(|(userPassword=*",
    ],
)
def test_a_filter_in_a_value_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "(a)(b)",
        "f(x) (y)",
        "1) first 2) second",
        "smile :) (and wink ;))",
        "2*(3+4)",
        "SELECT (a) (b)",
    ],
)
def test_brackets_in_text_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 90
