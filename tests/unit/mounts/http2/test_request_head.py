from __future__ import annotations

import re

import pytest
from http2_faults import head
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2.request_head import read_request_head

MOST = 16 * 1024


def test_a_head_is_what_http_1_1_would_have_said():
    given = head(b"POST", b"/a?b=1", (b"accept", b"*/*"), (b"content-length", b"3"), authority=b"Shop.Example:8443")
    read = read_request_head(given, MOST)
    assert (read.method, read.target, read.scheme, read.host) == ("POST", "/a?b=1", "https", "shop.example")
    assert read.fields == [(b"host", b"Shop.Example:8443"), (b"accept", b"*/*"), (b"content-length", b"3")]
    assert read.headers == dict(read.fields)
    assert read.content_length == 3


def test_cookies_are_joined_as_cookies_and_other_fields_as_lists():
    crumbs = [(b"cookie", b"a=1"), (b"x-a", b"1"), (b"cookie", b"b=2"), (b"x-a", b"2")]
    read = read_request_head(head(b"GET", b"/", *crumbs), MOST)
    assert read.headers == {b"host": b"shop", b"x-a": b"1, 2", b"cookie": b"a=1; b=2"}
    assert [name for name, _ in read.fields] == [b"host", b"x-a", b"x-a", b"cookie"]


def test_the_host_is_named_once_whoever_names_it():
    by_field = read_request_head(head(b"GET", b"/", (b"host", b"shop"), authority=None), MOST)
    by_both = read_request_head(head(b"GET", b"/", (b"host", b"SHOP")), MOST)
    assert by_field.fields == by_both.fields == [(b"host", b"shop")]


@rows(
    ["authority", "given"],
    [(b"a.example", ()), (b"a.example", ((b"x-a", b"1"),)), (b"b.example", ((b"x-a", b"1"),)), (None, ())],
)
def test_a_head_is_read_the_same_with_and_without_the_one_before(
    authority: bytes | None, given: tuple[tuple[bytes, bytes], ...]
) -> None:
    before = read_request_head(head(b"GET", b"/", (b"x-a", b"1"), authority=b"a.example"), MOST)
    block = head(b"GET", b"/new", *given, authority=authority)
    outcomes = []
    for previous in (None, before):
        try:
            outcomes.append(read_request_head(block, MOST, previous))
        except ProtocolError as error:
            outcomes.append(error.detail)
    assert outcomes[0] == outcomes[1]


def test_the_size_counts_32_bytes_a_field():
    block = head(b"GET", b"/", (b"x-a", b"1"))
    size = sum(len(name) + len(value) + 32 for name, value in block)
    assert read_request_head(block, size).size == size
    with pytest.raises(ProtocolError, match="at most"):
        read_request_head(block, size - 1)


NASTY = st.binary(max_size=12) | st.sampled_from([b"a\r\nb", b"a\nb", b"\0", b" a", b"a ", b"chunked", b"close"])
LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+: (?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")


@given(st.lists(st.tuples(NASTY | st.sampled_from([b"host", b"content-length", b"te", b"cookie"]), NASTY), max_size=6))
def test_whatever_is_read_is_one_line_each_in_http_1_1(fields: list[tuple[bytes, bytes]]) -> None:
    try:
        read = read_request_head(head(b"GET", b"/", *fields), MOST)
    except ProtocolError:
        return
    for name, value in read.fields:
        assert LINE.fullmatch(name + b": " + value)
        assert name not in {b"connection", b"transfer-encoding", b"keep-alive", b"upgrade"}
    assert [name for name, _ in read.fields].count(b"host") == 1
    assert [name for name, _ in read.fields].count(b"content-length") <= 1


@given(method=NASTY | st.just(b"GET"), path=NASTY | st.just(b"/"), scheme=NASTY | st.just(b"https"), host=NASTY)
def test_no_pseudo_field_can_hold_more_than_its_part_of_a_request_line(
    method: bytes, path: bytes, scheme: bytes, host: bytes
) -> None:
    try:
        read = read_request_head(head(method, path, scheme=scheme, authority=host), MOST)
    except ProtocolError:
        return
    assert re.fullmatch(r"[A-Z]+ /[!-~]*", f"{read.method} {read.target}")
    assert read.scheme in {"http", "https"}
