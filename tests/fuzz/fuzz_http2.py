"""Frames of an HTTP/2 client, through everything that a request goes through, to a service that speaks HTTP/1.1.

Whatever they are: nothing raises; the service can read what it is sent, and each of its messages is a request that
another reader of the frames (with the library ``hpack``) finds, with its method, its body and its fields; what the
client is sent keeps to the states of its streams and to its windows, and each whole answer is as long as it says.

The preface is not part of the input: the frames that come after it are.
"""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import hpack
import msgspec
from world import ANSWER, ORDER, Message, World, loop, require

from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.testing import FakeTransport, Playbook
from portcullis.testing.playbook import LISTENER

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20

Frame = tuple[int, int, int, bytes]

SAMPLES = [
    (WINDOW_UPDATE, 0, 0, b"\0\0\xff\xff"),
    (SETTINGS, 0, 0, b"\0\x04\0\0\0\x0a"),
    (DATA, 0, 1, b"x"),
    (RST_STREAM, 0, 1, b"\0\0\0\x08"),
    (PING, 0, 0, bytes(8)),
]
OWN = {
    b"x-request-id",
    b"traceparent",
    b"via",
    b"forwarded",
    b"host",
    b"content-length",
    b"transfer-encoding",
    b"cookie",
}


class Http2Play(Playbook):
    """A playbook whose client speaks HTTP/2."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot, msgspec.structs.replace(LISTENER, scheme="https"))

    def connect(self) -> None:
        self.client_transport = FakeTransport()
        self.client = Http2Connection(self.gateway, self.listener)  # type: ignore[assignment]
        self.client.connection_made(self.client_transport)


class Asked:
    """A request as another reader finds it."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""


def check(data: bytes) -> None:
    """Raise if anything of that does not hold for the frames in ``data``."""
    loop().run_until_complete(_converse(data))


def mutate(data: bytes, chance: Random) -> bytes | None:
    """Other frames made of those in ``data``; ``None`` if there are none."""
    found = list(frames(data))
    if not found:
        return None
    at = chance.randrange(len(found))
    kind, flags, stream, payload = found[at]
    change = chance.randrange(8)
    if change == 0:
        found.insert(chance.randrange(len(found) + 1), found[at])
    elif change == 1:
        del found[at]
    elif change == 2:
        found[at] = kind, flags ^ 1 << chance.randrange(8), stream, payload
    elif change == 3:
        found[at] = kind, flags, chance.choice([0, 1, 2, 3, 5, 7, stream + 2]), payload
    elif change == 4:
        found[at] = chance.randrange(11), flags, stream, payload
    elif change == 5:
        cut = chance.randrange(len(payload) + 1)
        rest = (CONTINUATION, END_HEADERS, stream, payload[cut:])
        found[at : at + 1] = [(kind, flags & ~END_HEADERS, stream, payload[:cut]), rest]
    elif change == 6 and payload:
        changed = bytearray(payload)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        found[at] = kind, flags, stream, bytes(changed)
    else:
        found.insert(at, chance.choice(SAMPLES))
    return b"".join(written(*each) for each in found)


def written(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame on the wire."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def frames(data: bytes) -> list[Frame]:
    """The whole frames in ``data``."""
    found = []
    while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
        size = int.from_bytes(data[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", data[3:9])
        found.append((kind, flags, stream & 0x7FFFFFFF, data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def _respond(message: Message) -> bytes:
    if message.method == "HEAD":
        return b"HTTP/1.1 204 No Content\r\n\r\n"
    return ANSWER % (len(ORDER), ORDER)


async def _converse(data: bytes) -> None:
    world = World(_respond, Http2Play)
    await world.send(PREFACE + data)
    await world.end()
    asked = _read(data)
    for message in world.messages:
        require(any(_is_same(each, message) for each in asked), "a message that nobody sent", message.__dict__)
    _check_sent(world.transport.sent, data)


def _without_padding(kind: int, flags: int, payload: bytes) -> bytes:
    if flags & PADDED and payload:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if kind == HEADERS and flags & WITH_PRIORITY else payload


def _read(data: bytes) -> list[Asked]:
    """All requests in the frames, by a reader that refuses nothing that it can read."""
    decoder, requests, block = hpack.Decoder(1 << 20), dict[int, Asked](), b""
    for kind, flags, stream, payload in frames(data):
        if kind == DATA and stream in requests:
            requests[stream].body += _without_padding(kind, flags, payload)
        elif kind in (HEADERS, CONTINUATION):
            part = _without_padding(kind, flags, payload) if kind == HEADERS else payload
            block = part if kind == HEADERS else block + part
            if flags & END_HEADERS:
                try:
                    fields = [(name, value) for name, value in decoder.decode(block, raw=True)]
                except hpack.HPACKError:
                    break
                if stream not in requests:
                    requests[stream] = Asked()
                    requests[stream].fields = fields
    return list(requests.values())


def _is_same(asked: Asked, message: Message) -> bool:
    given: dict[bytes, Any] = dict(asked.fields)
    if given.get(b":method", b"").decode("latin-1") != message.method:
        return False
    if b"content-encoding" not in given and not asked.body.startswith(message.body):
        return False
    for name, values in message.fields.items():
        if name not in OWN and not name.startswith(b"x-forwarded-"):
            expected = [value for given_name, value in asked.fields if given_name == name]
            if values != expected:
                return False
    return True


def _check_sent(data: bytes, given: bytes) -> None:
    """What the client was sent is what it may be sent."""
    decoder, heads, lengths = hpack.Decoder(), dict[int, dict[bytes, bytes]](), dict[int, int]()
    over: set[int] = set()
    opened = {0: 65535}
    for kind, _, stream, payload in frames(given):
        if kind == WINDOW_UPDATE and len(payload) == 4:
            opened[stream] = opened.get(stream, 0) + (int.from_bytes(payload, "big") & 0x7FFFFFFF)
    sent = 0
    for kind, flags, stream, payload in frames(data):
        if kind == HEADERS:
            require(stream not in over, "a head after the end", stream)
            fields = dict(decoder.decode(payload, raw=True))
            if fields[b":status"] == b"100":
                continue
            require(stream not in heads, "two heads", fields)
            heads[stream], lengths[stream] = fields, 0
        elif kind == DATA:
            require(stream in heads and stream not in over, "DATA where there must be none", stream)
            lengths[stream] += len(payload)
            sent += len(payload)
        elif kind == RST_STREAM:
            over.add(stream)
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            over.add(stream)
            if b"content-length" in heads[stream] and lengths[stream]:
                require(lengths[stream] == int(heads[stream][b"content-length"]), "another length", heads[stream])
    require(sent <= opened[0], "more than the window", sent, opened)
