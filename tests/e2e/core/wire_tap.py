"""A service that reads what it is sent with parsers that are not ours, and answers as a table says.

A gateway that reads a request in one way and writes it so that another reader finds two is what smuggling needs. So
this service keeps every byte of every connection and reads it with llhttp (that of Node.js); :func:`messages_by_h11`
reads the same bytes once more with h11. Both must find the messages that a test expects, and nothing else.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import h11
import httptools
from upstream import PATIENCE, wake


@dataclass(frozen=True)
class Message:
    """One request as a service reads it; fields with lower-case names."""

    method: str
    target: str
    body: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = field(default=(), compare=False)

    def field(self, name: bytes) -> bytes | None:
        found = [value for each, value in self.fields if each == name]
        return b", ".join(found) if found else None


@dataclass
class WireTap:
    """Answers a target as ``answers`` says (pieces of bytes, sent one by one), else with what it was asked.

    ``messages``: what was read, for tests to take; ``count``: how many there were in all; ``streams``: what came in, by
    connection; ``ended``: targets whose connection is over; ``unreadable``: what llhttp said to bytes it can not read.
    """

    answers: dict[str, Sequence[bytes]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    streams: list[bytearray] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    count: int = 0
    ended: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def stop(self) -> None:
        for each in (self._server, *self._sockets):
            wake(each)
        for thread in self._threads:
            thread.join(PATIENCE)
        for each in (self._server, *self._sockets):
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(connection)
                self.streams.append(stream := bytearray())
                serving = threading.Thread(target=self._serve, args=(connection, stream), daemon=True)
                self._threads.append(serving)
                serving.start()

    def _serve(self, connection: socket.socket, stream: bytearray) -> None:
        reader = _Reader()
        with contextlib.suppress(OSError), connection:
            self._converse(connection, stream, reader)
        self.ended |= {message.target for message in reader.whole}

    def _converse(self, connection: socket.socket, stream: bytearray, reader: _Reader) -> None:
        answered = 0
        while data := connection.recv(65536):
            stream += data
            try:
                reader.parser.feed_data(data)
            except httptools.HttpParserError as error:
                self.unreadable.append(f"{error}: {bytes(stream)!r}")
                return
            for message in reader.whole[answered:]:
                answered += 1
                self.messages.append(message)
                self.count += 1
                if not self._answer(connection, message):
                    return

    def _answer(self, connection: socket.socket, message: Message) -> bool:
        """Send the answer; whether the connection stays open."""
        if message.target in self.answers:
            for piece in self.answers[message.target]:
                connection.sendall(piece)
                time.sleep(0.01)  # so that each arrives by itself
            return self.answers[message.target][-1:] != [b""]  # which stands for closing
        body = f"{message.method} {message.target}".encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + (b"" if message.method == "HEAD" else body))
        return True


class _Reader:
    """The callbacks of llhttp, for one connection."""

    def __init__(self) -> None:
        self.whole: list[Message] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self._target, self._body = b"", b""
        self._fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        self.whole.append(Message(method, self._target.decode("latin-1"), self._body, tuple(self._fields)))


def messages_by_h11(stream: bytes) -> list[Message]:
    """The whole requests in ``stream`` as h11 reads them. Raises ``h11.RemoteProtocolError``."""
    found: list[Message] = []
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(stream)
    body = b""
    while True:
        event = reader.next_event()
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            found.append(Message(request.method.decode(), request.target.decode("latin-1"), body))
            reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            reader.send(h11.EndOfMessage())
            reader.start_next_cycle()
        else:
            return found
