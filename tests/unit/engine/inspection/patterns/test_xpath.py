from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.xpath import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "' or count(//user)=1 or 'a'='b",
        "x' or name()='a' or 'x'='y",
        "'] | //* | foo['",
        "' and substring(//user[1]/pass,1,1)='a",
        "1 and count(/child::node())=1",
    ],
)
def test_a_condition_over_nodes_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "count (me) in",
        "a name() is a call",
        "text (plain) or html",
        "https://x.example//a",
        "a | b | c",
        "last() of the loop",
        "position (5)",
    ],
)
def test_text_with_such_words_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 643
