"""A client of WebSockets: ``message_client.py PORT HOST PATH SESSIONS MESSAGES TEXT``.

Opens so many sessions, sends the text over and over in each and waits for it to come back before the next, until
so many have come back in all. Prints as JSON how long that took, how much CPU time the client itself used, and the
code with which a session was closed by the other side: 0 if none was, and then all messages came back.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import sys
import time

PIECE = 1 << 16
ANSWER_SECONDS = 10.0
_KEY = "AAECAwQFBgcICQoLDA0ODw=="


def frame(text: bytes, *, masked: bool) -> bytes:
    """``text`` as one frame; masked by zeros, with which it stands there as it is."""
    bit = 0x80 if masked else 0
    size = len(text)
    if size > 0xFFFF:
        raise ValueError("a message of this client has at most 65,535 bytes")
    head = bytes([0x81, bit | size]) if size < 126 else bytes([0x81, bit | 126]) + size.to_bytes(2, "big")
    return head + (bytes(4) if masked else b"") + text


def opened(port: int, host: str, path: str) -> socket.socket:
    """A session.

    Raises:
        OSError: it could not connect, or the connection broke.
        ValueError: the answer is no 101.

    """
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        _shake_hands(connection, host, path)
    except Exception:
        connection.close()
        raise
    return connection


def _shake_hands(connection: socket.socket, host: str, path: str) -> None:
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n".encode()
    )
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(PIECE)):
            raise ConnectionError("the connection was closed")
        received += piece
    if not received.startswith(b"HTTP/1.1 101 ") or not received.endswith(b"\r\n\r\n"):
        raise ValueError(f"answered by {received[:80]!r}")


def exchange(sessions: list[socket.socket], text: str, messages: int) -> int:
    """Send and wait in all ``sessions``: the code of a close frame that came instead of a message, or 0.

    Raises:
        OSError: a connection broke, or nothing came for too long.
        ValueError: something else came back than was sent.

    """
    sent, expected = frame(text.encode(), masked=True), frame(text.encode(), masked=False)
    missing = messages
    with selectors.EpollSelector() as selector:
        for session in sessions:
            selector.register(session, selectors.EVENT_READ, [session, b""])
            session.sendall(sent)
        while missing > 0:
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                raise TimeoutError("no message came back")
            for key, _ in ready:
                session, begun = key.data
                data = session.recv(PIECE)
                if not data:
                    raise ConnectionError("a session was closed")
                data = begun + data
                if data == expected:
                    missing -= 1
                    key.data[1] = b""
                    session.sendall(sent)
                elif data[0] == 0x88 and len(data) >= 4:
                    return int.from_bytes(data[2:4], "big")
                elif not expected.startswith(data) and data[0] != 0x88:
                    raise ValueError(f"came back as {data[:80]!r}")
                else:
                    key.data[1] = data
    return 0


def main(port: int, host: str, path: str, sessions: int, messages: int, text: str) -> None:
    """Exchange, and print; see the text of the module."""
    with contextlib.ExitStack() as stack:
        opened_sessions = [stack.enter_context(opened(port, host, path)) for _ in range(sessions)]
        begun = time.perf_counter()
        code = exchange(opened_sessions, text, messages)
        seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time(), "close_code": code}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
