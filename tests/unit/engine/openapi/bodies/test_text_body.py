"""Text bodies: UTF-8, and of the type that is declared."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.text_body import FreeTextBody, TextBody, is_utf8, read_text, typed
from portcullis.engine.openapi.parameters import Shape


def anything(_values: Any) -> bool:
    return True


def body(*kinds: str) -> TextBody:
    return TextBody("k", Shape(kinds), anything)


def test_text_is_read_as_its_type() -> None:
    assert body("string").read("naïve\n".encode()) == ("naïve\n", None)
    assert body("integer").read(b"42") == (42, None)
    assert body("integer", "string").read(b"42x") == ("42x", None)


def test_the_type_that_fits_is_taken() -> None:
    def only_text(values: Any) -> bool:
        return isinstance(values["k"], str)

    assert typed("42", Shape(("integer", "string")), "k", only_text) == "42"
    assert typed("42", Shape(("integer", "string")), "", only_text) == 42
    with pytest.raises(ValueError):
        typed("x", Shape(("integer",)), "k", anything)


@rows(
    ("data", "kinds", "fault"),
    [
        (b"\xff", ("string",), "malformed"),
        (b"\xc0\xaf", ("string",), "malformed"),
        (b"\xed\xa0\x80", ("string",), "malformed"),
        (b"a\0b", ("string",), "malformed"),
        (b"4 2", ("integer",), "type"),
    ],
)
def test_what_is_no_such_text_is_refused(data: bytes, kinds: tuple[str, ...], fault: str) -> None:
    with pytest.raises(BodyError) as caught:
        body(*kinds).read(data)
    assert caught.value.fault == fault


def test_text_of_a_part_is_called_by_its_name() -> None:
    with pytest.raises(BodyError) as caught:
        read_text(b"\xff", "The part a", ("a",))
    assert (caught.value.detail, caught.value.path) == ("The part a is not text in UTF-8.", ("a",))


@rows("step", [1, 2, 3, 100])
def test_text_that_streams_is_looked_at_across_pieces(step: int) -> None:
    def scan(data: bytes) -> None:
        scanner = FreeTextBody().scanner()
        for at in range(0, len(data), step):
            scanner.feed(data[at : at + step])
        scanner.end()

    scan("naïve 写真 👩\n".encode())
    for wrong in (b"\xff", "é".encode()[:1], b"ab\0", "写".encode()[:2] + b"a", b"\xf0\x9f\x91"):
        with pytest.raises(BodyError):
            scan(wrong)


@rows(
    ("text", "expected"),
    [
        ("text/plain", True),
        ("text/plain; charset=UTF-8", True),
        ("text/plain; charset=utf8", True),
        ("text/plain; charset=us-ascii", True),
        ("text/plain; charset=iso-8859-1", False),
        ("text/plain; charset=utf-16", False),
        ("text/plain; charset=utf-7", False),
        ("text/plain; charset=", False),
    ],
)
def test_charsets(text: str, expected: bool) -> None:
    try:
        assert is_utf8(parse(text)) is expected
    except ValueError:
        assert not expected


def test_nothing_is_taken_out_of_text() -> None:
    assert body("string").write(b"abc", "abc") == b"abc"
