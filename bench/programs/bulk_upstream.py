"""A server of big bodies, as cheap as Python allows: ``bulk_upstream.py PORT MEBIBYTES``.

``GET`` gives a body of that size; ``POST`` takes any, and answers 204 when all of it is there. Connections are kept.
"""

from __future__ import annotations

import socketserver
import sys
from typing import ClassVar

PIECE = 1 << 20


class Exchange(socketserver.BaseRequestHandler):
    """One connection, call by call."""

    mebibytes: ClassVar[int] = 1

    def handle(self) -> None:
        """Answer until the other side is gone."""
        scratch = memoryview(bytearray(PIECE))
        content = memoryview(bytes(PIECE))
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                if not (piece := self.request.recv(PIECE)):
                    return
                received += piece
            head, _, body = received.partition(b"\r\n\r\n")
            missing = length_of(head) - len(body)
            while missing > 0:
                count = self.request.recv_into(scratch, min(missing, PIECE))
                if not count:
                    return
                missing -= count
            received = body[length_of(head) :]
            if head.startswith(b"GET "):
                length = self.mebibytes * PIECE
                self.request.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % length
                )
                for _ in range(self.mebibytes):
                    self.request.sendall(content)
            else:
                self.request.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def length_of(head: bytes) -> int:
    """The Content-Length of a message, 0 without one; ValueError for a body in chunks, which nobody here sends."""
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
        if name == b"transfer-encoding":
            raise ValueError("a body in chunks")
    return 0


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Exchange.mebibytes = int(sys.argv[2])
    with Server(("127.0.0.1", int(sys.argv[1])), Exchange) as server:
        server.serve_forever()
