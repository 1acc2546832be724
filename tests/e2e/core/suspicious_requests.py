"""Requests that look like those of ``smuggled_requests.py``, but of which only one reading is left, or none.

RFC 9112 lets most of these pass; the service must then read exactly the messages that are named. The others are refused
with another status than 400, or only after a request before them was answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from smuggled_requests import BODY, CHUNKED, HOST, ONE_CHUNK, SMUGGLED, chunked, coding, get, length, post
from wire_tap import Message


@dataclass(frozen=True)
class Row:
    """``data`` is answered with ``statuses`` (a 100 counts); the service sees ``seen``; ``kept``: the connection is.

    ``whole``: the row holds as well where bodies are read whole and checked to be JSON.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]
    seen: tuple[Message, ...] = ()
    kept: bool = True
    whole: bool = True


def passes(name: str, data: bytes, *seen: Message, kept: bool = True, whole: bool = True) -> Row:
    """Answered by the service: once for each message that it sees."""
    return Row(name, data, (200,) * len(seen), seen, kept, whole)


def refused(name: str, data: bytes, *statuses: int, seen: tuple[Message, ...] = ()) -> Row:
    """Refused, and the connection closed."""
    return Row(name, data, statuses, seen, kept=False)


def posted(body: bytes) -> Message:
    return Message("POST", "/shop/ANY/x", body)


POSTED = posted(BODY)
EMPTY = posted(b"")
GOT = Message("GET", "/shop/open/x")
LONG = b"x" * 20_000

FRAMED_ONE_WAY = [
    passes("a plain length", length(b"5"), POSTED),
    passes("blanks around a length", post(b"Content-Length: \t 5 \t", body=BODY), POSTED),
    passes("no blank before a length", post(b"Content-Length:5", body=BODY), POSTED),
    passes("a length with zeros before it", length(b"0005"), POSTED),
    passes("a length in upper case", post(b"CONTENT-LENGTH: 5", body=BODY), POSTED),
    passes("a length and one with underscore", post(b"Content_Length: 0", b"Content-Length: 5", body=BODY), POSTED),
    passes(
        "a length and a coding with underscore",
        post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=BODY),
        POSTED,
    ),
    passes(
        "a length that Connection names", post(b"Connection: Content-Length", b"Content-Length: 5", body=BODY), POSTED
    ),
    passes("a coding that Connection names", post(b"Connection: Transfer-Encoding", CHUNKED, body=ONE_CHUNK), POSTED),
    passes("a coding in mixed case", coding(b"ChUnKeD"), POSTED),
    passes("blanks around a coding", coding(b"\t chunked \t"), POSTED),
    passes("a TE field is no Transfer-Encoding", post(b"TE: chunked", b"Content-Length: 5", body=BODY), POSTED),
    passes(
        "sizes of chunks in both cases",
        chunked(b'A\r\n"123456789\r\na\r\n012345678"\r\n0\r\n\r\n'),
        posted(b'"123456789012345678"'),
    ),
    passes("sizes of chunks with zeros before", chunked(b"0005\r\n" + BODY + b"\r\n0\r\n\r\n"), POSTED),
    passes("a last chunk of many zeros", chunked(b"5\r\n" + BODY + b"\r\n0000\r\n\r\n"), POSTED),
    passes("extensions", chunked(b'5;a;b=c;d="e;f\\""\r\n' + BODY + b"\r\n0;g\r\n\r\n"), POSTED),
    passes("five chunks", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"), POSTED),
    passes("trailers, which end here", chunked(b"5\r\n" + BODY + b"\r\n0\r\nX-Role: admin\r\n\r\n"), POSTED),
    passes("trailers that were announced", post(CHUNKED, b"Trailer: Content-Length", body=ONE_CHUNK), POSTED),
    passes("an empty chunked body", chunked(b"0\r\n\r\n"), EMPTY, whole=False),
    passes("a length of zero", length(b"0", b""), EMPTY),
    passes("no body at all", post(), EMPTY),
    passes("GET with a length of zero", get(b"Content-Length: 0"), GOT),
    passes(
        "a body in HTTP/1.0", post(b"Content-Length: 5", b"Connection: keep-alive", body=BODY, version=b"1.0"), POSTED
    ),
    passes("HTTP/1.0 closes", post(b"Content-Length: 5", body=BODY, version=b"1.0"), POSTED, kept=False),
]

INSIDE_OF_BODIES = [
    passes("a request as a body", length(b"%d" % len(SMUGGLED), SMUGGLED), posted(SMUGGLED), whole=False),
    passes(
        "a request as a chunk",
        chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
        posted(SMUGGLED),
        whole=False,
    ),
    passes("a last chunk as a body", length(b"5", b"0\r\n\r\n"), posted(b"0\r\n\r\n"), whole=False),
    passes("chunks as a body", length(b"%d" % len(ONE_CHUNK), ONE_CHUNK), posted(ONE_CHUNK), whole=False),
    passes(
        "a request as the body of GET",
        get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        Message("GET", "/shop/open/x", SMUGGLED),
    ),
    passes("chunks as the body of GET", get(CHUNKED) + ONE_CHUNK, Message("GET", "/shop/open/x", BODY)),
]

ONE_BEHIND_ANOTHER = [
    passes("two requests", get() + get(), GOT, GOT),
    passes("a body, then a request", length(b"5") + get(), POSTED, GOT),
    passes("chunks, then a request", chunked(ONE_CHUNK) + get(), POSTED, GOT),
    passes("an empty line between", length(b"5") + b"\r\n" + get(), POSTED, GOT),
    passes("an empty line before", b"\r\n" + get(), GOT),
    passes("Connection: close, then a request", get(b"Connection: close") + SMUGGLED, GOT, kept=False),
    passes("HTTP/1.0, then a request", b"GET /shop/open/x HTTP/1.0\r\n" + HOST + b"\r\n" + SMUGGLED, GOT, kept=False),
    refused("a byte too much behind a body", length(b"5") + b"x" + SMUGGLED, 200, 400, seen=(POSTED,)),
    refused("two empty lines behind a body", length(b"5") + b"\r\n\r\n" + SMUGGLED, 200, 400, seen=(POSTED,)),
    refused("a body without a length", post(body=BODY + SMUGGLED), 200, 400, seen=(EMPTY,)),
    refused(
        "a body whose length has an underscore",
        post(b"Content_Length: 5", body=BODY + SMUGGLED),
        200,
        400,
        seen=(EMPTY,),
    ),
    refused(
        "chunks whose coding has an underscore",
        post(b"Transfer_Encoding: chunked", body=ONE_CHUNK),
        200,
        400,
        seen=(EMPTY,),
    ),
    refused(
        "a good request, then a smuggling one",
        get() + post(b"Content-Length: 5", CHUNKED, body=ONE_CHUNK),
        200,
        400,
        seen=(GOT,),
    ),
    Row(
        "a shorter length than the body",
        length(b"4") + SMUGGLED,
        (200, 400),
        (posted(b'"abc'),),
        kept=False,
        whole=False,
    ),
]

OTHER_STATUSES = [
    refused("HTTP/1.2", b"GET /shop/open/x HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    refused("HTTP/2.0", b"GET /shop/open/x HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    refused("HTTP/0.9 with a version", b"GET /shop/open/x HTTP/0.9\r\n\r\n", 505),
    refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused("2^32 + 5 bytes", length(b"4294967301"), 413),
    refused("as many bytes as 18 digits can say", length(b"9" * 18), 413),
    refused("a chunk of 2^32 + 5 bytes", chunked(b"100000005\r\n" + BODY + b"x" * 2_000_000), 413),
    refused("a long value", get(b"X-A: " + LONG), 431),
    refused("a long name", get(LONG + b": b"), 431),
    refused("many fields", get(*[b"X-A: b"] * 200), 431),
    refused("a long target", get(target=b"/shop/open/" + LONG), 414),
    refused("a long method", LONG.upper() + b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    refused("an unknown expectation", post(b"Expect: 200-ok", b"Content-Length: 5", body=BODY), 417),
    refused("an expectation twice", post(b"Expect: 100-continue", b"Expect: x", b"Content-Length: 5", body=BODY), 417),
    refused("many trailers", chunked(b"5\r\n" + BODY + b"\r\n0\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n"), 431),
]

EXPECTATIONS = [
    passes(
        "an expectation, and the body at once", post(b"Expect: 100-continue", b"Content-Length: 5", body=BODY), POSTED
    ),
    passes("an expectation, and chunks at once", post(b"Expect: 100-continue", CHUNKED, body=ONE_CHUNK), POSTED),
    passes("an expectation without a body", get(b"Expect: 100-continue") + get(), GOT, GOT),
    passes(
        "an expectation in HTTP/1.0",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=BODY, version=b"1.0"),
        POSTED,
        kept=False,
    ),
]

ADDRESSED_ONE_WAY = [
    passes("a URL of this host", get(target=b"http://shop/shop/open/x"), GOT),
    passes("a URL in capitals", get(target=b"HTTP://SHOP/shop/open/x", host=b"Host: Shop\r\n"), GOT),
    passes("a URL of https", get(target=b"https://shop/shop/open/x"), GOT),
    passes("a URL in HTTP/1.0 without Host", b"GET http://shop/shop/open/x HTTP/1.0\r\n\r\n", GOT, kept=False),
    passes("Host with a port", get(host=b"Host: shop:8080\r\n"), GOT),
    passes("dots in the path", get(target=b"/shop/./nowhere/../open/x"), GOT),
    passes("escapes that need none", get(target=b"/sh%6fp/op%65n/x"), GOT),
    passes("a method in another field", get(b"X-HTTP-Method-Override: DELETE"), GOT),
    passes("Upgrade that Connection does not name", get(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"), GOT),
]

FRAMED_WELL_BUT_REFUSED = [
    Row("two slashes", get(target=b"//evil/shop/open/x"), (400,)),
    Row("a fragment", get(target=b"/shop/open/x#y"), (400,)),
    Row("a backslash", get(target=b"/shop\\open\\x"), (400,)),
    Row("an encoded slash that climbs", get(target=b"/shop/open/..%2fsmuggled"), (400,)),
    Row("an encoded line end in the target", get(target=b"/shop/open/x%0d%0aHost:%20evil"), (400,)),
    Row(
        "a method that is not offered",
        b"DELETE /shop/open/x HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n" + BODY,
        (405,),
    ),
    Row("a host that is not served", get(host=b"Host: evil\r\n"), (421,)),
    Row(
        "a body of a wrong type",
        post(b"Content-Length: 5", body=BODY).replace(b"/ANY/", b"/whole/").replace(b"/json", b"/xml"),
        (415,),
    ),
]

ROWS: list[Row] = [
    *FRAMED_ONE_WAY,
    *INSIDE_OF_BODIES,
    *ONE_BEHIND_ANOTHER,
    *OTHER_STATUSES,
    *EXPECTATIONS,
    *ADDRESSED_ONE_WAY,
    *FRAMED_WELL_BUT_REFUSED,
]
