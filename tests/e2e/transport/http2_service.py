"""A service that speaks HTTP/2 frame by frame, and does what a test wants; heads are coded by the library ``hpack``."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import hpack
from http2_client import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    word,
)


class Request:
    """What came on one stream. ``ended``: all of it has come; ``reset``: the code of RST_STREAM."""

    def __init__(self, service: Connection, stream: int, head: dict[str, str]) -> None:
        self.service = service
        self.stream = stream
        self.head = head
        self.body = b""
        self.ended = False
        self.reset: int | None = None

    def answer(self, body: bytes = b"", status: str = "200", *fields: tuple[str, str]) -> None:
        """A whole answer, as fast as the gateway takes it."""
        self.service.headers(self.stream, [(":status", status), *fields], ended=not body)
        for start in range(0, len(body), 16384):
            last = start + 16384 >= len(body)
            if not self.service.send_data(self, body[start : start + 16384], ended=last):
                return


class Connection(threading.Thread):
    """One connection of the gateway's: ``asked`` is told of each request as soon as its end has come."""

    def __init__(self, connection: socket.socket, service: Http2Service) -> None:
        super().__init__(daemon=True)
        self.socket = connection
        self.owner = service
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.requests: dict[int, Request] = {}
        self.goaway: int | None = None
        self.windows = {0: 65535}
        self.first_window = 65535
        self.opened = threading.Condition()
        self.sending = threading.Lock()
        self.ended = False
        service.connections.append(self)  # before it answers: whoever has an answer may drop it
        self.start()

    def send(self, data: bytes) -> None:
        with self.sending, suppress(OSError):
            self.socket.sendall(data)

    def headers(self, stream: int, fields: list[tuple[str, str]], *, ended: bool) -> None:
        with self.sending, suppress(OSError):  # blocks must go out in the order in which they were coded
            block = self.encoder.encode(fields)
            self.socket.sendall(frame(HEADERS, END_HEADERS | (END_STREAM if ended else 0), stream, block))

    def send_data(self, request: Request, data: bytes, *, ended: bool) -> bool:
        """Send a piece as soon as there is room; whether anybody still wants it."""
        stream, count = request.stream, len(data)
        with self.opened:
            self.windows.setdefault(stream, self.first_window)
            self.opened.wait_for(lambda: self.gone(request) or min(self.windows[0], self.windows[stream]) >= count, 60)
            if self.gone(request):
                return False
            self.windows[0] -= count
            self.windows[stream] -= count
        self.send(frame(DATA, END_STREAM if ended else 0, stream, data))
        return True

    def gone(self, request: Request) -> bool:
        return self.ended or request.reset is not None

    def run(self) -> None:
        try:
            reader = self.socket.makefile("rb")
            if reader.read(len(PREFACE)) != PREFACE:
                return
            self.send(frame(SETTINGS, 0, 0, self.owner.settings))
            while len(head := reader.read(9)) == 9:
                length = int.from_bytes(head[:3], "big")
                self._handle(head[3], head[4], int.from_bytes(head[5:], "big"), reader.read(length))
        except OSError:
            pass
        finally:
            self.socket.close()
            with self.opened:
                self.ended = True
                self.opened.notify_all()

    def _handle(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            if payload:
                values = {
                    payload[at + 1]: int.from_bytes(payload[at + 2 : at + 6], "big") for at in range(0, len(payload), 6)
                }
                self.first_window = values.get(4, 65535)
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == WINDOW_UPDATE:
            with self.opened:
                self.windows[stream] = self.windows.get(stream, self.first_window) + int.from_bytes(payload, "big")
                self.opened.notify_all()
        elif kind == RST_STREAM and stream in self.requests:
            with self.opened:
                self.requests[stream].reset = int.from_bytes(payload, "big")
                self.opened.notify_all()
        elif kind in (HEADERS, DATA):
            self._receive(kind, flags, stream, payload)

    def _receive(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self.requests[stream] = Request(self, stream, dict(self.decoder.decode(payload)))
            self.owner.began(self.requests[stream])
        request = self.requests[stream]
        if kind == DATA:
            request.body += payload
            if payload and self.owner.takes:
                self.send(frame(WINDOW_UPDATE, 0, 0, word(len(payload))))
                self.send(frame(WINDOW_UPDATE, 0, stream, word(len(payload))))
        if flags & END_STREAM:
            request.ended = True
            self.owner.seen.append(request)
            threading.Thread(target=self.owner.behave, args=(request,), daemon=True).start()


class Http2Service:
    """Listens until the block ends; in clear, or by TLS with ``context``.

    ``behave``: what it does with a request that is whole; ``began``: with one whose head has come; ``takes``: whether
    it opens its windows; ``seen``: the whole requests; ``connections``: all there were.
    """

    def __init__(self, context: ssl.SSLContext | None = None, settings: bytes = b"") -> None:
        self.settings = settings
        self.context = context
        self.takes = True
        self.seen: list[Request] = []
        self.connections: list[Connection] = []
        self.behave: Callable[[Request], None] = lambda request: request.answer(request.body or b"[]")
        self.began: Callable[[Request], None] = lambda request: None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop()

    def drop(self) -> None:
        """Break all connections off."""
        for connection in self.connections:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._socket.accept()
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            try:
                connection = raw if self.context is None else self.context.wrap_socket(raw, server_side=True)
            except OSError:
                raw.close()
                continue
            Connection(connection, self)
