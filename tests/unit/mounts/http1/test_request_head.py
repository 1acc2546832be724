from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.codes import (
    HEAD_TOO_LARGE,
    MALFORMED_REQUEST,
    MALFORMED_TARGET,
    TARGET_TOO_LONG,
    UNSUPPORTED_VERSION,
    Code,
)
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import MAX_FIELDS
from portcullis.mounts.http1.request_head import MAX_TARGET, RequestHead, parse_request_head

MAX = 16 * 1024


def parsed(data: bytes, previous: RequestHead | None = None) -> RequestHead:
    head = parse_request_head(data, MAX, previous)
    assert head is not None
    return head


def refused(data: bytes, maximum: int = MAX) -> Code:
    with pytest.raises(ProtocolError) as caught:
        parse_request_head(data, maximum)
    return caught.value.code


def test_a_request_head_is_taken_apart() -> None:
    data = b"POST /a?b=c HTTP/1.1\r\nHost: Shop.Example:8443\r\nContent-Length: 3\r\nX-A: 1\r\nx-a: 2\r\n\r\nabcGET"
    head = parsed(data)
    assert (head.method, head.target, head.minor, head.host) == ("POST", "/a?b=c", 1, "shop.example")
    assert head.fields == [
        (b"host", b"Shop.Example:8443"),
        (b"content-length", b"3"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
    ]
    assert head.headers == {b"host": b"Shop.Example:8443", b"content-length": b"3", b"x-a": b"1, 2"}
    assert (head.content_length, head.chunked, head.keep_alive) == (3, False, True)
    assert (head.expect_continue, head.upgrade) == (False, False)
    assert data[head.length :] == b"abcGET"


def test_one_empty_line_before_the_request_is_ignored_and_no_second() -> None:
    head = parsed(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.length == 29
    assert refused(b"\r\n\r\n") is MALFORMED_REQUEST
    assert refused(b"\n") is MALFORMED_REQUEST
    assert refused(b"\rG") is MALFORMED_REQUEST


@rows(
    ("lines", "keep_alive"),
    [
        (b"HTTP/1.1\r\nHost: a\r\n", True),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", False),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n", False),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n", False),
        (b"HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n", True),
        (b"HTTP/1.0\r\nHost: a\r\n", False),
        (b"HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n", True),
        (b"HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n", False),
    ],
)
def test_whether_the_connection_is_kept(lines: bytes, keep_alive: bool) -> None:
    assert parsed(b"GET / " + lines + b"\r\n").keep_alive is keep_alive


def test_a_chunked_body_has_no_length() -> None:
    head = parsed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (head.chunked, head.content_length) == (True, 0)


def test_an_upgrade_is_asked_for_by_two_fields() -> None:
    start = b"GET / HTTP/1.1\r\nHost: a\r\n"
    assert parsed(start + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade
    assert not parsed(start + b"Upgrade: websocket\r\n\r\n").upgrade
    assert not parsed(start + b"Connection: upgrade\r\n\r\n").upgrade
    assert not parsed(b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n").upgrade


def test_an_expectation_is_seen() -> None:
    start = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: "
    assert parsed(start + b"100-Continue\r\n\r\n").expect_continue
    assert not parsed(start + b"200-ok\r\n\r\n").expect_continue


@rows(
    "line",
    [
        b"get / HTTP/1.1",
        b"Get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/1.1\t",
        b"GET /",
        b"GET / ",
        b"GET",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.",
        b"GET / HTTP/11",
        b"GET / HTTP/1.1\rX",
        b"GET / HTTP/1.11",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1,1",
        b"GET / ICE/1.0",
        b"GET /a b HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /\x0b HTTP/1.1",
        b"M-SEARCH / HTTP/1.1",
        b"G\x00T / HTTP/1.1",
        b"\xc7ET / HTTP/1.1",
        b"GE\xd9\xa3 / HTTP/1.1",
        b"%b / HTTP/1.1" % (b"A" * 25),
        b"CONNECT a:443 HTTP/1.1",
        b"CONNECT /a HTTP/1.1",
    ],
)
def test_a_malformed_request_line_is_refused(line: bytes) -> None:
    assert refused(line + b"\r\nHost: a\r\n\r\n") is MALFORMED_REQUEST


@rows("version", [b"2.0", b"0.9", b"1.2", b"5.6", b"1.32", b"3.0"])
def test_another_version_is_refused(version: bytes) -> None:
    assert refused(b"GET / HTTP/" + version) is UNSUPPORTED_VERSION
    assert refused(b"GET / HTTP/" + version + b"\r\nHost: a\r\n\r\n") is UNSUPPORTED_VERSION


@rows("target", [b"*", b"a", b"!", b"a:443", b"ftp://a/", b"http:/a", b"http:a", b"http://", b"\\a", b"?a"])
def test_a_target_in_another_form_is_refused(target: bytes) -> None:
    assert refused(b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % target) is MALFORMED_TARGET


def test_an_absolute_target_names_the_host_of_the_request() -> None:
    assert parsed(b"GET http://A:80/b HTTP/1.1\r\nHost: a:80\r\n\r\n").host == "a"
    assert parsed(b"GET https://a?b HTTP/1.0\r\n\r\n").host == "a"
    for authority in (b"b", b"a:80", b"a@b"):
        assert refused(b"GET http://%b/ HTTP/1.1\r\nHost: a\r\n\r\n" % authority).status == 400


@rows(
    "fields",
    [
        b"",
        b"Host:\r\n",
        b"Host: \r\n",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nHost:\r\n",
        b"Host: a, b\r\n",
        b"Host: a b\r\n",
        b"Host: a/b\r\n",
        b"Host: u@a\r\n",
        b"Host: a:\r\n",
        b"Host: a:b\r\n",
        b"Host: a:65536\r\n",
        b"Host: a%41\r\n",
        b"Host: \xffa\r\n",
        b"Host: [::1\r\n",
        b"Host: [fe80::1%25eth0]\r\n",
        b"Host: ::1\r\n",
        b"Host: 127.1\r\n",
        b"Host : a\r\n",
        b" Host: a\r\n",
    ],
)
def test_http_1_1_without_exactly_one_proper_host_is_refused(fields: bytes) -> None:
    assert refused(b"GET / HTTP/1.1\r\n%b\r\n" % fields) is MALFORMED_REQUEST


def test_http_1_0_may_name_no_host() -> None:
    assert parsed(b"GET / HTTP/1.0\r\n\r\n").host == ""
    assert refused(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") is MALFORMED_REQUEST


@rows(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding:\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"X: 1\r\n Transfer-Encoding: chunked\r\n",
        b"Connection: clo se\r\n",
    ],
)
def test_ambiguous_framing_is_refused(fields: bytes) -> None:
    assert refused(b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n" % fields) is MALFORMED_REQUEST


def test_http_1_0_has_no_transfer_encoding() -> None:
    assert refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") is MALFORMED_REQUEST


@rows(
    "data",
    [
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\rH",
        b"\x16",
        b"g",
        b"GET /\r",
        b"GET / X",
        b"GET / HTTP/1.1\r\n:",
        b"GET / HTTP/1.1\r\n ",
    ],
)
def test_what_cannot_become_a_request_is_refused_at_once(data: bytes) -> None:
    assert parse_request_head(data[:-1], MAX) is None
    assert refused(data) is MALFORMED_REQUEST


def test_every_beginning_of_a_request_is_awaited() -> None:
    data = b"\r\nPOST http://a/b?c HTTP/1.1\r\nHost: a\r\nX: \t y \r\nConnection: close\r\n\r\n"
    for end in range(len(data)):
        assert parse_request_head(data[:end], MAX) is None, data[:end]
    parsed(data)


def test_a_head_has_a_limit_in_bytes() -> None:
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"y" * 100)
    assert parse_request_head(data + b"body", len(data)) is not None
    assert parse_request_head(data[:-1], len(data) - 1) is None
    assert refused(data, len(data) - 1) is HEAD_TOO_LARGE
    assert refused(b"A" * 25, 20) is HEAD_TOO_LARGE


def test_a_target_has_a_limit_in_bytes() -> None:
    line = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(parsed(line % (b"a" * (MAX_TARGET - 1))).target) == MAX_TARGET
    assert refused(line % (b"a" * MAX_TARGET)) is TARGET_TOO_LONG
    assert refused(b"GET /" + b"a" * MAX_TARGET) is TARGET_TOO_LONG
    assert refused(line % (b"a" * 200), 100) is TARGET_TOO_LONG


def test_fields_have_a_limit_in_number() -> None:
    assert refused(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * MAX_FIELDS + b"\r\n") is HEAD_TOO_LARGE


def test_a_refusal_quotes_nothing_of_the_request() -> None:
    for data in (
        b"GET /s3cret\x00",
        b"GET / HTTP/1.1\r\nX-API-Key: s3cret\x00\r\n",
        b"GET / HTTP/1.1\r\nHost: s3cret@a\r\n\r\n",
    ):
        with pytest.raises(ProtocolError) as caught:
            parse_request_head(data, MAX)
        assert "s3cret" not in caught.value.detail


LINES = (
    b"GET / HTTP/1.1",
    b"POST /x HTTP/1.1",
    b"GET / HTTP/1.0",
    b"\r\nGET / HTTP/1.1",
    b"CONNECT / HTTP/1.1",
    b"GET http://a/ HTTP/1.1",
    b"GET http://b/ HTTP/1.1",
    b"get / HTTP/1.1",
    b"GET / HTTP/2.0",
    b"",
)
SECTIONS = (
    b"\r\nHost: a\r\n\r\n",
    b"\r\nHost: a\r\nConnection: close \r\n\r\n",
    b"\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"\r\n\r\n",
    b"\r\nHost: a",
    b"",
)


@given(
    st.sampled_from(LINES),
    st.sampled_from(SECTIONS),
    st.sampled_from(LINES),
    st.sampled_from(SECTIONS),
    st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"\x00"]),
    st.sampled_from([MAX, 40]),
)
def test_knowing_the_previous_head_changes_nothing(
    line: bytes, section: bytes, next_line: bytes, next_section: bytes, after: bytes, maximum: int
) -> None:
    def outcome(previous: RequestHead | None) -> RequestHead | Code | None:
        try:
            return parse_request_head(next_line + next_section + after, maximum, previous)
        except ProtocolError as error:
            return error.code

    try:
        previous = parse_request_head(line + section, MAX)
    except ProtocolError:
        previous = None
    assert outcome(previous) == outcome(None)


def test_repeated_fields_of_a_connection_are_parsed_once() -> None:
    first = parsed(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
    second = parsed(b"PUT /b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET", first)
    assert (second.method, second.target, second.content_length, second.length) == ("PUT", "/b?c", 2, 49)
    assert second.headers is first.headers


def test_a_host_that_stood_in_the_target_alone_is_not_the_next_requests() -> None:
    before = parsed(b"GET http://shop/ HTTP/1.0\r\n\r\n")
    assert before.host == "shop"
    assert parsed(b"GET / HTTP/1.0\r\n\r\n", before).host == ""
