"""The header of the PROXY protocol: what is read of it, and what is refused."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.proxy_header import MAX_BYTES, ProxyHeader, ProxyHeaderError, read_proxy_header

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
REST: Final = b"GET / HTTP/1.1\r\n"
V4: Final = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + bytes([0xDC, 0x04, 0x01, 0xBB])
V6: Final = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + bytes([0xDC, 0x04, 0x01, 0xBB])
)


def binary(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(addresses).to_bytes(2, "big") + addresses


GOOD: Final = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", ("192.0.2.7", 56324)),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", ("255.255.255.255", 65535)),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 0 443\r\n", ("192.0.2.7", 0)),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", ("2001:db8::7", 56324)),
    (b"PROXY TCP6 2001:DB8:0:0:0:0:0:7 2001:db8::1 56324 443\r\n", ("2001:db8::7", 56324)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f::1 ffff::2 65535 65535\r\n", None),
    (binary(0x21, 0x11, V4), ("192.0.2.7", 56324)),
    (binary(0x21, 0x21, V6), ("2001:db8::7", 56324)),
    (binary(0x21, 0x11, V4 + b"\x03\x00\x04abcd"), ("192.0.2.7", 56324)),
    (binary(0x21, 0x11, V4 + bytes(MAX_BYTES - 28)), ("192.0.2.7", 56324)),
    (binary(0x21, 0x00, b""), None),
    (binary(0x20, 0x00, b""), None),
    (binary(0x20, 0x11, V4), None),
]
BAD: Final = [
    (REST, "does not begin with"),
    (b"\x16\x03\x01\x02\x00", "does not begin with"),
    (b"PROXY\tTCP4", "does not begin with"),
    (b"proxy TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", "does not begin with"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n", "malformed"),
    (b"PROXY  TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 x\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 056324 443\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 443\r\n", "malformed"),
    (b"PROXY UDP4 192.0.2.7 192.0.2.1 56324 443\r\n", "malformed"),
    (b"PROXY UNKNOWN \x00\r\n", "malformed"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n", "not of the family"),
    (b"PROXY TCP4 2001:db8::7 2001:db8::1 56324 443\r\n", "not of the family"),
    (b"PROXY TCP6 192.0.2.7 192.0.2.1 56324 443\r\n", "not of the family"),
    (b"PROXY TCP4 192.0.2.7 2001:db8::1 56324 443\r\n", "not of the family"),
    (b"PROXY TCP4 192.0.2.07 192.0.2.1 56324 443\r\n", "is none"),
    (b"PROXY TCP4 192.0.2 192.0.2.1 56324 443\r\n", "is none"),
    (b"PROXY TCP6 2001:db8:::7 2001:db8::1 56324 443\r\n", "is none"),
    (b"PROXY TCP4 " + b"1" * 100, "longer than 107"),
    (binary(0x11, 0x11, V4), "version or command"),
    (binary(0x22, 0x11, V4), "version or command"),
    (binary(0x21, 0x12, V4), "not TCP"),
    (binary(0x21, 0x31, bytes(216)), "not TCP"),
    (binary(0x21, 0x11, V4[:-1]), "shorter than its addresses"),
    (binary(0x21, 0x21, V4), "shorter than its addresses"),
    (binary(0x21, 0x11, V4 + bytes(MAX_BYTES - 27)), "longer than 4096"),
]


@rows(("header", "client"), GOOD)
def test_a_header_says_who_the_client_is(header: bytes, client: tuple[str, int] | None) -> None:
    assert read_proxy_header(header + REST) == ProxyHeader(len(header), client)


@rows(("header", "client"), GOOD)
def test_a_header_that_has_not_wholly_come_is_waited_for(header: bytes, client: tuple[str, int] | None) -> None:
    for end in range(len(header)):
        assert read_proxy_header(header[:end]) is None, client


@rows(("data", "told"), BAD)
def test_what_is_no_header_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ProxyHeaderError, match=told):
        read_proxy_header(data)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=300))
def test_whatever_comes_is_a_header_or_none(start: bytes, data: bytes) -> None:
    with contextlib.suppress(ProxyHeaderError):
        header = read_proxy_header(start + data)
        if header is not None:
            assert 0 < header.length <= len(start + data)
            assert header.client is None or ipaddress.ip_address(header.client[0])
