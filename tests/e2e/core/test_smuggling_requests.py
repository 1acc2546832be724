"""No request is read otherwise by the service than by the gateway, whatever a client makes of its framing.

Each row of the tables is sent over a socket of its own. What the service gets is read by two parsers that are not ours
and must be the named messages; then another client asks, and must be given its own answer: so it shows if anything
was left on a connection to the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest
from gateway import Gateway, read_all
from smuggled_requests import REFUSED
from suspicious_requests import ROWS, Row
from wire_tap import Message, WireTap, messages_by_h11

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /open/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: ok}}}
  /stream/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    post:
      requestBody: {content: {"*/*": {}}}
      responses: {"200": {description: ok}}
  /whole/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    post:
      requestBody: {content: {application/json: {schema: {type: string}}}}
      responses: {"200": {description: ok}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", timeouts: {header: 1s, body: 1s, idle: 5s}}
apis:
  shop:
    hosts: [shop]
    upstream: {targets: ["UPSTREAM"], timeouts: {connect: 1s, first_byte: 2s, idle: 2s, whole: 20s}}
    versions: {v1: {spec: shop.yaml}}
    operations:
      "GET /open/{name}": {public: true, validate: {request: {mode: "off"}}}
      "POST /stream/{name}": {public: true, validate: {request: {mode: "off"}}}
      "POST /whole/{name}": {public: true}
"""
OPERATIONS = ("stream", "whole")
AFTER = b"GET /shop/open/after HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
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


def send(gateway: Gateway, data: bytes) -> tuple[int, ...]:
    """The statuses that ``data`` is answered with, on a connection that must be closed behind them."""
    with gateway.connect(timeout=4) as client:
        client.sendall(data)
        return tuple(int(status) for status in STATUS.findall(read_all(client)))


def check_that_nothing_is_left(gateway: Gateway, tap: WireTap) -> None:
    """Another client gets its own answer, and whatever the service was sent is readable, and the same, to others."""
    target = f"/shop/open/{next(numbers)}"
    answer = gateway.exchange(f"GET {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
    assert answer.endswith(f"\r\n\r\nGET {target}".encode())
    assert tap.messages.pop() == Message("GET", target)
    assert not tap.unreadable


def named(operation: str, data: bytes) -> bytes:
    return data.replace(b"/ANY/", f"/{operation}/".encode())


CASES = [
    (name, operation)
    for name, data in REFUSED.items()
    for operation in OPERATIONS
    if operation == "stream" or b"/ANY/" in data
]


@pytest.mark.parametrize(("name", "operation"), CASES, ids=[" - ".join(case) for case in CASES])
def test_an_ambiguous_request_is_refused_and_never_seen(
    gateway: Gateway, tap: WireTap, name: str, operation: str
) -> None:
    tap.messages.clear()
    assert send(gateway, named(operation, REFUSED[name])) == (400,)
    assert tap.messages == []
    check_that_nothing_is_left(gateway, tap)


PASSING = [
    (row, operation)
    for row in ROWS
    for operation in OPERATIONS
    if operation == "stream" or (b"/ANY/" in row.data and row.whole)
]


@pytest.mark.parametrize(("row", "operation"), PASSING, ids=[f"{row.name} - {operation}" for row, operation in PASSING])
def test_a_suspicious_request_is_read_by_all_alike(gateway: Gateway, tap: WireTap, row: Row, operation: str) -> None:
    tap.messages.clear()
    statuses = send(gateway, named(operation, row.data) + (AFTER if row.kept else b""))
    seen = [Message(each.method, each.target.replace("ANY", operation), each.body) for each in row.seen]
    if row.kept:
        seen.append(Message("GET", "/shop/open/after"))
    assert statuses == row.statuses + ((200,) if row.kept else ())
    assert tap.messages == seen
    check_that_nothing_is_left(gateway, tap)


def test_all_that_was_sent_on_is_read_alike_by_another_parser(gateway: Gateway, tap: WireTap) -> None:
    """After all rows: h11 finds in each connection what llhttp found, and nothing that others read as framing."""
    check_that_nothing_is_left(gateway, tap)
    streams = [bytes(stream) for stream in tap.streams]
    by_h11 = [message for stream in streams for message in messages_by_h11(stream)]
    assert len(by_h11) == tap.count
    assert not any("smuggled" in message.target for message in by_h11)
    heads = b"".join(streams).lower()
    assert b"transfer_encoding" not in heads
    assert b"content_length" not in heads


def test_there_are_more_than_a_hundred_rows() -> None:
    assert len(REFUSED) + len(ROWS) > 250
    assert len({row.name for row in ROWS}) == len(ROWS)
