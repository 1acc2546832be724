"""Bytes that are only counted."""

from __future__ import annotations

import pytest

from portcullis.engine.openapi.bodies.binary_body import BinaryBody, ByteCounter
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.byte_schemas import Bounds


def count(bounds: Bounds, *pieces: bytes) -> int:
    scanner = BinaryBody(bounds, "/schema").scanner()
    for piece in pieces:
        scanner.feed(piece)
    scanner.end()
    return scanner.count


def test_bytes_pass_within_bounds() -> None:
    assert count(Bounds(), b"\x00" * 10, b"\xff") == 11
    assert count(Bounds(2, 4), b"ab", b"cd") == 4
    assert count(Bounds(2, 4), b"ab") == 2


def test_too_many_are_refused_at_the_first_piece_that_is_too_much() -> None:
    counter = ByteCounter(Bounds(0, 4), "The part f", ("f",), "/s")
    counter.feed(b"abcd")
    with pytest.raises(BodyError) as caught:
        counter.feed(b"e")
    error = caught.value
    assert (error.fault, error.detail, error.path) == ("value", "The part f must have at most 4 bytes.", ("f",))
    assert (error.found, error.allowed, error.source) == ("5 bytes", "at most 4 bytes", "/s")


def test_too_few_are_refused_at_the_end() -> None:
    with pytest.raises(BodyError) as caught:
        count(Bounds(3), b"ab")
    assert caught.value.allowed == "at least 3 bytes"
    assert caught.value.source == "/schema"
