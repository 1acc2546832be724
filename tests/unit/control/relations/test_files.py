from __future__ import annotations

import io
from pathlib import Path

import pytest
from rows import rows

from portcullis.control.relations.files import MAX_LINE, Kind, UnreadableLine, kind_of, read_lines, written

TUPLES = ["order:17#owner@user:alice", 'order:a,"b"#viewer@group:staff#member', "o:a@b#r@u:c@d"]


@rows(
    ("name", "kind"),
    [
        ("a.jsonl", Kind.JSONL),
        ("a.ndjson", Kind.JSONL),
        ("a.CSV", Kind.CSV),
        ("a.txt", Kind.TUPLES),
        ("-", Kind.TUPLES),
    ],
)
def test_a_name_tells_how_tuples_are_written(name: str, kind: Kind) -> None:
    assert kind_of(Path(name)) is kind


@rows("kind", list(Kind))
def test_what_was_written_is_read(kind: Kind) -> None:
    text = "".join(written(TUPLES, kind))
    seen: list[int] = []
    lines = list(read_lines(io.BytesIO(text.encode()), kind, seen.append))
    assert [line for line in lines if line] == TUPLES
    assert sum(seen) == len(text.encode())


def test_empty_lines_say_nothing_but_count() -> None:
    assert list(read_lines(io.BytesIO(b"\n  a#b@c  \r\n\n"), Kind.TUPLES)) == ["", "a#b@c", ""]
    assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfobject,relation,subject\n\na,b,c\n"), Kind.CSV)) == [
        "",
        "",
        "a#b@c",
    ]


@rows(
    ("kind", "content", "message"),
    [
        (Kind.JSONL, b'{"object": "a"}\n', r"line 1: .*missing.*a line is written"),
        (Kind.JSONL, b'\n{"object": "a", "relation": "b", "subject": "c", "x": 1}', "line 2: .*unknown field"),
        (Kind.JSONL, b"[1]", "line 1"),
        (Kind.JSONL, b"{", "line 1"),
        (Kind.CSV, b"subject,relation,object\n", "line 1: the columns are object, relation, subject"),
        (Kind.CSV, b"object,relation,subject\na,b\n", "line 2: 2 columns instead of 3"),
        (Kind.CSV, b'object,relation,subject\na,"b\n', "line 2"),
        (Kind.TUPLES, b"a\n\xff\n", "line 2: no UTF-8"),
        (Kind.TUPLES, b"a\n" + b"x" * (MAX_LINE + 1), f"line 2: more than {MAX_LINE} bytes"),
    ],
)
def test_a_line_that_can_not_be_read_is_told_with_its_number(kind: Kind, content: bytes, message: str) -> None:
    with pytest.raises(UnreadableLine, match=message):
        list(read_lines(io.BytesIO(content), kind))
