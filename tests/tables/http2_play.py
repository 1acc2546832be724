"""A playbook whose client speaks HTTP/2."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import hpack
import msgspec
from http2_faults import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)

from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.gateway import Listener
from portcullis.testing import FakeTransport, Playbook
from portcullis.testing.playbook import LISTENER

SECURE = msgspec.structs.replace(LISTENER, scheme="https")


def frames_in(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each frame."""
    while data:
        size = int.from_bytes(data[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", data[3:9])
        yield kind, flags, stream, data[9 : 9 + size]
        data = data[9 + size :]


@dataclass
class Told:
    """What a client was told on one stream. ``reset``: the code of RST_STREAM."""

    heads: list[dict[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.heads[-1][":status"])


class Http2Play(Playbook):
    """``hello``: what the client begins with."""

    def __init__(
        self, snapshot: Snapshot, listener: Listener = SECURE, hello: bytes = PREFACE + frame(SETTINGS, 0, 0)
    ) -> None:
        self.hello = hello
        super().__init__(snapshot, listener)

    def connect(self) -> None:
        self.client_transport = FakeTransport()
        self.decoder = hpack.Decoder()
        self.streams: dict[int, Told] = {}
        self.goaways: list[tuple[int, int]] = []
        self.pings: list[bytes] = []
        self.credit: dict[int, int] = {}
        connection = Http2Connection(self.gateway, self.listener)
        self.client = connection  # type: ignore[assignment]
        connection.connection_made(self.client_transport)
        if self.hello:
            self.client_sends(self.hello)

    def look(self, stream: int = 1) -> Told:
        """Read what was sent; what of it was for ``stream``."""
        self.gateway.outbox.flush()
        for kind, flags, number, payload in frames_in(self.client_transport.take()):
            told = self.streams.setdefault(number, Told())
            if kind == HEADERS:
                told.heads.append(dict(self.decoder.decode(payload)))
            elif kind == DATA:
                told.body += payload
            elif kind == RST_STREAM:
                told.reset = int.from_bytes(payload, "big")
            elif kind == GOAWAY:
                last, code = struct.unpack(">II", payload[:8])
                self.goaways.append((last, code))
            elif kind == PING and not flags & ACK:
                self.pings.append(payload)
            elif kind == WINDOW_UPDATE:
                self.credit[number] = self.credit.get(number, 0) + int.from_bytes(payload, "big")
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                told.ended = True
        return self.streams.setdefault(stream, Told())
