from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from bench.programs import bulk_client
from bench.programs.bulk_upstream import Exchange, Server
from rows import rows


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server of bodies of one MiB listens."""
    with Server(("127.0.0.1", 0), Exchange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("direction", ["send", "fetch"])
def test_bodies_go_over_one_connection_and_the_time_is_told(
    port: int, direction: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk_client.main(port, "shop.example", "/films", direction, 1, 3)

    said = json.loads(capsys.readouterr().out)
    assert 0 < said["seconds"] < 10
    assert said["cpu_seconds"] > 0


@rows(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "answered by 413"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort", "with 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\nshort", "1048571 bytes were missing"),
        (b"HTTP/1.1 200", "closed"),
    ],
)
def test_a_film_that_does_not_come_whole_is_an_error(answer: bytes, complaint: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((ValueError, OSError), match=complaint):
            bulk_client.fetch(ours, "shop.example", "/films", 1)


def test_a_film_that_is_refused_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")
        with pytest.raises(ValueError, match="answered by 413, expected 204"):
            bulk_client.send(ours, "shop.example", "/films", 0)
