"""Whole byte streams: the outcome does not depend on how they are cut, and llhttp reads what we accept as we do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httptools
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rows import rows

FRAMED = st.sampled_from(
    [
        ([], b""),
        ([b"Content-Length: 0"], b""),
        ([b"content-length:\t03 "], b"abc"),
        ([b"Content-Length: 3"], b"\r\n\r"),
        ([b"Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        ([b"transfer-encoding: Chunked"], b"3\r\nabc\r\n0\r\n\r\n"),
        ([b"Transfer-Encoding:chunked"], b'1;a=b\r\nx\r\n02;c;d="e;\\"f"\r\nyz\r\n0\r\nTrailer: t\r\nU:\r\n\r\n'),
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Connection: close",
            b"Connection: keep-alive",
            b"Connection: x, Keep-Alive",
            b"Accept: */*",
            b"X-Empty:",
            b"X-Blank: \t ",
            b"X: y: z\t w",
            b"X:  \x80\xff ",
        ]
    ),
    max_size=3,
)
KNOWN = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
METHODS = st.sampled_from([method.encode() for method in KNOWN])
TARGETS = st.sampled_from([b"/", b"/a?b=c", b"/a%20b", b"http://a/x", b"//a"])
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0"])
STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 4 + [b"HTTP/1.1 304", b"HTTP/1.0 200 ", b"HTTP/1.1 204 No Content", b"HTTP/1.1 100 Continue"]
)
FAULTS = st.sampled_from(
    [
        *(
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\r",
            b" ",
            b"\t",
            b"\x00",
            b"\x0b",
            b"\x7f",
            b"\x80",
            b"\xa0",
            b":",
            b";",
            b",",
            b'"',
        ),
        *(
            b"0",
            b"1",
            b"9",
            b"a",
            b"_",
            b"+",
            b"-",
            b"0x",
            b"GET / HTTP/1.1\r\n",
            b"Host: b\r\n",
            b"Content-Length: 1\r\n",
        ),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b" folded\r\n"),
    ]
)


@st.composite
def streams(draw: st.DrawFn, start: st.SearchStrategy[bytes]) -> bytes:
    """One to three well-formed messages; in half of the streams something is then put in, taken out or replaced."""
    data = b""
    for _ in range(draw(st.integers(1, 3))):
        framing, body = draw(FRAMED)
        lines = draw(st.permutations([b"Host: a", *framing, *draw(FIELDS)]))
        data += b"\r\n".join([draw(start), *lines, b"", body])
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        place, taken = draw(st.integers(0, len(data))), draw(st.sampled_from([0, 0, 1, 2]))
        data = data[:place] + draw(FAULTS) + data[place + taken :]
    return data


REQUESTS = streams(st.tuples(METHODS, TARGETS, VERSIONS).map(b" ".join))
RESPONSES = streams(STATUS_LINES)
PLACES = st.lists(st.integers(0, 400), max_size=10)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(REQUESTS, PLACES)
def test_any_cut_of_requests_gives_the_same_outcome(
    read_requests: Callable[..., Any], data: bytes, places: list[int]
) -> None:
    assert read_requests(*cut(data, places)).outcome() == read_requests(data).outcome()


@given(RESPONSES, PLACES)
def test_any_cut_of_responses_gives_the_same_outcome(
    read_responses: Callable[..., Any], data: bytes, places: list[int]
) -> None:
    assert read_responses(*cut(data, places)).outcome() == read_responses(data).outcome()


@rows("kind", ["requests", "responses"])
def test_byte_by_byte_gives_the_same_outcome(
    kind: str, read_requests: Callable[..., Any], read_responses: Callable[..., Any]
) -> None:
    if kind == "requests":
        read = read_requests
        data = (
            b"\r\nPOST /a HTTP/1.1\r\nHost: a \r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n"
        )
        data += b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    else:
        read = read_responses
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n"
        data += b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    transcript = read(*(data[i : i + 1] for i in range(len(data))))
    assert transcript.outcome() == read(data).outcome()
    assert (len(transcript.messages), transcript.refused, transcript.unfinished) == (2, None, False)


class Heard:
    """What llhttp tells about a stream."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.parser: Any = None

    def on_message_begin(self) -> None:
        self.current: dict[str, Any] = {"url": b"", "fields": [], "body": b"", "in_head": True}

    def on_url(self, url: bytes) -> None:
        self.current["url"] += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.current["in_head"]:
            self.current["fields"].append((name.lower(), value.rstrip(b"\t ")))

    def on_headers_complete(self) -> None:
        self.current["in_head"] = False
        self.current["keep_alive"] = self.parser.should_keep_alive()
        self.current["version"] = self.parser.get_http_version()

    def on_body(self, body: bytes) -> None:
        self.current["body"] += body

    def on_message_complete(self) -> None:
        self.messages.append(self.current)


class HeardRequests(Heard):
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.current["method"] = self.parser.get_method().decode()


class HeardResponses(Heard):
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.current["status"] = self.parser.get_status_code()


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples)
@given(REQUESTS)
@pytest.mark.slow
def test_llhttp_reads_every_request_that_we_accept_as_we_do(read_requests: Callable[..., Any], data: bytes) -> None:
    transcript = read_requests(data)
    assume(b"chunked\t" not in data.lower())  # where RFC 9110 5.5 has optional blanks, llhttp takes spaces only
    assume(all(head.method in KNOWN for head, _ in transcript.messages))  # llhttp knows some methods only
    heard = HeardRequests()
    heard.parser = httptools.HttpRequestParser(heard)
    heard.parser.feed_data(data[: transcript.read])
    assert len(heard.messages) == len(transcript.messages)
    for (head, body), theirs in zip(transcript.messages, heard.messages, strict=True):
        assert theirs["method"] == head.method
        assert theirs["url"].decode() == head.target
        assert theirs["version"] == f"1.{head.minor}"
        assert theirs["fields"] == head.fields
        assert theirs["body"] == body
        assert theirs["keep_alive"] or not head.keep_alive


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples)
@given(RESPONSES)
@pytest.mark.slow
def test_llhttp_reads_every_response_that_we_accept_as_we_do(read_responses: Callable[..., Any], data: bytes) -> None:
    transcript = read_responses(data)
    assume(b"chunked\t" not in data.lower())
    heard = HeardResponses()
    heard.parser = httptools.HttpResponseParser(heard)
    heard.parser.feed_data(data[: transcript.read])
    assert len(heard.messages) == len(transcript.messages)
    for (head, body), theirs in zip(transcript.messages, heard.messages, strict=True):
        assert theirs["status"] == head.status
        assert theirs["version"] == f"1.{head.minor}"
        assert theirs["fields"] == head.fields
        assert theirs["body"] == body
        assert theirs["keep_alive"] or not head.keep_alive
