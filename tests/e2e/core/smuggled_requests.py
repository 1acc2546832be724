"""Every ambiguous way to frame or address an HTTP/1.1 request that we know.

``REFUSED``: each must be answered 400 and nothing else, the connection closed, and no message of it be seen by the
service. What is like these, but passes or is refused otherwise, is in ``suspicious_requests.py``.

In ``/shop/ANY/x`` the word ``ANY`` stands for each of two operations: one whose bodies stream through, and one whose
bodies are read whole and checked first. ``SMUGGLED`` is what an attacker would want the service to see.
"""

from __future__ import annotations

SMUGGLED = b"GET /shop/open/smuggled HTTP/1.1\r\nHost: shop\r\n\r\n"
BODY = b'"abc"'  # five bytes, and JSON
START = b"POST /shop/ANY/x HTTP/1.1\r\n"
HOST = b"Host: shop\r\n"
TYPE = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
ONE_CHUNK = b"5\r\n" + BODY + b"\r\n0\r\n\r\n"


def post(*fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"POST /shop/ANY/x HTTP/" + version + b"\r\n" + HOST + TYPE + b"\r\n".join([*fields, b"", body])


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body=body)


def length(value: bytes, body: bytes = BODY) -> bytes:
    return post(b"Content-Length: " + value, body=body)


def coding(value: bytes) -> bytes:
    return post(b"Transfer-Encoding: " + value, body=ONE_CHUNK)


def get(*fields: bytes, target: bytes = b"/shop/open/x", host: bytes = HOST) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + host + b"\r\n".join([*fields, b"", b""])


BOTH_LENGTHS = {
    "CL.TE": post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\nG"),
    "CL.TE with a whole request": post(
        b"Content-Length: %d" % (5 + len(SMUGGLED)), CHUNKED, body=b"0\r\n\r\n" + SMUGGLED
    ),
    "TE.CL": post(CHUNKED, b"Content-Length: 4", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
    "TE.CL, length 0": post(CHUNKED, b"Content-Length: 0", body=b"0\r\n\r\n" + SMUGGLED),
    "both, and they agree": post(b"Content-Length: 15", CHUNKED, body=ONE_CHUNK),
    "both, the length far below": post(CHUNKED, b"X-A: b", b"X-C: d", b"Content-Length: 5", body=ONE_CHUNK),
    "a coding in HTTP/1.0": post(CHUNKED, body=ONE_CHUNK, version=b"1.0"),
    "both in HTTP/1.0": post(b"Content-Length: 5", CHUNKED, body=ONE_CHUNK, version=b"1.0"),
    "both, and Connection names the coding": post(
        b"Connection: Transfer-Encoding", CHUNKED, b"Content-Length: 5", body=ONE_CHUNK
    ),
    "both, and Connection names the length": post(
        b"Connection: Content-Length", b"Content-Length: 5", CHUNKED, body=ONE_CHUNK
    ),
    "GET with both": b"GET /shop/open/x HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 5\r\n"
    + CHUNKED
    + b"\r\n\r\n0\r\n\r\n",
}

CODINGS = {
    "a coding that begins like chunked": coding(b"chunkedx"),
    "a coding that ends like chunked": coding(b"xchunked"),
    "half of chunked": coding(b"chunk"),
    "chunked with a parameter": coding(b"chunked;q=1"),
    "chunked in quotes": coding(b'"chunked"'),
    "chunked and identity": coding(b"chunked, identity"),
    "identity and chunked": coding(b"identity, chunked"),
    "identity alone": coding(b"identity"),
    "gzip and chunked": coding(b"gzip, chunked"),
    "chunked and gzip": coding(b"chunked, gzip"),
    "gzip alone": coding(b"gzip"),
    "chunked twice in a list": coding(b"chunked, chunked"),
    "chunked after an empty element": coding(b", chunked"),
    "chunked before an empty element": coding(b"chunked,"),
    "chunked with a vertical tab before": coding(b"\x0bchunked"),
    "chunked with a vertical tab behind": coding(b"chunked\x0b"),
    "chunked with a form feed": coding(b"\x0cchunked"),
    "chunked with a NUL": coding(b"chunked\x00"),
    "chunked with a byte over 127": coding(b"chunked\xa0"),
    "chunked with a K of another alphabet": coding("chun\u212aed".encode()),
    "no coding at all": coding(b""),
    "two words": coding(b"chunked chunked"),
    "two fields, both chunked": post(CHUNKED, CHUNKED, body=ONE_CHUNK),
    "two fields, chunked and identity": post(CHUNKED, b"Transfer-Encoding: identity", body=ONE_CHUNK),
    "two fields, another and chunked": post(b"Transfer-Encoding: x", CHUNKED, body=ONE_CHUNK),
    "two fields, spelt otherwise": post(b"transfer-encoding: chunked", b"TRANSFER-ENCODING: x", body=ONE_CHUNK),
    "a blank before the colon of the coding": post(b"Transfer-Encoding : chunked", body=ONE_CHUNK),
    "a tab before the colon of the coding": post(b"Transfer-Encoding\t: chunked", body=ONE_CHUNK),
    "a blank before the coding's name": post(b"X-A: b", b" Transfer-Encoding: chunked", body=ONE_CHUNK),
    "the coding folded": post(b"Transfer-Encoding:\r\n chunked", body=ONE_CHUNK),
    "the coding folded by a tab": post(b"Transfer-Encoding:\r\n\tchunked", body=ONE_CHUNK),
    "the name of the coding folded": post(b"Transfer-Encoding\r\n : chunked", body=ONE_CHUNK),
    "the coding behind a bare LF": post(b"X-A: b\nTransfer-Encoding: chunked", body=ONE_CHUNK),
    "the coding behind a bare CR": post(b"X-A: b\rTransfer-Encoding: chunked", body=ONE_CHUNK),
    "a NUL in the coding's name": post(b"Transfer-Encoding\x00: chunked", body=ONE_CHUNK),
    "a byte over 127 in the coding's name": post(b"Transfer\xadEncoding: chunked", b"Content-Length: 5", body=BODY),
}

LENGTHS = {
    "with a plus": length(b"+5"),
    "with a minus": length(b"-5"),
    "minus zero": length(b"-0"),
    "two numbers with a blank": length(b"5 5"),
    "two equal numbers in a list": length(b"5, 5"),
    "two equal numbers, no blank": length(b"5,5"),
    "two numbers in a list": length(b"5, 6"),
    "a number and nothing in a list": length(b"5,"),
    "in hex": length(b"0x5"),
    "in hex digits": length(b"a", body=b'"abcdefgh"'),
    "with a fraction": length(b"5.0"),
    "with an exponent": length(b"5e0"),
    "with an underscore": length(b"0_5"),
    "a word": length(b"five"),
    "empty": length(b""),
    "only blanks": length(b" \t "),
    "digits of another alphabet": length("٥".encode()),
    "a superscript digit": length(b"\xb2"),
    "in quotes": length(b'"5"'),
    "with a semicolon": length(b"5;x"),
    "with a vertical tab": length(b"5\x0b"),
    "with a NUL": length(b"5\x00"),
    "many leading zeros": length(b"0" * 30 + b"5"),
    "2^64 + 5": length(b"18446744073709551621"),
    "2^63": length(b"9223372036854775808"),
    "a hundred digits": length(b"5" * 100),
    "two fields, equal": post(b"Content-Length: 5", b"Content-Length: 5", body=BODY),
    "two fields, different": post(b"Content-Length: 5", b"Content-Length: 50", body=BODY + SMUGGLED),
    "two fields, spelt otherwise": post(b"content-length: 5", b"CONTENT-LENGTH: 0", body=BODY),
    "a blank before its colon": post(b"Content-Length : 5", body=BODY),
    "folded": post(b"Content-Length:\r\n 5", body=BODY),
    "folded behind": post(b"Content-Length: 5\r\n 0", body=BODY),
    "behind a bare CR": post(b"X-A: b\rContent-Length: 5", body=BODY),
    "behind a bare LF": post(b"X-A: b\nContent-Length: 5", body=BODY),
}

LINES = {
    "request line ends in LF": b"GET /shop/open/x HTTP/1.1\nHost: shop\r\n\r\n",
    "all lines end in LF": b"GET /shop/open/x HTTP/1.1\nHost: shop\n\n",
    "the head ends in LF": b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\n",
    "the head ends in CR CR LF": b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\r\n",
    "the request line ends in CR": b"GET /shop/open/x HTTP/1.1\rHost: shop\r\n\r\n",
    "a bare CR in a value": get(b"X-A: b\rX-B: c"),
    "a bare CR at the end of a value": get(b"X-A: b\r\r\nX-B: c"),
    "a request behind bare LFs in a value": get(b"X-A: b\n\n" + SMUGGLED),
    "a NUL in a value": get(b"X-A: b\x00c"),
    "a NUL in a name": get(b"X-\x00A: b"),
    "a NUL in the target": get(target=b"/shop/open/x\x00y"),
    "a DEL in a value": get(b"X-A: b\x7fc"),
    "an escape in a value": get(b"X-A: \x1b[0m"),
    "a blank before a colon": get(b"X-A : b"),
    "no colon": get(b"X-A"),
    "an empty name": get(b": b"),
    "a folded value": get(b"X-A: b\r\n c"),
    "a blank before the first field": b"GET /shop/open/x HTTP/1.1\r\n Host: shop\r\n\r\n",
    "an empty line with a blank": b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n \r\n\r\n",
    "a byte over 127 in a name": get(b"X-\xe9: b"),
    "a parenthesis in a name": get(b"X(A): b"),
    "two blanks behind the method": b"GET  /shop/open/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "two blanks behind the target": b"GET /shop/open/x  HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab behind the method": b"GET\t/shop/open/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a blank at the end of the request line": b"GET /shop/open/x HTTP/1.1 \r\n" + HOST + b"\r\n",
    "a blank before the method": b" GET /shop/open/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a blank in the target": get(target=b"/shop/open/x y"),
    "a second version in the target": get(target=b"/shop/open/x HTTP/1.1 /shop/open/smuggled"),
    "a byte over 127 in the target": get(target=b"/shop/open/\xe9"),
    "a lower-case method": b"get /shop/open/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method with a NUL": b"GET\x00 /shop/open/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "two empty lines before": b"\r\n\r\n" + get(),
    "a bare LF before": b"\n" + get(),
    "a byte order mark before": b"\xef\xbb\xbf" + get(),
    "HTTP/0.9": b"GET /shop/open/x\r\n",
    "HTTP/0.9 without CR": b"GET /shop/open/x\n",
    "no version": b"GET /shop/open/x \r\n" + HOST + b"\r\n",
    "a lower-case version": b"GET /shop/open/x http/1.1\r\n" + HOST + b"\r\n",
    "a version of two digits": b"GET /shop/open/x HTTP/1.10\r\n" + HOST + b"\r\n",
    "a version with a leading zero": b"GET /shop/open/x HTTP/01.1\r\n" + HOST + b"\r\n",
    "a version with a plus": b"GET /shop/open/x HTTP/1.+1\r\n" + HOST + b"\r\n",
    "a comma in the version": b"GET /shop/open/x HTTP/1,1\r\n" + HOST + b"\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a PROXY line": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + get(),
}

CHUNKS = {
    "a size in C": chunked(b"0x5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size with a plus": chunked(b"+5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size with a minus": chunked(b"-5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "minus zero": chunked(b"-0\r\n\r\n"),
    "a blank before the size": chunked(b" 5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a blank behind the size": chunked(b"5 \r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a tab behind the size": chunked(b"5\t\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a blank before an extension": chunked(b"5 ;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an underscore in the size": chunked(b"0_5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size of another alphabet": chunked("٥\r\n".encode() + BODY + b"\r\n0\r\n\r\n"),
    "no size": chunked(b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "no size but an extension": chunked(b";a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a letter over F": chunked(b"g\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "two sizes": chunked(b"5,5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size of 2^64 + 5": chunked(b"10000000000000005\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size of 2^64 - 1": chunked(b"ffffffffffffffff\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size of 2^63": chunked(b"8000000000000000\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size of twenty zeros": chunked(b"0" * 20 + b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size that ends in LF": chunked(b"5\n" + BODY + b"\r\n0\r\n\r\n"),
    "a size that ends in CR": chunked(b"5\r" + BODY + b"\r\n0\r\n\r\n"),
    "a size that ends in CR CR LF": chunked(b"5\r\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension that ends in LF": chunked(b"5;a\n" + BODY + b"\r\n0\r\n\r\n"),
    "an LF within an extension": chunked(b"5;\n" + b"22\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a CR within an extension": chunked(b"5;a\rb\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension with CR LF in quotes": chunked(b'5;a="\r\n' + BODY + b'\r\n0\r\n\r\n"\r\n'),
    "an extension with a NUL": chunked(b"5;a=\x00\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension that is none": chunked(b"5;a=b=c\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension whose quotes are not closed": chunked(b'5;a="b\r\n' + BODY + b"\r\n0\r\n\r\n"),
    "an extension that is too long": chunked(b"5;a=" + b"b" * 300 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a thousand long extensions": chunked((b"1;a=" + b"b" * 200 + b"\r\n1\r\n") * 1000 + b"0\r\n\r\n"),
    "no CR LF behind the payload": chunked(b"5\r\n" + BODY + b"0\r\n\r\n"),
    "only LF behind the payload": chunked(b"5\r\n" + BODY + b"\n0\r\n\r\n"),
    "only CR behind the payload": chunked(b"5\r\n" + BODY + b"\r0\r\n\r\n"),
    "any two bytes behind the payload": chunked(b"5\r\n" + BODY + b"XX0\r\n\r\n"),
    "a payload that is longer than said": chunked(b"3\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a last chunk that ends in LF": chunked(b"5\r\n" + BODY + b"\r\n0\n\n"),
    "a last chunk and LF": chunked(b"5\r\n" + BODY + b"\r\n0\r\n\n"),
    "a last chunk without an empty line": chunked(b"5\r\n" + BODY + b"\r\n0\r\n" + SMUGGLED),
    "a request in place of a chunk": chunked(SMUGGLED),
}

TRAILERS = {
    "a length": chunked(b"5\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "a coding": chunked(b"5\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a host": chunked(b"5\r\n" + BODY + b"\r\n0\r\nHost: evil\r\n\r\n"),
    "folded": chunked(b"5\r\n" + BODY + b"\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    "with a blank before the colon": chunked(b"5\r\n" + BODY + b"\r\n0\r\nX-A : b\r\n\r\n"),
    "with a bare LF": chunked(b"5\r\n" + BODY + b"\r\n0\r\nX-A: b\n\r\n"),
    "with a bare CR": chunked(b"5\r\n" + BODY + b"\r\n0\r\nX-A: b\rContent-Length: 5\r\n\r\n"),
    "no fields at all": chunked(b"5\r\n" + BODY + b"\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
}

HOSTS = {
    "none": get(host=b""),
    "empty": get(host=b"Host:\r\n"),
    "twice, equal": get(host=HOST + HOST),
    "twice, different": get(host=HOST + b"Host: evil\r\n"),
    "twice, spelt otherwise": get(host=b"host: shop\r\nHOST: shop\r\n"),
    "two in a list": get(host=b"Host: shop, evil\r\n"),
    "two with a blank": get(host=b"Host: shop evil\r\n"),
    "folded": get(host=b"Host: shop\r\n evil\r\n"),
    "a blank before its colon": get(host=b"Host : shop\r\n"),
    "with user information": get(host=b"Host: evil@shop\r\n"),
    "with a path": get(host=b"Host: shop/evil\r\n"),
    "with a query": get(host=b"Host: shop?evil\r\n"),
    "with a fragment": get(host=b"Host: shop#evil\r\n"),
    "with a NUL": get(host=b"Host: shop\x00evil\r\n"),
    "with a backslash": get(host=b"Host: shop\\evil\r\n"),
    "with a port that is none": get(host=b"Host: shop:80evil\r\n"),
    "with a port too large": get(host=b"Host: shop:65536\r\n"),
    "with two ports": get(host=b"Host: shop:80:443\r\n"),
    "percent-encoded": get(host=b"Host: sho%70\r\n"),
    "in another alphabet": get(host="Host: ѕһор\r\n".encode()),
    "a number for an address": get(host=b"Host: 2130706433\r\n"),
    "a short address": get(host=b"Host: 127.1\r\n"),
    "a bracket that is not closed": get(host=b"Host: [::1\r\n"),
    "a bracket with a name": get(host=b"Host: [shop]\r\n"),
    "a URL of another host": get(target=b"http://evil/shop/open/x"),
    "a URL with another port": get(target=b"http://shop:81/shop/open/x"),
    "a URL of this host, the field of another": get(target=b"http://shop/shop/open/x", host=b"Host: evil\r\n"),
    "a URL with user information": get(target=b"http://evil@shop/shop/open/x"),
    "a URL without a host": get(target=b"http:///shop/open/x"),
    "a URL with an escaped host": get(target=b"http://sho%70/shop/open/x"),
    "a URL of another scheme": get(target=b"ftp://shop/shop/open/x"),
    "a URL without a scheme": get(target=b"shop/shop/open/x"),
    "an asterisk": get(target=b"*"),
    "a host and a port": get(target=b"shop:80"),
    "CONNECT": b"CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n" + SMUGGLED,
    "CONNECT with a path": b"CONNECT /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n" + SMUGGLED,
}

OTHERS = {
    "Connection is no list of tokens": get(b"Connection: close x"),
    "Connection with a quoted string": get(b'Connection: "close"'),
    "h2c": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__") + SMUGGLED,
    "h2c with a body": post(
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABk",
        b"Content-Length: 5",
        body=BODY,
    ),
    "a web socket": get(b"Connection: Upgrade", b"Upgrade: websocket") + SMUGGLED,
}

REFUSED: dict[str, bytes] = {
    f"{group}: {name}": data
    for group, rows in {
        "two framings": BOTH_LENGTHS,
        "coding": CODINGS,
        "length": LENGTHS,
        "line": LINES,
        "chunk": CHUNKS,
        "trailer": TRAILERS,
        "host": HOSTS,
        "other": OTHERS,
    }.items()
    for name, data in rows.items()
}
