from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.header import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "en\r\nSet-Cookie: a=b",
        "x%0d%0aContent-Length:%200",
        "a\nLocation: http://x",
        "x\r\n\r\n<html>",
        "y\r\nGET / HTTP/1.1",
    ],
)
def test_a_header_after_a_line_end_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "first\nsecond: third",
        "note:\r\n- one\r\n- two",
        "location: here",
        "x\nA: b",
    ],
)
def test_text_of_several_lines_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 93
