"""Answers of a service that can be read in two ways, or that try to answer more than what was asked.

``BAD``: the client must be told 502 and see nothing of them. ``CUT``: what is wrong shows only after the answer has
begun, so the client's connection must break off without the end of the answer. ``GOOD``: one reading is left, and the
client must get exactly that. After each, no other client may ever see a byte of ``POISON``.

An answer is a list of pieces, sent one by one; an empty one at the end stands for closing the connection.
"""

from __future__ import annotations

from dataclasses import dataclass

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ONE_CHUNK = b"2\r\nok\r\n0\r\n\r\n"
CLOSE = b""


def head(*fields: bytes, status: bytes = b"200 OK", version: bytes = b"1.1") -> bytes:
    return b"HTTP/" + version + b" " + b"\r\n".join([status, *fields, b"", b""])


def sized(value: bytes) -> bytes:
    return head(b"Content-Length: " + value) + b"ok"


def coded(value: bytes) -> bytes:
    return head(b"Transfer-Encoding: " + value) + ONE_CHUNK


def chunks(data: bytes) -> bytes:
    return OK + CHUNKED + b"\r\n" + data


BAD: dict[str, bytes] = {
    "length: two fields, different": head(b"Content-Length: 2", b"Content-Length: 3") + b"ok",
    "length: two fields, equal": head(b"Content-Length: 2", b"Content-Length: 2") + b"ok",
    "length: two in a list": sized(b"2, 3"),
    "length: two equal ones in a list": sized(b"2, 2"),
    "length: with a plus": sized(b"+2"),
    "length: with a minus": sized(b"-2"),
    "length: in hex": sized(b"0x2"),
    "length: two numbers": sized(b"2 2"),
    "length: with an underscore": sized(b"0_2"),
    "length: a word": sized(b"two"),
    "length: empty": sized(b""),
    "length: of another alphabet": sized("٢".encode()),
    "length: 2^64 + 2": sized(b"18446744073709551618"),
    "length: a blank before its colon": head(b"Content-Length : 2") + b"ok",
    "length: folded": head(b"Content-Length:\r\n 2") + b"ok",
    "length: behind a bare CR": head(b"X-A: b\rContent-Length: 2") + b"ok",
    "length: behind a bare LF": head(b"X-A: b\nContent-Length: 2") + b"ok",
    "coding: and a length": head(b"Content-Length: 2", b"Transfer-Encoding: chunked") + ONE_CHUNK,
    "coding: and a length that Connection names": head(
        b"Connection: content-length", b"Content-Length: 2", b"Transfer-Encoding: chunked"
    )
    + ONE_CHUNK,
    "coding: ends like chunked": coded(b"xchunked"),
    "coding: identity": coded(b"identity"),
    "coding: gzip and chunked": coded(b"gzip, chunked"),
    "coding: chunked and identity": coded(b"chunked, identity"),
    "coding: chunked twice": coded(b"chunked, chunked"),
    "coding: with a parameter": coded(b"chunked;q=1"),
    "coding: with a vertical tab": coded(b"\x0bchunked"),
    "coding: empty": coded(b""),
    "coding: two fields": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + ONE_CHUNK,
    "coding: a blank before its colon": head(b"Transfer-Encoding : chunked") + ONE_CHUNK,
    "coding: folded": head(b"Transfer-Encoding:\r\n chunked") + ONE_CHUNK,
    "coding: in HTTP/1.0": head(b"Transfer-Encoding: chunked", version=b"1.0") + ONE_CHUNK,
    "line: ends in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
    "line: all end in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "line: two digits of status": head(b"Content-Length: 2", status=b"20 OK") + b"ok",
    "line: four digits of status": head(b"Content-Length: 2", status=b"2000 OK") + b"ok",
    "line: a status of 600": head(b"Content-Length: 2", status=b"600 Odd") + b"ok",
    "line: a status of 099": head(b"Content-Length: 2", status=b"099 Odd") + b"ok",
    "line: a status with a plus": head(b"Content-Length: 2", status=b"+20 OK") + b"ok",
    "line: two blanks before the status": head(b"Content-Length: 2", status=b" 200 OK") + b"ok",
    "line: no blank behind the status": head(b"Content-Length: 2", status=b"200OK") + b"ok",
    "line: a CR in the reason": head(b"Content-Length: 2", status=b"200 O\rK") + b"ok",
    "line: a NUL in the reason": head(b"Content-Length: 2", status=b"200 O\x00K") + b"ok",
    "line: HTTP/2": head(b"Content-Length: 2", version=b"2") + b"ok",
    "line: HTTP/1.2": head(b"Content-Length: 2", version=b"1.2") + b"ok",
    "line: a lower-case name": b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "line: HTTP/0.9": b"<html>ok</html>",
    "line: of another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "line: an empty one before": b"\r\n" + sized(b"2"),
    "line: a request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "field: folded": head(b"X-A: b\r\n c", b"Content-Length: 2") + b"ok",
    "field: no colon": head(b"X-A", b"Content-Length: 2") + b"ok",
    "field: an empty name": head(b": b", b"Content-Length: 2") + b"ok",
    "field: a blank in the name": head(b"X A: b", b"Content-Length: 2") + b"ok",
    "field: a NUL in the value": head(b"X-A: b\x00c", b"Content-Length: 2") + b"ok",
    "field: another answer behind bare LFs": head(b"X-A: b\n\n" + POISON, b"Content-Length: 2") + b"ok",
    "field: a cookie behind a bare CR": head(b"Location: /\rSet-Cookie: a=b", b"Content-Length: 2") + b"ok",
    "field: a byte over 127 in the name": head(b"X-\xe9: b", b"Content-Length: 2") + b"ok",
    "field: too many": head(*[b"X-A: b"] * 500, b"Content-Length: 2") + b"ok",
    "field: too long": head(b"X-A: " + b"b" * 100_000, b"Content-Length: 2") + b"ok",
    "chunk: a size in C": chunks(b"0x2\r\nok\r\n0\r\n\r\n"),
    "chunk: a size with a plus": chunks(b"+2\r\nok\r\n0\r\n\r\n"),
    "chunk: a blank behind the size": chunks(b"2 \r\nok\r\n0\r\n\r\n"),
    "chunk: a size that ends in LF": chunks(b"2\nok\r\n0\r\n\r\n"),
    "chunk: a size of 2^64 + 2": chunks(b"10000000000000002\r\nok\r\n0\r\n\r\n"),
    "chunk: a size of 2^64 - 1": chunks(b"ffffffffffffffff\r\nok\r\n0\r\n\r\n"),
    "chunk: no size": chunks(b"\r\nok\r\n0\r\n\r\n"),
    "chunk: an LF in an extension": chunks(b"2;a\n\r\nok\r\n0\r\n\r\n"),
    "chunk: no CR LF behind the payload": chunks(b"2\r\nok0\r\n\r\n"),
    "chunk: only LF behind the payload": chunks(b"2\r\nok\n0\r\n\r\n"),
    "chunk: another answer in its place": chunks(POISON),
    "chunk: a trailer that frames": chunks(b"2\r\nok\r\n0\r\nContent-Length: 99\r\n\r\n"),
    "chunk: a folded trailer": chunks(b"2\r\nok\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    "interim: a 101 that nobody asked for": head(
        b"Connection: upgrade", b"Upgrade: x", status=b"101 Switching Protocols"
    ),
    "interim: a 100 with a length": head(b"Content-Length: 2", status=b"100 Continue") + b"ok" + sized(b"2"),
    "interim: a 103 with a coding": head(b"Transfer-Encoding: chunked", status=b"103 Early Hints") + ONE_CHUNK,
    "interim: a 102 that is folded": head(b"X-A: b\r\n c", status=b"102 Processing") + sized(b"2"),
    "no body: a 204 with a length": head(b"Content-Length: 2", status=b"204 No Content") + b"ok",
    "no body: a 204 with a coding": head(b"Transfer-Encoding: chunked", status=b"204 No Content") + ONE_CHUNK,
}

CUT: dict[str, list[bytes]] = {
    "less than the length": [head(b"Content-Length: 10") + b"half", CLOSE],
    "no last chunk": [chunks(b"4\r\nhalf\r\n"), CLOSE],
    "half a chunk": [chunks(b"9\r\nhalf"), CLOSE],
    "a second chunk in C": [chunks(b"4\r\nhalf\r\n"), b"0x2\r\nok\r\n0\r\n\r\n"],
    "a second chunk without its end": [chunks(b"4\r\nhalf\r\n"), b"2\r\nok0\r\n\r\n"],
    "a last chunk that ends in LF": [chunks(b"4\r\nhalf\r\n"), b"0\n\n"],
    "a trailer that frames": [chunks(b"4\r\nhalf\r\n"), b"0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    "a trailer without a colon": [chunks(b"4\r\nhalf\r\n"), b"0\r\n" + POISON],
}


@dataclass(frozen=True)
class Answer:
    """The client asks with ``method`` and gets ``status`` and ``body``.

    ``hidden``: text that the head of what it gets may not hold; ``late``: the last piece comes when the answer is over,
    so that the gateway must close the connection. (What comes even later, when the next request is on its way already,
    looks like its answer to everybody: HTTP/1.1 has nothing to tell them apart.)
    """

    name: str
    pieces: list[bytes]
    body: bytes = b"ok"
    status: int = 200
    method: str = "GET"
    hidden: tuple[bytes, ...] = ()
    late: bool = False


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
HINTS = head(b"Link: </a>", status=b"103 Early Hints")

GOOD = [
    Answer("a length", [sized(b"2")]),
    Answer("a length with zeros before", [sized(b"002")]),
    Answer("one chunk", [chunks(ONE_CHUNK)]),
    Answer("chunks with extensions", [chunks(b'1;a="b"\r\no\r\n1;c\r\nk\r\n0;d\r\n\r\n')]),
    Answer("trailers, which end here", [chunks(b"2\r\nok\r\n0\r\nX-A: b\r\n\r\n")], hidden=(b"x-a",)),
    Answer("an empty chunked answer", [chunks(b"0\r\n\r\n")], b""),
    Answer("until the end of the connection", [head() + b"ok", CLOSE]),
    Answer("until the end, HTTP/1.0", [head(version=b"1.0") + b"ok", CLOSE]),
    Answer("until the end, though it says keep-alive", [head(b"Connection: keep-alive") + b"ok", CLOSE]),
    Answer("another answer, until the end", [head() + POISON, CLOSE], POISON),
    Answer("another answer as a body", [head(b"Content-Length: %d" % len(POISON)) + POISON], POISON),
    Answer("another answer as a chunk", [chunks(b"%x\r\n%b\r\n0\r\n\r\n" % (len(POISON), POISON))], POISON),
    Answer("another answer at once", [sized(b"2") + POISON]),
    Answer("another answer behind chunks", [chunks(ONE_CHUNK) + POISON]),
    Answer("another answer a little later", [sized(b"2"), POISON], late=True),
    Answer("half of another answer", [sized(b"2"), POISON[:20]], late=True),
    Answer("one byte too much", [sized(b"2") + b"x"]),
    Answer("an empty line too much", [sized(b"2") + b"\r\n"]),
    Answer("a length of zero, then an answer", [head(b"Content-Length: 0") + POISON], b""),
    Answer("a 204 with a body", [NO_CONTENT + b"poison"], b"", 204),
    Answer("a 204 and another answer", [NO_CONTENT, POISON], b"", 204, late=True),
    Answer("a 204 with a length of zero", [head(b"Content-Length: 0", status=b"204 No Content")], b"", 204),
    Answer("a 304 with a length", [NOT_MODIFIED + b"Content-Length: 6\r\n\r\n"], b"", 304),
    Answer("a 304 with a body", [NOT_MODIFIED + b"Content-Length: 6\r\n\r\npoison"], b"", 304),
    Answer("a 304 with a coding", [NOT_MODIFIED + CHUNKED + b"\r\n"], b"", 304),
    Answer("HEAD with a length", [head(b"Content-Length: 6")], b"", method="HEAD"),
    Answer("HEAD with a body", [head(b"Content-Length: 6") + b"poison"], b"", method="HEAD"),
    Answer("HEAD with chunks", [chunks(b"6\r\npoison\r\n0\r\n\r\n")], b"", method="HEAD"),
    Answer("HEAD with another answer", [head(b"Content-Length: 6"), POISON], b"", method="HEAD", late=True),
    Answer("a 100 before", [head(status=b"100 Continue") + sized(b"2")]),
    Answer("a 103 before, which ends here", [HINTS, sized(b"2")], hidden=(b"link",)),
    Answer("twenty interim answers before", [HINTS * 20, sized(b"2")], hidden=(b"link",)),
    Answer(
        "a reason that looks like a field", [head(b"Content-Length: 2", status=b"200 X: y") + b"ok"], hidden=(b"X: y",)
    ),
    Answer(
        "Connection names a field",
        [head(b"Connection: x-a", b"X-A: b", b"Content-Length: 2") + b"ok"],
        hidden=(b"x-a",),
    ),
    Answer("Connection names the length", [head(b"Connection: content-length", b"Content-Length: 2") + b"ok"]),
    Answer("Connection names the coding", [head(b"Connection: transfer-encoding", CHUNKED[:-2]) + ONE_CHUNK]),
    Answer(
        "fields that end here",
        [head(b"Keep-Alive: 5", b"Upgrade: h2c", b"Trailer: x", b"Content-Length: 2") + b"ok"],
        hidden=(b"keep-alive", b"upgrade", b"trailer"),
    ),
    Answer("a length with underscore", [head(b"Content_Length: 9", b"Content-Length: 2") + b"ok"]),
    Answer("half of an answer, then the rest", [sized(b"2")[:30], sized(b"2")[30:]]),
    Answer("byte by byte", [sized(b"2")[i : i + 1] for i in range(len(sized(b"2")))]),
    Answer("then it closes", [sized(b"2"), CLOSE]),
]
