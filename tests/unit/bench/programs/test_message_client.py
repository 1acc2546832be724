from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from bench.programs import message_client
from bench.programs.echo_service import Peer
from rows import rows


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Serves the next connections one by one with a function; gives the port."""
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(answer: Callable[[socket.socket], None], connections: int = 1) -> int:
        def run() -> None:
            accepted = [listener.accept()[0] for _ in range(connections)]
            for each in accepted:
                with each:
                    answer(each)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield serve
    for each in threads:
        each.join(5)
    listener.close()


def echo(connection: socket.socket) -> None:
    peer = Peer(connection)
    while peer.readable():
        pass


def shaking(then: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        Peer(connection).readable()
        connection.recv(4096)
        connection.sendall(then)

    return answer


def test_messages_come_back_and_the_time_is_told(
    served: Callable[[Callable[[socket.socket], None]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    message_client.main(served(echo), "shop.example", "/feed", 1, 5, "hello")
    said = json.loads(capsys.readouterr().out)
    assert said["close_code"] == 0
    assert 0 < said["seconds"] < 10


def test_a_session_that_is_closed_is_told_by_its_code(
    served: Callable[[Callable[[socket.socket], None]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    message_client.main(served(shaking(b"\x88\x02\x03\xf0")), "shop.example", "/feed", 1, 5, "hello")
    assert json.loads(capsys.readouterr().out)["close_code"] == 1008


@rows(("answer", "error"), [(shaking(b"\x81\x05jello"), ValueError), (shaking(b""), ConnectionError)])
def test_anything_else_is_an_error(
    served: Callable[[Callable[[socket.socket], None]], int],
    answer: Callable[[socket.socket], None],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        message_client.main(served(answer), "shop.example", "/feed", 1, 5, "hello")


def test_a_refused_handshake_is_an_error(served: Callable[[Callable[[socket.socket], None]], int]) -> None:
    port = served(lambda connection: connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n"))
    with pytest.raises(ValueError, match="answered by"):
        message_client.opened(port, "shop.example", "/feed")


def test_a_message_that_is_too_long_for_it_is_an_error() -> None:
    with pytest.raises(ValueError, match="65,535"):
        message_client.frame(bytes(70_000), masked=True)
