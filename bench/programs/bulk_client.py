"""A client of big bodies: ``bulk_client.py PORT HOST PATH send|fetch MEBIBYTES TIMES``.

Sends or fetches that much, several times over one connection, and prints as JSON how long it took and how much CPU time
it used itself.
"""

from __future__ import annotations

import json
import socket
import sys
import time

PIECE = 1 << 20
ANSWER_SECONDS = 60.0


def send(connection: socket.socket, host: str, path: str, mebibytes: int) -> None:
    """Send a body and wait for the answer, which must be a 204.

    Raises:
        OSError: the connection broke, or the answer took too long.
        ValueError: it is another answer.

    """
    content = memoryview(bytes(PIECE))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\n"
    connection.sendall(f"{head}Content-Length: {mebibytes * PIECE}\r\n\r\n".encode())
    for _ in range(mebibytes):
        connection.sendall(content)
    status, _, _ = read_head(connection)
    if status != 204:
        raise ValueError(f"answered by {status}, expected 204")


def fetch(connection: socket.socket, host: str, path: str, mebibytes: int) -> None:
    """Fetch a body, which must come with 200 and be as long as expected; raises as :func:`send`."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    status, length, begun = read_head(connection)
    if (status, length) != (200, mebibytes * PIECE):
        raise ValueError(f"answered by {status} with {length} bytes, expected 200 with {mebibytes} MiB")
    scratch = memoryview(bytearray(PIECE))
    missing = length - len(begun)
    while missing:
        count = connection.recv_into(scratch, min(missing, PIECE))
        if not count:
            raise ConnectionError(f"the connection was closed, {missing} bytes were missing")
        missing -= count


def read_head(connection: socket.socket) -> tuple[int, int, bytes]:
    """Read the head of an answer: its status, its Content-Length (-1 without one), and what came of its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(PIECE)):
            raise ConnectionError("the connection was closed")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").lower().split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in fields if line.startswith("content-length:")]
    return int(status.split(" ")[1]), lengths[0] if lengths else -1, body


def main(port: int, host: str, path: str, direction: str, mebibytes: int, times: int) -> None:
    """Transfer, and print; see the text of the module."""
    transfer = {"send": send, "fetch": fetch}[direction]
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        begun = time.perf_counter()
        for _ in range(times):
            transfer(connection, host, path, mebibytes)
        seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
