"""A WebSocket service that sends every message back, as cheap as Python allows: ``echo_service.py PORT``.

It is no judge of anything: it takes any handshake for one, and frames that are masked by four zeros as its own client
sends them, whose payload then stands in them as it is. Any other kind of frame ends the connection.
"""

from __future__ import annotations

import base64
import hashlib
import re
import selectors
import socket
import sys
from functools import lru_cache

PIECE = 1 << 16
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"(?i)\r\nsec-websocket-key: *([^\r]*)\r\n")


def answer_to(head: bytes) -> bytes:
    """The answer to a handshake (RFC 6455 4.2.2); ValueError if there is no key in it."""
    found = _KEY.search(head)
    if found is None:
        raise ValueError("no handshake of a WebSocket")
    accept = base64.b64encode(hashlib.sha1(found[1] + GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


@lru_cache(maxsize=1024)
def echoed(data: bytes) -> tuple[bytes, int]:
    """What goes back for the whole frames at the beginning of ``data``, and how many bytes these have.

    Raises ValueError for frames that the client of this folder does not send.
    """
    parts, at = [], 0
    while len(data) >= at + 6:
        length, start = data[at + 1] & 0x7F, at + 6
        if length == 126:
            if len(data) < at + 8:
                break
            length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 8
        if data[at] != 0x81 or length == 127 or data[start - 4 : start] != bytes(4):
            raise ValueError("not a frame of the client")
        end = start + length
        if end > len(data):
            break
        parts.append(b"\x81" + bytes([data[at + 1] & 0x7F]) + data[at + 2 : start - 4] + data[start:end])
        at = end
    return b"".join(parts), at


class Peer:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._received = b""
        self._open = False

    def readable(self) -> bool:
        """Answer what has come; whether the connection goes on."""
        try:
            data = self.connection.recv(PIECE)
            if not data:
                return False
            received = self._received + data
            if not self._open:
                head, end, received = received.partition(b"\r\n\r\n")
                if not end:
                    self._received = head
                    return len(head) < PIECE
                self.connection.sendall(answer_to(head + end))
                self._open = True
            answer, taken = echoed(received)
            self._received = received[taken:]
            if answer:
                self.connection.sendall(answer)
        except (OSError, ValueError):
            return False
        return True


def main(port: int) -> None:
    """Serve until the process is ended."""
    with selectors.EpollSelector() as selector, socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ, Peer(connection))
                elif not key.data.readable():
                    selector.unregister(key.data.connection)
                    key.data.connection.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
