from __future__ import annotations

import socket

import pytest
from bench.programs.idle_client import PER_ADDRESS, call, source_of
from rows import rows


def test_no_address_has_more_connections_than_its_share() -> None:
    sources = [source_of(number) for number in range(9_000)]

    assert {sources.count(each) for each in set(sources)} == {PER_ADDRESS}
    assert "127.0.0.1" not in sources


@rows(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", None),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "503"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "closed"),
        (b"", "closed"),
    ],
)
def test_a_call_needs_a_whole_answer(answer: bytes, complaint: str | None) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        if complaint is None:
            call(ours, "/items", "shop.example")
        else:
            with pytest.raises((ValueError, OSError), match=complaint):
                call(ours, "/items", "shop.example")
        assert theirs.recv(1000) == b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n"
