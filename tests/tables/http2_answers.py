"""What a service may do wrong on its HTTP/2 connection, and what must come of it, by sections of RFC 9113.

Each row is sent after an empty SETTINGS frame, in answer to ``GET`` on stream 1. Outcomes:

- ``GOAWAY``: the connection ends, with one of the codes;
- ``malformed``: the stream is reset with PROTOCOL_ERROR, and the connection lives;
- ``RST_STREAM``: the stream is reset with one of the codes;
- ``lost``: the service ended the stream; ``unserved``: it said that it never looked at the request;
- ``served``: nothing is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from http2_faults import (
    ACK,
    CALM,
    CANCEL,
    CLOSED,
    COMPRESSION,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW,
    GOAWAY,
    HEADERS,
    INTERNAL,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL,
    PUSH_PROMISE,
    REFUSED,
    RST_STREAM,
    SETTINGS,
    SIZE,
    WINDOW_UPDATE,
    Fields,
    block,
    frame,
    headers,
    setting,
    word,
)


def answer(*fields: tuple[bytes, bytes], status: bytes = b"200", ended: bool = True, stream: int = 1) -> bytes:
    return headers([(b":status", status), *fields], ended=ended, stream=stream)


def body(data: bytes, *, ended: bool = True, stream: int = 1) -> bytes:
    return frame(DATA, END_STREAM if ended else 0, stream, data)


def trailers(*fields: tuple[bytes, bytes], ended: bool = True) -> bytes:
    return headers(list(fields), ended=ended)


BEGUN = answer(ended=False)


@dataclass(frozen=True)
class Mistake:
    section: str
    what: str
    sent: bytes
    outcome: str
    codes: tuple[int, ...] = (PROTOCOL,)

    def __str__(self) -> str:
        return f"{self.section} {self.what}"


def malformed(section: str, what: str, *sent: bytes) -> Mistake:
    return Mistake(section, what, b"".join(sent), "malformed")


def fatal(section: str, what: str, *sent: bytes, codes: tuple[int, ...] = (PROTOCOL,)) -> Mistake:
    return Mistake(section, what, b"".join(sent), "GOAWAY", codes)


def served(section: str, what: str, *sent: bytes) -> Mistake:
    return Mistake(section, what, b"".join(sent), "served")


def raw_head(fields: Fields) -> bytes:
    return headers(fields)


MISTAKES = [
    served("8.1", "a head that ends the stream", answer()),
    served("8.1", "a body", BEGUN, body(b"ok")),
    served("8.1", "a body whose end is an empty frame", BEGUN, body(b"ok", ended=False), body(b"")),
    served("8.1", "interim answers", answer(status=b"103", ended=False), answer(status=b"100", ended=False), answer()),
    served("8.1", "trailers", BEGUN, body(b"ok", ended=False), trailers((b"grpc-status", b"0"))),
    served("8.1.1", "a body as long as it says", answer((b"content-length", b"2"), ended=False), body(b"ok")),
    served("8.1.1", "304 that says how long the body is", answer((b"content-length", b"9"), status=b"304")),
    served("6.1", "padding", BEGUN, frame(DATA, PADDED | END_STREAM, 1, b"\x03ok\0\0\0")),
    served("6.7", "a ping", frame(PING, 0, 0, b"12345678"), answer()),
    served("6.3", "a priority", frame(PRIORITY, 0, 1, word(0) + b"\x10"), answer()),
    served("5.5", "a frame that is unknown", frame(0xFA, 0, 1, b"x"), answer()),
    served(
        "6.10",
        "a head in pieces",
        frame(HEADERS, END_STREAM, 1, block([(b":status", b"200")])[:1])
        + frame(CONTINUATION, END_HEADERS, 1, block([(b":status", b"200")])[1:]),
    ),
    malformed("8.1", "an interim answer that ends the stream", answer(status=b"103")),
    malformed("8.6", "101", answer(status=b"101", ended=False)),
    malformed("8.3.2", "no :status", raw_head([(b"x-a", b"1")])),
    malformed("8.3.2", "two of them", raw_head([(b":status", b"200"), (b":status", b"200")])),
    malformed("8.3.2", "a :status that is none", answer(status=b"2000")),
    malformed("8.3.2", ":status after another field", raw_head([(b"x-a", b"1"), (b":status", b"200")])),
    malformed("8.3", "a pseudo-field of requests", answer((b":path", b"/"))),
    malformed("8.2.1", "a name that is not lower-case", answer((b"X-A", b"1"))),
    malformed("8.2.1", "a line end in a value", answer((b"x-a", b"1\r\nset-cookie: a=b"))),
    malformed("8.2.1", "a NUL in a value", answer((b"x-a", b"1\0"))),
    malformed("8.2.1", "a blank at the end of a value", answer((b"x-a", b"1 "))),
    malformed("8.2.1", "an empty name", answer((b"", b"1"))),
    malformed(
        "8.2.2", "transfer-encoding", answer((b"transfer-encoding", b"chunked"), ended=False), body(b"0\r\n\r\n")
    ),
    malformed("8.2.2", "connection", answer((b"connection", b"close"))),
    malformed("8.1.1", "a body that is too short", answer((b"content-length", b"3"), ended=False), body(b"ok")),
    malformed("8.1.1", "a body that is too long", answer((b"content-length", b"1"), ended=False), body(b"ok")),
    malformed("8.1.1", "no body where one is announced", answer((b"content-length", b"3"))),
    malformed("8.1.1", "a body after 204", answer(status=b"204", ended=False), body(b"ok")),
    malformed("8.1.1", "two lengths", answer((b"content-length", b"2"), (b"content-length", b"2"), ended=False)),
    malformed("8.1.1", "a length that is none", answer((b"content-length", b"+2"), ended=False)),
    malformed("8.1", "a body before a head", body(b"ok", ended=False)),
    malformed("8.1", "trailers that do not end the answer", BEGUN, trailers((b"x-a", b"1"), ended=False)),
    malformed("8.1", "a pseudo-field among trailers", BEGUN, trailers((b":status", b"200"))),
    malformed("8.1", "trailers that frame the message", BEGUN, trailers((b"content-length", b"0"))),
    malformed(
        "8.1.1",
        "trailers after a body that is too short",
        answer((b"content-length", b"3"), ended=False),
        body(b"ok", ended=False),
        trailers((b"x-a", b"1")),
    ),
    malformed("10.5.1", "a head that is too large", answer(*[(b"x-a", b"x" * 900)] * 19)),
    fatal(
        "10.5.1",
        "a head that is much too large",
        frame(HEADERS, END_STREAM, 1, b"\0" * 16384) + frame(CONTINUATION, 0, 1, b"\0" * 16384) * 20,
        codes=(CALM,),
    ),
    fatal("6.2", "a head on a stream that was not opened", answer(stream=3)),
    fatal("5.1.1", "a head on a stream of its own", answer(stream=2)),
    fatal("6.6", "a promise", frame(PUSH_PROMISE, END_HEADERS, 1, word(2) + block([(b":status", b"200")]))),
    fatal("5.1", "a head after the end", answer(), answer(), codes=(CLOSED,)),
    fatal("5.1", "a body after the end", answer(), body(b"x"), codes=(CLOSED,)),
    fatal("5.1", "a body on a stream that was not opened", body(b"x", stream=3)),
    fatal("4.2", "a frame that is too large", frame(DATA, 0, 1, b"x" * 16385), codes=(SIZE,)),
    fatal("4.3", "a block that can't be decoded", frame(HEADERS, END_HEADERS, 1, b"\x80"), codes=(COMPRESSION,)),
    fatal("6.2", "a block that is interrupted", frame(HEADERS, 0, 1, block([(b":status", b"200")])), body(b"x")),
    fatal("6.5.2", "a server that wants to be pushed to", frame(SETTINGS, 0, 0, setting(2, 1))),
    fatal("6.5", "settings of no size", frame(SETTINGS, 0, 0, b"12345"), codes=(SIZE,)),
    fatal("6.9", "a window opened by nothing", frame(WINDOW_UPDATE, 0, 0, word(0))),
    fatal("6.9.1", "a window that is too large", frame(WINDOW_UPDATE, 0, 0, word(2**31 - 1)), codes=(FLOW,)),
    fatal("6.9", "a window of a stream that was not opened", frame(WINDOW_UPDATE, 0, 3, word(1))),
    fatal("6.4", "a reset of a stream that was not opened", frame(RST_STREAM, 0, 3, word(CANCEL))),
    fatal("10.5", "pings without end", frame(PING, 0, 0, b"12345678") * 65_000, codes=(CALM,)),
    fatal("10.5", "empty pieces without end", BEGUN + body(b"", ended=False) * 65_000, codes=(CALM,)),
    fatal("10.5", "interim answers without end", answer(status=b"103", ended=False) * 65_000, codes=(CALM,)),
    Mistake(
        "6.9.1",
        "more of a body than the window takes",
        BEGUN + body(b"x" * 16384, ended=False) * 9,
        "RST_STREAM",
        (FLOW,),
    ),
    Mistake("6.4", "a reset", frame(RST_STREAM, 0, 1, word(INTERNAL)), "lost"),
    Mistake("8.7", "a reset that says that it was not looked at", frame(RST_STREAM, 0, 1, word(REFUSED)), "unserved"),
    Mistake("6.8", "a GOAWAY that leaves it out", frame(GOAWAY, 0, 0, word(0) + word(0)), "unserved"),
    served("6.8", "a GOAWAY that names it", frame(GOAWAY, 0, 0, word(1) + word(0)), answer()),
    served("6.5.3", "settings that are acknowledged", frame(SETTINGS, ACK, 0), answer()),
]
