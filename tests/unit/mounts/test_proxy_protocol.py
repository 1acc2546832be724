"""Connections that a balancer passes on."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import Any

import pytest

from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.proxy_protocol import ProxyListener, ProxyProtocol
from portcullis.testing import FakeClock, FakeTransport

HEADER = b"PROXY TCP4 198.51.100.9 192.0.2.1 56324 443\r\n"
BALANCER = ("10.0.0.2", 4000)


class Transport(FakeTransport):
    """Knows its protocol, as a real one does."""

    protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Application(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data


class Ground:
    """A listener behind a balancer."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.deadlines = Deadlines(self.clock.now_ns)
        self.listener = ProxyListener("public", [ipaddress.ip_network("10.0.0.0/8")], self.deadlines, 10**9)
        self.made: list[Application] = []

    def connect(self, peer: tuple[str, int] = BALANCER) -> tuple[ProxyProtocol, Transport]:
        protocol, transport = ProxyProtocol(self._make, self.listener), Transport(peer)
        protocol.connection_made(transport)
        return protocol, transport

    def _make(self) -> Application:
        self.made.append(Application())
        return self.made[-1]


@pytest.fixture
def ground() -> Ground:
    return Ground()


def test_the_client_is_who_the_balancer_names(ground: Ground) -> None:
    protocol, transport = ground.connect()
    assert ground.listener.waiting == 1
    protocol.data_received(HEADER + b"GET /")
    (application,) = ground.made
    assert transport.protocol is application
    assert application.transport.get_extra_info("peername") == ("198.51.100.9", 56324)
    assert application.transport.get_extra_info("sockname") is None
    assert application.received == b"GET /"
    assert ground.listener.waiting == 0
    assert len(ground.deadlines) == 0
    assert repr(application.transport) == "<PassedOnTransport 198.51.100.9>"
    application.transport.write(b"HTTP/1.1 200 OK")
    assert transport.sent == b"HTTP/1.1 200 OK"
    application.transport.close()
    assert transport.closed == "closed"
    assert application.transport.is_closing()


def test_a_header_may_come_byte_by_byte(ground: Ground) -> None:
    protocol, _ = ground.connect()
    for byte in HEADER:
        assert not ground.made
        protocol.data_received(bytes([byte]))
    assert ground.made[0].transport.get_extra_info("peername")[0] == "198.51.100.9"
    assert ground.made[0].received == b""


def test_a_balancer_may_speak_for_itself(ground: Ground) -> None:
    protocol, transport = ground.connect()
    protocol.data_received(b"PROXY UNKNOWN\r\n")
    assert ground.made[0].transport is transport


@pytest.mark.parametrize("peer", [("192.0.2.7", 4000), ("::ffff:192.0.2.7", 4000)])
def test_others_speak_for_themselves(ground: Ground, peer: tuple[str, int]) -> None:
    _, transport = ground.connect(peer)
    assert ground.made[0].transport is transport
    assert transport.protocol is ground.made[0]


def test_a_mapped_address_is_that_of_the_balancer(ground: Ground) -> None:
    ground.connect(("::ffff:10.0.0.2", 4000))
    assert ground.listener.waiting == 1


def test_a_balancer_that_sends_no_header_is_cut_off(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            protocol, transport = ground.connect()
            protocol.data_received(b"GET / HTTP/1.1\r\n")
            assert transport.closed == "aborted"
            protocol.data_received(HEADER)
            protocol.connection_lost(None)
    assert ground.made == []
    assert ground.listener.waiting == 0
    (line,) = caplog.messages
    assert line == (
        "listener public closed a connection of 10.0.0.2: the connection does not begin with a PROXY header"
    )


def test_a_header_must_come_in_time(ground: Ground) -> None:
    protocol, transport = ground.connect()
    protocol.data_received(HEADER[:10])
    ground.clock.advance(2.0)
    ground.deadlines.sweep()
    assert transport.closed == "aborted"
    assert ground.listener.waiting == 0


def test_a_balancer_that_goes_before_its_header_leaves_nothing(ground: Ground) -> None:
    protocol, _ = ground.connect()
    assert protocol.eof_received() is False
    protocol.connection_lost(None)
    assert ground.listener.waiting == 0
    assert len(ground.deadlines) == 0
