"""Which answers are compressed, by what, and what is told of it."""

from __future__ import annotations

from rows import rows

from portcullis.engine.compression.choosing import Compression, encoded, varying
from portcullis.engine.compression.declaring import CompressConfig
from portcullis.engine.decision import Modify

ALL = Compression.of(CompressConfig())
JSON = {b"content-type": b"application/json"}


@rows(
    ("accepted", "coding"),
    [
        (None, None),
        (b"", None),
        (b"identity", None),
        (b"gzip", b"gzip"),
        (b"GZIP", b"gzip"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip;q=1.0, zstd;q=0.001", b"zstd"),
        (b"gzip;q=1.0 , zstd;q=0", b"gzip"),
        (b"zstd;q=0.000, br;Q=0.5", b"br"),
        (b"zstd ; q=0, br\t;\tq=0.0, gzip", b"gzip"),
        (b"*", b"zstd"),
        (b"*;q=0", None),
        (b"*;q=0, gzip", b"gzip"),
        (b"zstd;q=0, *", b"br"),
        (b"zstd;q=2", None),
        (b"zstd;q=", None),
        (b"zstd;level=3", None),
        (b"zs td", None),
        (b"zstd;q=0, zstd", None),
        (b"deflate, compress", None),
        (b",".join([b"x"] * 40 + [b"gzip"]), None),
    ],
)
def test_a_client_gets_what_it_can_read(accepted: bytes | None, coding: bytes | None) -> None:
    assert ALL.coding(accepted) == coding


def test_the_order_is_the_files() -> None:
    assert Compression.of(CompressConfig(codings=["gzip", "br"])).coding(b"br, gzip, zstd") == b"gzip"


@rows(
    ("content_type", "worth"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"application/soap+xml", True),
        (b"application/x+jsonx", False),
        (b"text/plain", True),
        (b"text/event-stream", False),
        (b"image/png", False),
        (b"application/zip", False),
        (b"", False),
    ],
)
def test_types_that_are_worth_it(content_type: bytes, worth: bool) -> None:
    assert ALL.is_worth_it(content_type) is worth


@rows(
    ("status", "headers"),
    [
        (204, JSON),
        (206, JSON),
        (304, JSON),
        (200, {}),
        (200, JSON | {b"content-encoding": b"gzip"}),
        (200, JSON | {b"content-range": b"bytes 0-1/2"}),
        (200, JSON | {b"cache-control": b"public, No-Transform"}),
    ],
)
def test_answers_that_stay_as_they_are(status: int, headers: dict[bytes, bytes]) -> None:
    assert ALL.varies(200, JSON)
    assert ALL.varies(404, JSON)
    assert not ALL.varies(status, headers)


@rows(
    ("vary", "told"),
    [
        (None, b"Accept-Encoding"),
        (b"Origin", b"Origin, Accept-Encoding"),
        (b"*", None),
        (b"accept-encoding", None),
        (b"Origin ,Accept-Encoding", None),
    ],
)
def test_caches_are_told_that_answers_differ(vary: bytes | None, told: bytes | None) -> None:
    change = varying({} if vary is None else {b"vary": vary})
    assert change == (None if told is None else Modify(set_fields=((b"vary", told),)))


def test_the_head_says_what_the_body_has_become() -> None:
    change = encoded({b"etag": b'"a"'}, b"br")
    assert dict(change.set_fields) == {b"content-encoding": b"br", b"etag": b'W/"a"'}
    assert b"content-digest" in change.remove_fields
    assert dict(encoded({b"etag": b'W/"a"'}, b"br").set_fields) == {b"content-encoding": b"br"}


def test_a_family_of_types_is_matched_at_both_ends() -> None:
    some = Compression.of(CompressConfig(types=["text/*", "application/*+json"]))
    assert some.is_worth_it(b"text/event-stream")
    assert some.is_worth_it(b"application/vnd.shop+json")
    assert not some.is_worth_it(b"application/json")


def test_elements_that_are_none_are_passed_over() -> None:
    assert ALL.coding(b"\x00, ;q=1, gzip") == b"gzip"
