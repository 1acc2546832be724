"""A service behind the gateway whose behaviour a test decides, on a real socket and without an HTTP library."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Respond = Callable[["Exchange"], None]
PATIENCE = 5.0
"""Seconds that the threads of a service may take to notice its end."""


@dataclass
class Exchange:
    """One request as it came in over the wire, and the socket to answer on."""

    socket: socket.socket
    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def path(self) -> str:
        return self.line.split(" ")[1].partition("?")[0]

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]

    def field(self, name: str) -> str | None:
        values = [value for found, value in self.fields if found == name]
        return ", ".join(values) if values else None

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, body: bytes = b'{"ok": true}', status: str = "200 OK", extra: str = "") -> None:
        fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}"
        self.send(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass
class Upstream:
    """Answers each path as ``behaviours`` says, and everything else with a small JSON document."""

    behaviours: dict[str, Respond] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)
    connections: int = 0
    closed_by_gateway: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._stopping = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def stop(self) -> None:
        """End all connections.

        A descriptor is closed once no thread waits on it any more: its number is soon somebody else's.
        """
        self._stopping = True
        wake(self._server)
        self._accepting.join(PATIENCE)
        self._server.close()
        for each in self._sockets:
            wake(each)
        deadline = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(connection)
            serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(serving)
            serving.start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = connection.recv(65536)
                    if not data:
                        self.closed_by_gateway.set()
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                exchange = Exchange(connection, head, b"")
                exchange.body, buffer = _read_body(connection, exchange, buffer)
                self.seen.append(exchange)
                self.behaviours.get(exchange.path, Exchange.answer)(exchange)
        except OSError:
            self.closed_by_gateway.set()


def wake(sock: socket.socket) -> None:
    """Let whoever waits on ``sock`` go on, with an error or the end of the stream."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _read_body(connection: socket.socket, exchange: Exchange, buffer: bytes) -> tuple[bytes, bytes]:
    length = exchange.field("content-length")
    if length is not None:
        received = bytearray(buffer)
        while len(received) < int(length):
            received += _receive(connection)
        return bytes(received[: int(length)]), bytes(received[int(length) :])
    if exchange.field("transfer-encoding") == "chunked":
        body = b""
        while True:
            while b"\r\n" not in buffer:
                buffer += _receive(connection)
            line, _, buffer = buffer.partition(b"\r\n")
            size = int(line, 16)
            while len(buffer) < size + 2:
                buffer += _receive(connection)
            body += buffer[:size]
            buffer = buffer[size + 2 :]
            if size == 0:
                return body, buffer
    return b"", buffer


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 20)
    if not data:
        raise OSError("closed by the gateway")
    return data


def hang(exchange: Exchange) -> None:
    """Never answer; return when the gateway closes the connection."""
    exchange.socket.settimeout(60)
    if not exchange.socket.recv(1):
        raise OSError("closed by the gateway")


def slowly(pieces: list[bytes], pause: float) -> Respond:
    """Answer with ``pieces``, chunked, with pauses of ``pause`` seconds between them."""

    def respond(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            time.sleep(pause)
        exchange.send(b"0\r\n\r\n")

    return respond
