from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.inclusion import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        '<!--#include virtual="/x" -->',
        "<!-- #exec cgi='x' -->",
        'x%3C!--%23echo var="DOCUMENT_ROOT"--%3E',
    ],
)
def test_a_directive_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "<!-- include this -->",
        "<!--# comment -->",
        "#include <stdio.h>",
    ],
)
def test_a_comment_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 97
