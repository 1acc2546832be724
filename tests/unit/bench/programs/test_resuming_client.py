from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.certificates import make_certificate
from bench.programs.resuming_client import main


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server that answers one call a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path))
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                raw, _ = server.accept()
            except OSError:
                return
            with raw, context.wrap_socket(raw, server_side=True) as connection:
                status = b"200 OK" if b"/items" in connection.recv(65_536) else b"404 Not Found"
                connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)


def test_all_sessions_but_the_first_are_resumed(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    main(port, "/items", "shop.example", 3)
    assert json.loads(capsys.readouterr().out)["resumed"] == 2


def test_another_answer_is_an_error(port: int) -> None:
    with pytest.raises(ValueError, match="404"):
        main(port, "/else", "shop.example", 1)
