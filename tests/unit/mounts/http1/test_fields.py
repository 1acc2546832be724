from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.codes import HEAD_TOO_LARGE, MALFORMED_REQUEST, UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import (
    MAX_FIELDS,
    Fields,
    by_name,
    check_transfer_encoding,
    connection_options,
    content_length,
    parse_fields,
)


def fields_of(data: bytes) -> Fields:
    section = parse_fields(data, 0, len(data), MALFORMED_REQUEST)
    assert section is not None
    assert section[1] == len(data)
    return section[0]


def refusal_of(data: bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        parse_fields(data, 0, len(data), MALFORMED_REQUEST)
    assert caught.value.code is MALFORMED_REQUEST
    return caught.value.detail


@rows(
    ("data", "fields"),
    [
        (b"\r\n", []),
        (b"A: b\r\n\r\n", [(b"a", b"b")]),
        (b"A:b\r\n\r\n", [(b"a", b"b")]),
        (b"A:\r\nB: \r\nC: \t \r\n\r\n", [(b"a", b""), (b"b", b""), (b"c", b"")]),
        (b"A: \t b \t\r\n\r\n", [(b"a", b"b")]),
        (b"A: b\t c  d \r\nE: f\r\n\r\n", [(b"a", b"b\t c  d"), (b"e", b"f")]),
        (b"A: b: c:d\r\n\r\n", [(b"a", b"b: c:d")]),
        (b"!#$%&'*+-.^_`|~09AZaz: x\r\n\r\n", [(b"!#$%&'*+-.^_`|~09azaz", b"x")]),
        (b"A: \x80\x85\xa0\xff\r\n\r\n", [(b"a", b"\x80\x85\xa0\xff")]),
        (b"B: 1\r\nA: 2\r\nB: 3\r\n\r\n", [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]),
    ],
)
def test_a_section_is_read_in_order_with_blanks_removed(data: bytes, fields: Fields) -> None:
    assert fields_of(data) == fields


@rows("control", [bytes([octet]) for octet in (*range(9), 11, 12, *range(14, 32), 127)])
def test_control_characters_are_refused_everywhere(control: bytes) -> None:
    for data in (b"A: b%bc\r\n\r\n", b"A: %b\r\n\r\n", b"A: b%b\r\n\r\n", b"A%b: b\r\n\r\n", b"%b\r\n\r\n"):
        refusal_of(data % control)


@rows("octet", b'()<>@,;\\"/[]?={} \t\x80\xff\xa0')
def test_what_is_no_token_character_is_refused_in_a_name(octet: int) -> None:
    refusal_of(b"A%c: b\r\n\r\n" % octet)
    refusal_of(b"%cA: b\r\n\r\n" % octet)


@rows(
    ("data", "detail"),
    [
        (b"A: b\n\r\n", "A line ends in a bare LF."),
        (b"A: b\n", "A line ends in a bare LF."),
        (b"A: b\r\n\n", "A line ends in a bare LF."),
        (b"\n", "A line ends in a bare LF."),
        (b"A: b\rc\r\n\r\n", "A CR is not followed by LF."),
        (b"A: b\r\r\n\r\n", "A CR is not followed by LF."),
        (b"A: b\r\n\rX", "A CR is not followed by LF."),
        (b"A: b\x00c\r\n\r\n", "The value of a header field holds a control character."),
        (b"A: b\r\n c\r\n\r\n", "A header field is folded, or begins with a blank."),
        (b"\tA: b\r\n\r\n", "A header field is folded, or begins with a blank."),
        (b": b\r\n\r\n", "A header field has no proper name."),
        (b"A : b\r\n\r\n", "A header field has a blank before its colon."),
        (b"A b\r\n\r\n", "A header field has a blank before its colon."),
        (b"A\r\n\r\n", "The name of a header field is not a token."),
        (b"A\x00: b\r\n\r\n", "The name of a header field is not a token."),
    ],
)
def test_a_refusal_says_what_is_wrong(data: bytes, detail: str) -> None:
    assert refusal_of(data) == detail


def test_a_section_whose_end_is_to_come_is_awaited() -> None:
    data = b"Host: a\r\nPadded: b \t\r\nEmpty:\r\n\r\n"
    for end in range(len(data)):
        assert parse_fields(data[:end], 0, end, MALFORMED_REQUEST) is None, data[:end]
    assert parse_fields(data + b"\x00", 0, len(data) - 1, MALFORMED_REQUEST) is None


def test_many_fields_are_read_and_one_more_is_too_many() -> None:
    line = b"a:b\r\n"
    assert len(fields_of(line * MAX_FIELDS + b"\r\n")) == MAX_FIELDS
    for more in (b"a", line, line + b"\r\n"):
        with pytest.raises(ProtocolError) as caught:
            parse_fields(line * MAX_FIELDS + more, 0, 10_000, MALFORMED_REQUEST)
        assert caught.value.code is HEAD_TOO_LARGE
    with pytest.raises(ProtocolError) as caught:
        parse_fields(line * (MAX_FIELDS + 1), 0, 10_000, UPSTREAM_BAD_RESPONSE)
    assert caught.value.code is UPSTREAM_BAD_RESPONSE


def test_repeated_fields_are_joined_in_order() -> None:
    assert by_name([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], MALFORMED_REQUEST) == {b"a": b"1, 3", b"b": b"2"}


@rows("name", [b"host", b"content-length", b"transfer-encoding"])
def test_what_decides_about_host_and_framing_is_never_repeated(name: bytes) -> None:
    with pytest.raises(ProtocolError, match="more than once"):
        by_name([(name, b"5"), (b"a", b""), (name, b"5")], MALFORMED_REQUEST)


@rows(
    ("value", "options"),
    [
        (b"close", [b"close"]),
        (b"Keep-Alive", [b"keep-alive"]),
        (b"KEEP-ALIVE", [b"keep-alive"]),
        (b"keep-alive, Upgrade", [b"keep-alive", b"upgrade"]),
        (b" ,a,, B\t,", [b"a", b"b"]),
        (b"", []),
    ],
)
def test_connection_options_are_read_as_a_list(value: bytes, options: list[bytes]) -> None:
    assert list(connection_options(value, MALFORMED_REQUEST)) == options


@rows("value", [b"clo se", b"close;q=1", b'"close"', b"close\x80", b"a, \xa0close", b"," * 1000])
def test_connection_options_are_tokens(value: bytes) -> None:
    with pytest.raises(ProtocolError):
        connection_options(value, MALFORMED_REQUEST)


@rows(("value", "length"), [(b"0", 0), (b"010", 10), (b"9" * 18, 10**18 - 1)])
def test_a_content_length_is_decimal(value: bytes, length: int) -> None:
    assert content_length(value, MALFORMED_REQUEST) == length


@rows(
    "value",
    [
        b"",
        b"+1",
        b"-1",
        b"1_0",
        b"0x10",
        b"1 0",
        b"5, 5",
        b"5,5",
        b"1.0",
        b"1e1",
        b"1" * 19,
        "٣".encode(),
        b"\xb2",
        b"5\n",
    ],
)
def test_any_other_content_length_is_refused(value: bytes) -> None:
    with pytest.raises(ProtocolError):
        content_length(value, MALFORMED_REQUEST)


def test_a_transfer_encoding_is_chunked_alone() -> None:
    check_transfer_encoding({b"transfer-encoding": b"chunked"}, 1, MALFORMED_REQUEST)
    check_transfer_encoding({b"transfer-encoding": b"Chunked"}, 1, MALFORMED_REQUEST)
    for value in (
        b"",
        b"identity",
        b"gzip, chunked",
        b"chunked, chunked",
        b",chunked",
        b"chunked,",
        b"xchunked",
        b"\x0bchunked",
    ):
        with pytest.raises(ProtocolError, match="only transfer-encoding"):
            check_transfer_encoding({b"transfer-encoding": value}, 1, MALFORMED_REQUEST)
    with pytest.raises(ProtocolError, match="both"):
        check_transfer_encoding({b"transfer-encoding": b"chunked", b"content-length": b"0"}, 1, MALFORMED_REQUEST)
    with pytest.raises(ProtocolError, match="no transfer-encoding"):
        check_transfer_encoding({b"transfer-encoding": b"chunked"}, 0, MALFORMED_REQUEST)
