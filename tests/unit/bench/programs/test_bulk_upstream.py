from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from bench.programs.bulk_upstream import PIECE, Exchange, Server, length_of


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """A connection to a server of bodies of one MiB."""
    with Server(("127.0.0.1", 0), Exchange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with socket.create_connection(server.server_address[:2], timeout=10) as made:
            yield made
        server.shutdown()
        thread.join()


def receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = connection.recv(PIECE)
        assert piece
        received += piece
    return received


@pytest.mark.slow
def test_a_body_is_taken_whole_before_it_is_answered_and_the_connection_is_kept(connection: socket.socket) -> None:
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    head = b"POST /films HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"

    connection.sendall(head + b"ab")
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(10)
    connection.sendall(b"cd" + head + b"efgh")

    assert receive(connection, 2 * len(answer)) == 2 * answer


def test_a_film_has_its_size(connection: socket.socket) -> None:
    connection.sendall(b"GET /films HTTP/1.1\r\nHost: a\r\n\r\n")

    head, _, begun = receive(connection, 200).partition(b"\r\n\r\n")

    assert b"Content-Length: 1048576" in head
    assert receive(connection, PIECE - len(begun)).strip(b"\0") == b""


def test_the_length_of_a_body_is_read_whatever_the_case_and_chunks_are_refused() -> None:
    assert length_of(b"GET / HTTP/1.1\r\nHost: a") == 0
    assert length_of(b"POST / HTTP/1.1\r\nCONTENT-length:  12") == 12
    with pytest.raises(ValueError, match="chunks"):
        length_of(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked")
