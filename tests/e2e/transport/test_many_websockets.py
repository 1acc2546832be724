"""A thousand sessions that say nothing: what each costs, and how they end when the gateway is reloaded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gateway import Gateway, private_bytes, serving
from websocket_service import WebSocketService, Wire, frame

SESSIONS = 1_000
BYTES = 16 * 1024
"""Of the worker's own memory, for each session. The kernel's, for its two sockets, is not in it."""
SPEC = """\
openapi: 3.1.0
info: {title: Feed, version: "1"}
paths: {/feed: {get: {responses: {"101": {description: Frames.}}}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0", max_connections_per_address: 2000}}
apis:
  feed:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"], max_connections: 2000}
    versions: {v1: {spec: shop.yaml}}
    public: true
    operations: {"GET /feed": {websocket: {idle: 120s}}}
observe: {access_log: {path: access.jsonl}}
process: {drain: 1s}
"""
HANDSHAKE = (
    b"GET /feed HTTP/1.1\r\nHost: feed\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    service = WebSocketService()
    with serving(tmp_path, SPEC, CONFIGURATION, service.url) as running:
        yield running
    service.stop()


def opened(gateway: Gateway, stack: ExitStack) -> Wire:
    connection = stack.enter_context(gateway.connect())
    connection.settimeout(20)
    connection.sendall(HANDSHAKE)
    wire = Wire(connection)
    assert wire.head().startswith(b"HTTP/1.1 101 ")
    return wire


def test_idle_sessions_are_cheap_and_are_told_when_the_gateway_goes_on_without_them(gateway: Gateway) -> None:
    with ExitStack() as stack:
        opened(gateway, stack)
        [worker] = gateway.workers()
        before = private_bytes(worker)
        wires = [opened(gateway, stack) for _ in range(SESSIONS)]
        assert (private_bytes(worker) - before) / SESSIONS < BYTES
        for wire in wires[::100]:
            wire.socket.sendall(frame(9, b"still there?", mask=b"\0\0\0\0"))
            assert wire.frame() == (0x8A, b"still there?")
        reloaded = time.monotonic()
        gateway.reload()
        assert {wire.frame() for wire in wires} == {(0x88, (1001).to_bytes(2, "big"))}
        assert time.monotonic() - reloaded > 1
