from __future__ import annotations

import msgspec
import pytest
from http2_faults import PREFACE, SETTINGS, frame, head, headers

from portcullis.mounts.admission import Admission, Gate
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.negotiation import NegotiatedConnection, UndecidedConnection
from portcullis.testing import FakeTransport
from portcullis.testing.playbook import LISTENER

BOTH = msgspec.structs.replace(LISTENER, protocols=("h2", "http/1.1"))
HELLO = PREFACE + frame(SETTINGS, 0, 0)


class Agreed:
    def __init__(self, protocol: str | None) -> None:
        self.selected_alpn_protocol = lambda: protocol


class Counts:
    def acquire(self, address: str, worker: int, limit: int) -> bool:
        return True

    def release(self, address: str, worker: int) -> None:
        pass


@pytest.fixture
def transport() -> FakeTransport:
    made = FakeTransport()
    made.protocol = None
    made.set_protocol = lambda protocol: setattr(made, "protocol", protocol)
    return made


@pytest.mark.parametrize(
    ("agreed", "kind"), [("h2", Http2Connection), ("http/1.1", DownstreamConnection), (None, DownstreamConnection)]
)
async def test_what_was_agreed_on_is_spoken(play, transport, agreed, kind):
    p = play()
    transport._extra["ssl_object"] = Agreed(agreed)
    NegotiatedConnection(p.gateway, BOTH).connection_made(transport)
    assert type(transport.protocol) is kind
    assert transport.protocol in p.gateway.connections


async def test_who_agrees_on_nothing_is_sent_away_where_only_http2_is_spoken(play, transport):
    transport._extra["ssl_object"] = Agreed(None)
    only = msgspec.structs.replace(LISTENER, protocols=("h2",))
    NegotiatedConnection(play().gateway, only).connection_made(transport)
    assert (transport.protocol, transport.closed) == (None, "closed")


@pytest.mark.parametrize("cut", [1, 3, 10, 23, 24, 30])
async def test_a_preface_makes_it_http2_however_it_comes(play, transport, cut):
    p = play()
    at = Gate(Counts(), 0, 10, 10, ())
    before = set(p.gateway.connections)
    connection = UndecidedConnection(p.gateway, BOTH, Admission(at))
    connection.connection_made(transport)
    wire = HELLO + headers(head(b"GET", b"/a", authority=b"shop", scheme=b"http"))
    connection.data_received(wire[:cut])
    assert at.open == 1
    (transport.protocol or connection).data_received(wire[cut:])
    assert type(transport.protocol) is Http2Connection
    assert p.gateway.connections - before == {transport.protocol}
    assert len(transport.protocol._streams) == 1
    transport.lose(transport.protocol)
    assert at.open == 0


@pytest.mark.parametrize("first", [b"GET /none HTTP/1.1\r\nHost: shop\r\n\r\n", b"POST"])
async def test_anything_else_makes_it_http_1_1(play, transport, first):
    p = play()
    connection = UndecidedConnection(p.gateway, BOTH)
    connection.connection_made(transport)
    for byte in first:
        connection.data_received(bytes((byte,)))
    p.gateway.outbox.flush()
    assert transport.protocol is None
    assert transport.sent[:12] in (b"HTTP/1.1 404", b"")
    connection.data_received(b"\r\n\r\n")
    transport.lose(connection)


async def test_the_beginning_of_a_preface_is_not_waited_for_without_end(play, transport):
    p = play()
    connection = UndecidedConnection(p.gateway, BOTH)
    connection.connection_made(transport)
    connection.data_received(PREFACE[:5])
    p.wait(11)
    p.gateway.outbox.flush()
    assert transport.closed == "closed"
