"""A client that comes back: ``resuming_client.py PORT PATH HOST CONNECTIONS``.

Opens one TLS connection after the other, each with the session of the one before, makes a call on it and closes it.
Prints as JSON how many sessions were resumed, how long all took, and how much CPU time it used itself.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time

ANSWER_SECONDS = 10.0


def call(
    context: ssl.SSLContext, port: int, path: str, host: str, session: ssl.SSLSession | None
) -> tuple[bool, ssl.SSLSession | None]:
    """Connect, call, close: whether the session was resumed, and the one to go on with.

    Raises:
        OSError: it could not connect, the connection broke, or the answer took too long.
        ValueError: it is no 200.

    """
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_hostname=host, session=session) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while piece := connection.recv(65_536):
                received += piece
            if not received.startswith(b"HTTP/1.1 200"):
                raise ValueError(f"answered by {received[:40]!r}")
            return bool(connection.session_reused), connection.session


def main(port: int, path: str, host: str, connections: int) -> None:
    """Connect so often, and print; see the text of the module."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    session: ssl.SSLSession | None = None
    resumed = 0
    begun = time.perf_counter()
    for _ in range(connections):
        reused, session = call(context, port, path, host, session)
        resumed += reused
    seconds = time.perf_counter() - begun
    print(json.dumps({"resumed": resumed, "seconds": seconds, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
