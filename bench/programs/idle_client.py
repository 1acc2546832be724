"""A client that opens connections, makes one call on each, and then leaves them alone.

``idle_client.py PORT PATH HOST CONNECTIONS SECONDS plain|tls``: says ``open`` when all are open and have been answered,
and ``alive`` for each line on its standard input, if a sample of them can still be used. Ends with its input, or after
``SECONDS`` in any case. The connections come from several addresses of the loopback network, since servers and kernels
limit what one may have.
"""

from __future__ import annotations

import resource
import signal
import socket
import ssl
import sys

PER_ADDRESS = 900
SAMPLE = 100
"""One in so many is used again."""
ANSWER_SECONDS = 10.0


def source_of(number: int) -> str:
    """The address that the connection of this number comes from."""
    return f"127.0.0.{2 + number // PER_ADDRESS}"


def call(connection: socket.socket, path: str, host: str) -> None:
    """Make a call and read its answer whole.

    Raises:
        OSError: the connection broke, or the answer took too long.
        ValueError: it is no 200 with a Content-Length.

    """
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    if status.split(" ")[1] != "200":
        raise ValueError(f"answered by {status}")
    lengths = [line.partition(":")[2] for line in fields if line.lower().startswith("content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else -1
    if missing < 0:
        raise ValueError("the answer has no length")
    while missing:
        missing -= len(_some(connection))


def _some(connection: socket.socket) -> bytes:
    if not (piece := connection.recv(65_536)):
        raise ConnectionError("the connection was closed")
    return piece


def main(port: int, path: str, host: str, connections: int, seconds: int, *, secure: bool) -> None:
    """Open, call, wait; see the text of the module."""
    signal.alarm(seconds)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if secure else None
    if context is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opened: list[socket.socket] = []
    for number in range(connections):
        connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS, (source_of(number), 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connection = context.wrap_socket(connection, server_hostname=host)
        opened.append(connection)
        call(connection, path, host)
    print("open", flush=True)
    for _line in sys.stdin:
        for connection in opened[::SAMPLE]:
            call(connection, path, host)
        print("alive", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), secure=sys.argv[6] == "tls")
