from __future__ import annotations

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.client_hello import MAX_HELLO, ClientHello, ClientHelloError, ClientHelloReader


def hello(name: str | None = "Shop.example", protocols: tuple[str, ...] = ("acme-tls/1", "http/1.1")) -> bytes:
    """What OpenSSL says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(heard, said, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return said.read()


HELLO = hello()
WANTED = ClientHello("shop.example", (b"acme-tls/1", b"http/1.1"))


def test_name_and_protocols_are_read() -> None:
    assert ClientHelloReader().feed(HELLO) == WANTED
    assert ClientHelloReader().feed(HELLO + b"more") == WANTED
    assert ClientHelloReader().feed(hello(None, ())) == ClientHello()


def test_nothing_is_known_before_all_of_it_is_there() -> None:
    for length in range(len(HELLO)):
        assert ClientHelloReader().feed(HELLO[:length]) is None


def test_it_may_come_byte_by_byte_but_not_for_ever() -> None:
    reader = ClientHelloReader()
    assert [reader.feed(HELLO[at : at + 1]) for at in range(len(HELLO) - 1)] == [None] * (len(HELLO) - 1)
    assert reader.feed(HELLO[-1:]) == WANTED
    endless = ClientHelloReader()
    endless.feed(b"\x16\x03\x01\x00\x01\x01")
    for _ in range(MAX_HELLO // 6 - 1):
        assert endless.feed(b"\x16\x03\x01\x00\x01\xff") is None
    with pytest.raises(ClientHelloError, match="too long"):
        endless.feed(HELLO)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_it_may_come_in_many_records(size: int) -> None:
    message = HELLO[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    data = b"".join(HELLO[:3] + len(piece).to_bytes(2) + piece for piece in pieces)
    assert ClientHelloReader().feed(data) == WANTED


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        HELLO[:43] + b"\xff" + HELLO[44:],
        b"\x16\x03\x01\xff\xff" + b"\x01\xff\xff\xff" + bytes(MAX_HELLO),
    ],
)
def test_what_is_none_is_told(data: bytes) -> None:
    with pytest.raises(ClientHelloError):
        ClientHelloReader().feed(data)


@given(st.integers(5, len(HELLO) - 1), st.binary(min_size=1, max_size=4))
def test_whatever_comes_it_is_read_or_told(at: int, put: bytes) -> None:
    with contextlib.suppress(ClientHelloError):
        ClientHelloReader().feed(HELLO[:at] + put + HELLO[at + len(put) :])
