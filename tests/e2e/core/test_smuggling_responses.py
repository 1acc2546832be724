"""No client is given bytes that a service did not mean for it, whatever a service makes of its framing.

Each row of the tables is sent by a service over a socket. Then another client asks over the same pool of connections,
and must be given its own answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest
from gateway import Gateway, read_all, wait_for
from smuggled_responses import BAD, CUT, GOOD, Answer
from wire_tap import WireTap

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /open/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {default: {description: any}}}
    head: {responses: {default: {description: any}}}
    post: {responses: {default: {description: any}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", timeouts: {header: 2s, body: 2s, idle: 5s}}
apis:
  shop:
    hosts: [shop]
    upstream: {targets: ["UPSTREAM"], timeouts: {connect: 1s, first_byte: 1s, idle: 1s, whole: 5s}}
    versions: {v1: {spec: shop.yaml}}
    operations:
      "GET /open/{name}": {public: true}
      "HEAD /open/{name}": {public: true}
      "POST /open/{name}": {public: true}
"""
numbers = count()


@pytest.fixture(scope="module")
def tap() -> Iterator[WireTap]:
    running = WireTap()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(tap: WireTap) -> WireTap:
    """What the gateway stands before."""
    return tap


def ask(
    gateway: Gateway, tap: WireTap, pieces: list[bytes], method: str = "GET", *, late: bool = False
) -> tuple[int, bytes, bytes]:
    """What a client gets if the service answers with ``pieces``: status, head, and all that came after it.

    Where the answer is bad it asks with POST, which the gateway may not send twice. ``late``: the gateway must then
    close the connection to the service.
    """
    target = f"/open/{next(numbers)}"
    tap.answers[target] = pieces
    asked = len(tap.messages)
    request = f"{method} {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    with gateway.connect() as client:
        client.sendall(request.encode())
        received = read_all(client)
    if late:
        wait_for(lambda: target in tap.ended, "the end of the connection")
    assert [message.target for message in tap.messages[asked:]] == [target]
    match = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", received)
    assert match is not None, received
    start_line_and_fields, _, rest = received.partition(b"\r\n\r\n")
    return int(match[1]), start_line_and_fields.lower(), rest


def check_that_nothing_is_left(gateway: Gateway) -> None:
    """Others get their own answers."""
    for _ in range(2):
        target = f"/open/{next(numbers)}"
        answer = gateway.exchange(f"GET {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
        assert answer.endswith(f"\r\n\r\nGET {target}".encode())


def body_of(head: bytes, rest: bytes) -> bytes:
    """The body as a strict client reads it; nothing may follow."""
    if b"\r\ntransfer-encoding: chunked" not in head:
        assert b"\r\ncontent-length: %d" % len(rest) in head or not rest
        return rest
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        chunk, end_of_chunk, rest = rest[:length], rest[length : length + 2], rest[length + 2 :]
        assert (len(chunk), end_of_chunk) == (length, b"\r\n")
        if not length:
            assert not rest
            return body
        body += chunk


@pytest.mark.parametrize("name", BAD)
def test_an_ambiguous_answer_becomes_502_and_none_of_it_is_seen(gateway: Gateway, tap: WireTap, name: str) -> None:
    status, head, body = ask(gateway, tap, [BAD[name]], "POST")
    assert status == 502
    assert b"content-type: application/problem+json" in head
    assert b"upstream.bad_response" in body
    assert b"poison" not in body
    check_that_nothing_is_left(gateway)


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_goes_wrong_is_cut_off_before_its_end(gateway: Gateway, tap: WireTap, name: str) -> None:
    status, head, body = ask(gateway, tap, CUT[name], "POST")
    assert status == 200
    assert b"poison" not in body
    if b"transfer-encoding: chunked" in head:
        assert not body.endswith(b"0\r\n\r\n")
    else:
        assert body == b"half"
        assert b"content-length: 10" in head
    check_that_nothing_is_left(gateway)


@pytest.mark.parametrize("answer", GOOD, ids=[answer.name for answer in GOOD])
def test_an_answer_that_can_be_read_in_one_way_is_given_so(gateway: Gateway, tap: WireTap, answer: Answer) -> None:
    status, head, rest = ask(gateway, tap, answer.pieces, answer.method, late=answer.late)
    assert status == answer.status
    assert (body_of(head, rest) if answer.method != "HEAD" and status == 200 else rest) == answer.body
    for text in answer.hidden:
        assert text.lower() not in head
    check_that_nothing_is_left(gateway)


def test_interim_answers_without_end_are_given_up(gateway: Gateway, tap: WireTap) -> None:
    """A service that says "103" for ever is no better than one that says nothing."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    status, _, body = ask(gateway, tap, [hints * 100] * 500, "POST")
    assert status in (502, 504)
    assert b"poison" not in body
    check_that_nothing_is_left(gateway)


def test_there_are_more_than_a_hundred_rows() -> None:
    assert len(BAD) + len(CUT) + len(GOOD) > 120
