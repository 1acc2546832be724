"""What a client of HTTP/2 may do wrong, and what must come of it: by sections of RFC 9113, 7541 and 9110.

Each row is sent after the preface and an empty SETTINGS frame, but for those that are ``raw``. Outcomes:

- ``GOAWAY``: the connection ends, with one of the codes;
- ``RST_STREAM``: the stream ends, with one of the codes, and the connection lives;
- a status: the request is answered so, and its stream reset with PROTOCOL_ERROR if it was malformed;
- ``served``: nothing is wrong with it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CONNECT, CALM = range(1, 12)

Fields = list[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def word(value: int) -> bytes:
    return struct.pack(">I", value)


def setting(name: int, value: int) -> bytes:
    return struct.pack(">HI", name, value)


def block(fields: Fields) -> bytes:
    """A header block that leaves the tables as they are."""
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*each) for each in fields])


def head(
    method: bytes | None = b"GET",
    path: bytes | None = b"/a",
    *others: tuple[bytes, bytes],
    scheme: bytes | None = b"https",
    authority: bytes | None = b"shop",
) -> Fields:
    pseudo = ((b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path))
    return [(name, value) for name, value in pseudo if value is not None] + list(others)


def headers(fields: Fields | bytes, *, ended: bool = True, stream: int = 1, flags: int = END_HEADERS) -> bytes:
    given = fields if isinstance(fields, bytes) else block(fields)
    return frame(HEADERS, flags | (END_STREAM if ended else 0), stream, given)


def with_field(name: bytes, value: bytes = b"x") -> bytes:
    return headers(head(b"GET", b"/a", (name, value)))


def post(*others: tuple[bytes, bytes]) -> bytes:
    return headers(head(b"POST", b"/a", (b"content-type", b"application/json"), *others), ended=False)


GET = headers(head())
POST = post()
GONE = POST + frame(RST_STREAM, 0, 1, word(CANCEL))
ANCESTRY = END_HEADERS | WITH_PRIORITY
BODY = frame(DATA, END_STREAM, 1, b"{}")


@dataclass(frozen=True)
class Fault:
    section: str
    what: str
    sent: bytes
    outcome: str | int
    codes: tuple[int, ...] = (PROTOCOL,)
    raw: bool = False

    def __str__(self) -> str:
        return f"{self.section}: {self.what}"

    @property
    def wire(self) -> bytes:
        return self.sent if self.raw else PREFACE + frame(SETTINGS, 0, 0) + self.sent


def _connection(section: str, what: str, sent: bytes, *codes: int, raw: bool = False) -> Fault:
    return Fault(section, what, sent, "GOAWAY", codes or (PROTOCOL,), raw)


def _stream(section: str, what: str, sent: bytes, *codes: int) -> Fault:
    return Fault(section, what, sent, "RST_STREAM", codes or (PROTOCOL,))


def _answered(section: str, what: str, sent: bytes, status: int = 400) -> Fault:
    return Fault(section, what, sent, status)


def _served(section: str, what: str, sent: bytes) -> Fault:
    return Fault(section, what, sent, "served")


PREFACES = [
    _connection("3.4", "another preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(SETTINGS, 0, 0), raw=True),
    _connection("3.4", "a request of HTTP/1.1", b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n", raw=True),
    _connection("3.4", "no SETTINGS after the preface", PREFACE + frame(PING, 0, 0, bytes(8)), raw=True),
    _connection("3.4", "only acknowledged SETTINGS after it", PREFACE + frame(SETTINGS, ACK, 0), raw=True),
    _connection("3.4", "a request before SETTINGS", PREFACE + GET, raw=True),
]

FRAMES = [
    _connection("4.2", "a frame above SETTINGS_MAX_FRAME_SIZE", POST + frame(DATA, 0, 1, bytes(16385)), SIZE),
    _connection("4.2", "a head above SETTINGS_MAX_FRAME_SIZE", frame(HEADERS, END_HEADERS, 1, bytes(16385)), SIZE),
    _served("4.1", "a reserved bit", GET.replace(word(1), word(1 | 1 << 31), 1)),
    _served("4.1", "flags that mean nothing", frame(HEADERS, END_HEADERS | END_STREAM | 0xD2, 1, block(head()))),
    _served("5.5", "frames of unknown types", frame(0x16, 0xFF, 0, b"x" * 50) + frame(0xFF, 0, 7, b"") + GET),
    _connection("5.5", "one of an unknown type within a head", headers(head(), flags=0) + frame(0x16, 0, 1)),
]

STREAMS = [
    _connection("5.1", "DATA on an idle stream", frame(DATA, END_STREAM, 1, b"x")),
    _connection("5.1", "RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, word(CANCEL))),
    _connection("5.1", "WINDOW_UPDATE on an idle stream", frame(WINDOW_UPDATE, 0, 1, word(1))),
    _connection("5.1", "CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, block(head()))),
    _served("5.1", "PRIORITY on an idle stream", frame(PRIORITY, 0, 3, word(0) + b"\x10") + GET),
    _connection("5.1", "DATA after RST_STREAM", GONE + frame(DATA, 0, 1), CLOSED),
    _connection("5.1", "HEADERS after RST_STREAM", GONE + GET, CLOSED),
    _stream("5.1", "DATA after END_STREAM", GET + frame(DATA, END_STREAM, 1, b"x"), CLOSED),
    _stream("5.1", "HEADERS after END_STREAM", GET + GET, CLOSED),
    _served("5.1", "WINDOW_UPDATE after END_STREAM", GET + frame(WINDOW_UPDATE, 0, 1, word(1))),
    _connection("5.1.1", "a stream with an even number", headers(head(), stream=2)),
    _connection("5.1.1", "a number below the last", headers(head(), stream=5) + headers(head(), stream=3), CLOSED),
    _connection("5.3", "PRIORITY on itself", frame(PRIORITY, 0, 1, word(1) + b"\x10") + GET),
    _connection(
        "5.3", "HEADERS on itself", headers(word(1) + b"\x10" + block(head()), flags=END_HEADERS | WITH_PRIORITY)
    ),
    _served(
        "5.3", "HEADERS with a priority", headers(word(0) + b"\x10" + block(head()), flags=END_HEADERS | WITH_PRIORITY)
    ),
]

SHAPES = [
    _connection("6.1", "DATA on no stream", frame(DATA, 0, 0, b"x")),
    _connection("6.1", "padding longer than the frame", POST + frame(DATA, PADDED | END_STREAM, 1, b"\x06abcde")),
    _connection("6.1", "padding without its length", POST + frame(DATA, PADDED | END_STREAM, 1), SIZE),
    _connection("6.2", "HEADERS on no stream", frame(HEADERS, END_HEADERS | END_STREAM, 0, block(head()))),
    _connection("6.2", "HEADERS with too much padding", headers(b"\xff" + block(head()), flags=END_HEADERS | PADDED)),
    _connection("6.2", "HEADERS too short for a priority", headers(b"\0\0", flags=END_HEADERS | WITH_PRIORITY), SIZE),
    _served("6.2", "HEADERS with padding", headers(b"\x03" + block(head()) + bytes(3), flags=END_HEADERS | PADDED)),
    _connection("6.2", "a head, interrupted by another", headers(head(), flags=0) + headers(head(), stream=3)),
    _connection("6.2", "a head, interrupted by PING", headers(head(), flags=0) + frame(PING, 0, 0, bytes(8))),
    _connection("6.3", "PRIORITY on no stream", frame(PRIORITY, 0, 0, bytes(5))),
    _stream("6.3", "PRIORITY of another size", POST + frame(PRIORITY, 0, 1, bytes(4)), SIZE),
    _connection("6.3", "PRIORITY of another size on an idle stream", frame(PRIORITY, 0, 1, bytes(6)), SIZE),
    _connection("6.4", "RST_STREAM on no stream", frame(RST_STREAM, 0, 0, word(CANCEL))),
    _connection("6.4", "RST_STREAM of another size", POST + frame(RST_STREAM, 0, 1, bytes(3)), SIZE),
    _connection("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1)),
    _connection("6.5", "SETTINGS acknowledged with content", frame(SETTINGS, ACK, 0, setting(1, 4096)), SIZE),
    _connection("6.5", "SETTINGS of a broken size", frame(SETTINGS, 0, 0, bytes(3)), SIZE),
    _connection("6.5", "more settings than there can be", frame(SETTINGS, 0, 0, setting(99, 1) * 65), CALM),
    _connection("6.5.2", "ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, setting(2, 2))),
    _connection("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", frame(SETTINGS, 0, 0, setting(4, 2**31)), FLOW),
    _connection("6.5.2", "MAX_FRAME_SIZE below 2^14", frame(SETTINGS, 0, 0, setting(5, 16383))),
    _connection("6.5.2", "MAX_FRAME_SIZE above 2^24-1", frame(SETTINGS, 0, 0, setting(5, 2**24))),
    _served("6.5.2", "an unknown setting", frame(SETTINGS, 0, 0, setting(0xF0F0, 7)) + GET),
    _connection("6.6", "PUSH_PROMISE of a client", frame(PUSH_PROMISE, END_HEADERS, 1, word(2) + block(head()))),
    _connection("6.7", "PING on a stream", frame(PING, 0, 1, bytes(8))),
    _connection("6.7", "PING of another size", frame(PING, 0, 0, bytes(7)), SIZE),
    _served("6.7", "PING acknowledged that was not sent", frame(PING, ACK, 0, bytes(8)) + GET),
    _connection("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8))),
    _connection("6.8", "GOAWAY of another size", frame(GOAWAY, 0, 0, bytes(7)), SIZE),
    _connection("6.9", "WINDOW_UPDATE of another size", frame(WINDOW_UPDATE, 0, 0, bytes(3)), SIZE),
    _connection("6.9", "WINDOW_UPDATE by 0", frame(WINDOW_UPDATE, 0, 0, word(0))),
    _stream("6.9", "WINDOW_UPDATE of a stream by 0", POST + frame(WINDOW_UPDATE, 0, 1, word(0))),
    _connection("6.9.1", "a window above 2^31-1", frame(WINDOW_UPDATE, 0, 0, word(2**31 - 1)), FLOW),
    _stream("6.9.1", "a stream's window above it", POST + frame(WINDOW_UPDATE, 0, 1, word(2**31 - 1)), FLOW),
    _connection(
        "6.9.2",
        "a stream's window above it by settings",
        POST + frame(WINDOW_UPDATE, 0, 1, word(2**31 - 70000)) + frame(SETTINGS, 0, 0, setting(4, 2**31 - 1)),
        FLOW,
    ),
    _stream("6.9.1", "more on a stream than its window", POST + frame(DATA, 0, 1, bytes(16384)) * 9, FLOW),
    _connection("6.10", "CONTINUATION without a head", POST + frame(CONTINUATION, END_HEADERS, 1, block(head()))),
    _connection("6.10", "CONTINUATION on no stream", headers(head(), flags=0) + frame(CONTINUATION, 0, 0)),
    _connection("6.10", "CONTINUATION on another", headers(head(), flags=0) + frame(CONTINUATION, 0, 3)),
    _served("6.10", "a head in pieces", headers(b"\x82", flags=0) + frame(CONTINUATION, 4, 1, block(head())[1:])),
    _connection("6.10", "CONTINUATION without end", headers(head(), flags=0) + frame(CONTINUATION, 0, 1) * 20, CALM),
]

HEADS = [
    _answered("8.1", "a pseudo-field among trailers", POST + headers([(b":path", b"/else")])),
    _stream("8.1", "trailers that do not end the request", POST + headers([(b"x-a", b"1")], ended=False)),
    _answered("9110 6.5.1", "content-length among trailers", POST + headers([(b"content-length", b"0")])),
    _answered("9110 6.5.1", "transfer-encoding among trailers", POST + headers([(b"transfer-encoding", b"chunked")])),
    _answered("8.1.1", "DATA beyond content-length", post((b"content-length", b"1")) + BODY),
    _answered("8.1.1", "DATA short of content-length", post((b"content-length", b"3")) + BODY),
    _answered("8.1.1", "no DATA but content-length", with_field(b"content-length", b"3")),
    _answered("8.1.1", "trailers short of content-length", post((b"content-length", b"3")) + headers([(b"x-a", b"1")])),
    _answered("8.2", "an upper-case name", with_field(b"X-Test")),
    _answered("8.2.1", "an empty name", with_field(b"")),
    _answered("8.2.1", "a name with a colon", with_field(b"x:y")),
    _answered("8.2.1", "a name with a blank", with_field(b"x y")),
    _answered("8.2.1", "a name with CR LF", with_field(b"x\r\ny")),
    _answered("8.2.1", "a name beyond ASCII", with_field(b"x\xe4")),
    _answered("8.2.1", "a value with CR LF", with_field(b"x-test", b"a\r\nhost: other")),
    _answered("8.2.1", "a value with LF", with_field(b"x-test", b"a\nb")),
    _answered("8.2.1", "a value with NUL", with_field(b"x-test", b"a\0b")),
    _answered("8.2.1", "a value that begins with a blank", with_field(b"x-test", b" a")),
    _answered("8.2.1", "a value that ends with a tab", with_field(b"x-test", b"a\t")),
    _answered("8.2.2", "connection", with_field(b"connection", b"keep-alive")),
    _answered("8.2.2", "keep-alive", with_field(b"keep-alive", b"1")),
    _answered("8.2.2", "proxy-connection", with_field(b"proxy-connection", b"keep-alive")),
    _answered("8.2.2", "transfer-encoding", post((b"transfer-encoding", b"chunked"))),
    _answered("8.2.2", "upgrade", with_field(b"upgrade", b"h2c")),
    _answered("8.2.2", "te with more than trailers", with_field(b"te", b"trailers, deflate")),
    _served("8.2.2", "te with trailers", with_field(b"te", b"trailers")),
    _served("8.2.3", "cookies in crumbs", headers(head(b"GET", b"/a", (b"cookie", b"a=1"), (b"cookie", b"b=2")))),
    _answered("8.3", "an unknown pseudo-field", with_field(b":test")),
    _answered("8.3", "a pseudo-field of answers", headers([*head(), (b":status", b"200")])),
    _answered("8.3", "a pseudo-field after others", headers([*head(path=None), (b"x-a", b"1"), (b":path", b"/a")])),
    _answered("8.3.1", "no :method", headers(head(None))),
    _answered("8.3.1", "no :scheme", headers(head(scheme=None))),
    _answered("8.3.1", "no :path", headers(head(path=None))),
    _answered("8.3.1", "an empty :path", headers(head(path=b""))),
    _answered("8.3.1", "a :path without a slash", headers(head(path=b"a"))),
    _answered("8.3.1", "a :path that is a URL", headers(head(path=b"https://shop/a"))),
    _answered("8.3.1", "a :path with a blank", headers(head(path=b"/a HTTP/1.1\r\nx: "))),
    _answered("8.3.1", ":method twice", headers([(b":method", b"GET"), *head()])),
    _answered("8.3.1", ":path twice", headers([(b":path", b"/a"), *head()])),
    _answered("8.3.1", ":authority twice", headers([(b":authority", b"shop"), *head()])),
    _answered("8.3.1", "a :method with a blank", headers(head(b"GET /a"))),
    _answered("8.3.1", "a :method in lower case", headers(head(b"get"))),
    _answered("8.3.1", "a :scheme of another kind", headers(head(scheme=b"ftp"))),
    _answered("8.3.1", "a :scheme that is not the connection's", headers(head(scheme=b"http"))),
    _answered("8.3.1", "another host beside :authority", with_field(b"host", b"other.example")),
    _served("8.3.1", "the same host beside :authority", with_field(b"host", b"Shop")),
    _served("8.3.1", "only a host", headers(head(b"GET", b"/a", (b"host", b"shop"), authority=None))),
    _answered("8.3.1", "no host at all", headers(head(authority=None))),
    _answered("8.3.1", "user information", headers(head(authority=b"me@shop"))),
    _answered("8.3.1", "two hosts", headers(head(b"GET", b"/", (b"host", b"a.example"), (b"host", b"a.example")))),
    _answered("8.5", "CONNECT", headers(head(b"CONNECT", None, scheme=None))),
    _answered("8.5", "extended CONNECT", headers([*head(b"CONNECT"), (b":protocol", b"websocket")])),
    _answered("8.6", "content-length that is no number", post((b"content-length", b"+2"))),
    _answered("8.6", "content-length twice", post((b"content-length", b"2"), (b"content-length", b"2"))),
    _answered("10.5.1", "a head that is too large", with_field(b"x-test", b"x" * 16300), 431),
    _answered("10.5.1", "too many fields", headers([*head(), *[(b"x-a", b"1")] * 129]), 431),
    _answered("9110 4.1", "a target that is too long", headers(head(path=b"/" + b"x" * 8192)), 414),
]

COMPRESSION_FAULTS = [
    _connection("7541 2.3.3", "an index that is not there", headers(b"\xc6"), COMPRESSION),
    _connection("7541 6.1", "index 0", headers(b"\x80"), COMPRESSION),
    _connection("7541 5.1", "an integer without end", headers(b"\xff" + b"\x80" * 12 + b"\x01"), COMPRESSION),
    _connection("7541 5.1", "an integer that is cut short", headers(b"\xff"), COMPRESSION),
    _connection("7541 5.2", "a string that is cut short", headers(b"\x00\x05ab"), COMPRESSION),
    _connection("7541 5.2", "a name without a value", headers(b"\x00\x01a"), COMPRESSION),
    _connection("7541 5.2", "nothing after a literal", headers(block(head()) + b"\x00"), COMPRESSION),
    _connection("7541 5.2", "Huffman padding of zeros", headers(b"\x00\x81\x18\x01a"), COMPRESSION),
    _connection("7541 5.2", "Huffman padding of a byte", headers(b"\x00\x82\x1f\xff\x01a"), COMPRESSION),
    _connection("7541 5.2", "Huffman's end of a string", headers(b"\x00\x84\xff\xff\xff\xff\x01a"), COMPRESSION),
    _connection("7541 6.3", "a table larger than allowed", headers(b"\x3f\xe2\x1f" + block(head())), COMPRESSION),
    _connection("7541 4.2", "a table changed in the middle", headers(block(head()) + b"\x20"), COMPRESSION),
    _served("7541 4.2", "a table changed at the beginning", headers(b"\x20\x3f\xe1\x1f" + block(head()))),
    _connection("7541 4.2", "a table changed again and again", headers(b"\x20" * 3 + block(head())), COMPRESSION),
]

FAULTS = PREFACES + FRAMES + STREAMS + SHAPES + HEADS + COMPRESSION_FAULTS
