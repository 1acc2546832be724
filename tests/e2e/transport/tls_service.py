"""A service that speaks TLS, and says who called it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portcullis.testing.certificates import Issued

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n[]"


@contextmanager
def service(context: ssl.SSLContext) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A service that answers one call a connection: its URL, and for each call who called and by which version."""
    server = socket.create_server(("127.0.0.1", 0))
    calls: list[dict[str, Any]] = []

    def serve() -> None:
        while True:
            try:
                raw, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(raw,), daemon=True).start()

    def answer(raw: socket.socket) -> None:
        raw.settimeout(5)
        try:
            with context.wrap_socket(raw, server_side=True) as connection:
                while connection.recv(65536)[-4:] != b"\r\n\r\n":
                    pass
                calls.append({"certificate": connection.getpeercert(), "version": connection.version()})
                connection.sendall(ANSWER)
        except OSError:
            raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.getsockname()[1]}", calls
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def context_of(folder: Path, issued: Issued) -> ssl.SSLContext:
    issued.write(folder / "service.pem", folder / "service.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "service.pem", folder / "service.key")
    return context
