"""A playbook whose service speaks HTTP/2; the client speaks HTTP/1.1."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import hpack
from http2_faults import DATA, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame
from http2_play import frames_in

from portcullis.testing import Playbook


@dataclass
class Asked:
    """What a service was sent on one stream. ``reset``: the code of RST_STREAM."""

    head: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None


class Http2ServicePlay(Playbook):
    """``requests``: what the newest connection to the service was sent, by stream."""

    _seen: object = None

    def says_hello(self, settings: bytes = b"") -> None:
        """The service sends its settings."""
        self.service_sends(frame(SETTINGS, 0, 0, settings))

    def asked(self, stream: int = 1) -> Asked:
        """What the service was asked on ``stream`` so far."""
        self.gateway.outbox.flush()
        connection, transport = self.service
        if connection is not self._seen:
            self._seen = connection
            self.service_decoder = hpack.Decoder()
            self.requests: dict[int, Asked] = {}
            self.service_goaways: list[int] = []
            self.service_credit: dict[int, int] = {}
        data = transport.take()
        for kind, flags, number, payload in frames_in(data.removeprefix(PREFACE)):
            asked = self.requests.setdefault(number, Asked())
            if kind == HEADERS:
                asked.head = dict(self.service_decoder.decode(payload))
            elif kind == DATA:
                asked.body += payload
            elif kind == RST_STREAM:
                asked.reset = int.from_bytes(payload, "big")
            elif kind == GOAWAY:
                self.service_goaways.append(struct.unpack(">I", payload[4:8])[0])
            elif kind == WINDOW_UPDATE:
                self.service_credit[number] = self.service_credit.get(number, 0) + int.from_bytes(payload, "big")
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                asked.ended = True
        return self.requests.setdefault(stream, Asked())
