from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.response_head import ResponseHead, parse_response_head

MAX = 16 * 1024


def parsed(data: bytes, method: str = "GET") -> ResponseHead:
    head = parse_response_head(data, MAX, method)
    assert head is not None
    return head


def refused(data: bytes, maximum: int = MAX) -> bool:
    with pytest.raises(ProtocolError) as caught:
        parse_response_head(data, maximum, "GET")
    return caught.value.code is UPSTREAM_BAD_RESPONSE


def test_a_response_head_is_taken_apart() -> None:
    data = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nabc"
    head = parsed(data)
    assert (head.status, head.reason, head.minor) == (404, b"Not Found", 1)
    assert head.fields == [(b"content-length", b"3"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]
    assert head.headers[b"set-cookie"] == b"a, b"
    assert (head.content_length, head.chunked, head.until_close, head.bodyless) == (3, False, False, False)
    assert head.keep_alive
    assert data[head.length :] == b"abc"


@rows(
    ("line", "reason"),
    [
        (b"HTTP/1.1 200", b""),
        (b"HTTP/1.1 200 ", b""),
        (b"HTTP/1.1 200  OK", b" OK"),
        (b"HTTP/1.1 200 Ori\xc3\xabntatie\tx", b"Ori\xc3\xabntatie\tx"),
    ],
)
def test_the_reason_is_kept(line: bytes, reason: bytes) -> None:
    assert parsed(line + b"\r\n\r\n").reason == reason


@rows(
    ("head", "method", "framing"),
    [
        (b"HTTP/1.1 200\r\nContent-Length: 5\r\n", "GET", (5, False, False, False, True)),
        (b"HTTP/1.1 200\r\nContent-Length: 5\r\nConnection: Close\r\n", "GET", (5, False, False, False, False)),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n", "GET", (None, True, False, False, True)),
        (b"HTTP/1.1 200\r\n", "GET", (None, False, True, False, False)),
        (b"HTTP/1.1 200\r\n", "HEAD", (0, False, False, True, True)),
        (b"HTTP/1.1 200\r\nContent-Length: 5\r\n", "HEAD", (0, False, False, True, True)),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n", "HEAD", (0, False, False, True, True)),
        (b"HTTP/1.1 304\r\nContent-Length: 5\r\n", "GET", (0, False, False, True, True)),
        (b"HTTP/1.1 204\r\n", "GET", (0, False, False, True, True)),
        (b"HTTP/1.1 204\r\nContent-Length: 0\r\n", "GET", (0, False, False, True, True)),
        (b"HTTP/1.1 100\r\n", "POST", (0, False, False, True, True)),
        (b"HTTP/1.0 200\r\nContent-Length: 5\r\n", "GET", (5, False, False, False, False)),
        (b"HTTP/1.0 200\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", "GET", (5, False, False, False, True)),
        (b"HTTP/1.0 200\r\nConnection: keep-alive\r\n", "GET", (None, False, True, False, False)),
    ],
)
def test_where_the_body_ends(head: bytes, method: str, framing: tuple[int | None, bool, bool, bool, bool]) -> None:
    found = parsed(head + b"\r\n", method)
    assert (found.content_length, found.chunked, found.until_close, found.bodyless, found.keep_alive) == framing


@rows(
    "head",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"RTSP/1.1 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 2\xd9\xa3\xd9\xa3 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\rX",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: @\r\n\r\n",
        b"<html>",
    ],
)
def test_a_bad_response_is_refused(head: bytes) -> None:
    assert refused(head)


def test_every_beginning_of_a_response_is_awaited() -> None:
    data = b"HTTP/1.1 200 Fine, thanks\r\nX: \t y \r\nContent-Length: 1\r\n\r\n"
    for end in range(len(data)):
        assert parse_response_head(data[:end], MAX, "GET") is None, data[:end]
    parsed(data)


def test_a_head_has_a_limit_in_bytes() -> None:
    data = b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"y" * 100)
    assert parse_response_head(data, len(data), "GET") is not None
    assert parse_response_head(data[:-1], len(data) - 1, "GET") is None
    assert refused(data, len(data) - 1)
    assert refused(b"HTTP/1.1 200 " + b"a" * 100, 50)


HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 204 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
)
METHODS = st.sampled_from(["GET", "HEAD", "POST"])


@given(st.sampled_from(HEADS), METHODS, st.sampled_from(HEADS), METHODS, st.sampled_from([MAX, 30]))
def test_knowing_the_previous_head_changes_nothing(
    data: bytes, method: str, next_data: bytes, next_method: str, maximum: int
) -> None:
    def outcome(previous: ResponseHead | None) -> object:
        try:
            return parse_response_head(next_data + b"rest", maximum, next_method, previous)
        except ProtocolError as error:
            return error.code

    assert outcome(parse_response_head(data, MAX, method)) == outcome(None)


def test_the_same_head_again_is_not_parsed_again() -> None:
    first = parsed(HEADS[0])
    assert parse_response_head(HEADS[0] + b"hello", MAX, "POST", first) is first
