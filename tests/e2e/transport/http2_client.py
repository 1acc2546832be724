"""A client of HTTP/2 that sends whatever a test wants, frame by frame; heads are coded by the library ``hpack``."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Self

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
GET = [(":method", "GET"), (":scheme", "https"), (":authority", "shop.example"), (":path", "/items")]
POST = [(":method", "POST"), *GET[1:]]

Frame = tuple[int, int, int, bytes]
Fields = list[tuple[str, str]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def word(value: int) -> bytes:
    return struct.pack(">I", value)


def setting(name: int, value: int) -> bytes:
    return struct.pack(">HI", name, value)


@dataclass
class Answer:
    """What came on one stream. ``reset``: the code of RST_STREAM."""

    informational: list[int] = field(default_factory=list)
    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Http2Client:
    """One connection. Windows are opened as bytes come, unless ``takes`` says otherwise."""

    def __init__(
        self, connection: socket.socket, settings: bytes = b"", *, takes: bool = True, begins: bool = True
    ) -> None:
        self.socket = connection
        self.takes = takes
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.answers: dict[int, Answer] = {}
        self.goaway: tuple[int, int, bytes] | None = None
        self.closed = False
        self.pongs: list[bytes] = []
        self.frames: list[Frame] = []
        self._buffer = b""
        self._next = 1
        if begins:
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Whatever bytes; that the gateway has closed the connection meanwhile is seen when reading."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            self.closed = True

    def headers(self, stream: int, fields: Fields, *, ended: bool = True) -> bytes:
        return frame(HEADERS, END_HEADERS | (END_STREAM if ended else 0), stream, self.encoder.encode(fields))

    def request(self, fields: Fields = GET, body: bytes | None = None) -> int:
        """Send a request; the number of its stream."""
        stream, self._next = self._next, self._next + 2
        data = self.headers(stream, fields, ended=body is None)
        if body is not None:
            for start in range(0, len(body) or 1, 16384):
                last = start + 16384 >= len(body)
                data += frame(DATA, END_STREAM if last else 0, stream, body[start : start + 16384])
        self.send(data)
        return stream

    def read(self) -> Frame | None:
        """The next frame; ``None`` at the end of the connection."""
        while len(self._buffer) < 9 or len(self._buffer) < 9 + int.from_bytes(self._buffer[:3], "big"):
            try:
                data = self.socket.recv(262144)
            except (ConnectionError, ssl.SSLEOFError):
                data = b""
            if not data:
                self.closed = True
                return None
            self._buffer += data
        length = int.from_bytes(self._buffer[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self._buffer[3:9])
        payload, self._buffer = self._buffer[9 : 9 + length], self._buffer[9 + length :]
        self._handle(kind, flags, stream, payload)
        self.frames.append((kind, flags, stream, payload))
        return kind, flags, stream, payload

    def _handle(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pongs.append(payload)
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            last, code = struct.unpack(">II", payload[:8])
            self.goaway = last, code, payload[8:]
        elif kind in (HEADERS, DATA, RST_STREAM):
            self._answer(self.answers.setdefault(stream, Answer()), kind, flags, stream, payload)

    def _answer(self, answer: Answer, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == RST_STREAM:
            answer.reset = int.from_bytes(payload, "big")
            return
        if kind == HEADERS:
            assert flags & END_HEADERS
            fields = dict(self.decoder.decode(payload))
            status = int(fields.get(":status", answer.status))  # trailers have none
            if status < 200:
                answer.informational.append(status)
                return
            answer.status, answer.fields = status, answer.fields | fields
        else:
            answer.body += payload
            if self.takes and payload:
                self.send(frame(WINDOW_UPDATE, 0, 0, word(len(payload))))
                if not flags & END_STREAM:
                    self.send(frame(WINDOW_UPDATE, 0, stream, word(len(payload))))
        answer.ended = answer.ended or bool(flags & END_STREAM)

    def wait(self, stream: int) -> Answer:
        """The answer on ``stream``, as soon as it is whole, reset, or the connection has ended."""
        while not self.answers.setdefault(stream, Answer()).over and self.read() is not None:
            pass
        return self.answers[stream]

    def ping(self, payload: bytes = b"12345678") -> None:
        """Wait until everything that was sent before was read."""
        self.send(frame(PING, 0, 0, payload))
        while payload not in self.pongs and self.read() is not None:
            pass

    def wait_for_end(self) -> tuple[int, int, bytes] | None:
        """Read until the connection ends; what GOAWAY said, if there was one."""
        while self.read() is not None:
            pass
        return self.goaway


def connect(
    address: tuple[str, int],
    context: ssl.SSLContext | None = None,
    settings: bytes = b"",
    *,
    takes: bool = True,
    begins: bool = True,
    receive_buffer: int | None = None,
) -> Http2Client:
    """A client on a new connection, by TLS (ALPN) with ``context``, else in clear; it ``begins`` with its preface."""
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(15)
    raw.connect(address)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return Http2Client(raw, settings, takes=takes, begins=begins)
    secure = context.wrap_socket(raw, server_hostname="shop.example")
    assert secure.selected_alpn_protocol() == "h2"
    return Http2Client(secure, settings, takes=takes, begins=begins)
