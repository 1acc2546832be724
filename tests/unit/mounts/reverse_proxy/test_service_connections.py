from __future__ import annotations

import asyncio

import pytest

from portcullis.mounts.reverse_proxy.service_connections import address_of, open_connection
from portcullis.testing import FakeTransport, settle


def pool(p):
    return p.gateway.pools["shop"]


class Names:
    """A resolver that answers what the test says, and counts how often it was asked."""

    def __init__(self, monkeypatch, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.getaddrinfo, raising=False)

    async def getaddrinfo(self, host, port, **_options):
        self.asked += 1
        if not self.addresses:
            raise OSError("no such name")
        return [(2, 1, 6, "", (address, port)) for address in self.addresses]


async def test_a_name_is_resolved_again_when_what_is_known_is_old_and_its_addresses_take_turns(play, monkeypatch):
    names = Names(monkeypatch, "192.0.2.1", "192.0.2.2", "192.0.2.1")
    p = play({"targets": ["https://shop.internal"], "resolve_every": "10s"})
    target = pool(p).targets[0]
    assert {await address_of(pool(p), target) for _ in range(4)} == {"192.0.2.1", "192.0.2.2"}
    assert names.asked == 1
    names.addresses = ("192.0.2.9",)
    p.clock.advance(11)
    assert await address_of(pool(p), target) == "192.0.2.9"
    assert names.asked == 2


async def test_what_was_known_of_a_name_serves_on_while_it_can_not_be_resolved(play, monkeypatch):
    names = Names(monkeypatch, "192.0.2.1")
    p = play({"targets": ["https://shop.internal"], "resolve_every": "10s"})
    target = pool(p).targets[0]
    assert await address_of(pool(p), target) == "192.0.2.1"
    names.addresses = ()
    p.clock.advance(11)
    assert await address_of(pool(p), target) == "192.0.2.1"


async def test_a_name_that_was_never_resolved_can_not_be_reached(play, monkeypatch):
    Names(monkeypatch)
    p = play({"targets": ["https://shop.internal"]})
    with pytest.raises(OSError, match="no such name"):
        await address_of(pool(p), pool(p).targets[0])


async def test_an_address_is_never_resolved(play, monkeypatch):
    names = Names(monkeypatch)
    p = play({"targets": ["https://[2001:db8::1]:8443"]})
    assert await address_of(pool(p), pool(p).targets[0]) == "2001:db8::1"
    assert names.asked == 0


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "something else"])
async def test_a_service_that_does_not_speak_http2_and_closes_is_counted_once(play, monkeypatch, says):
    p = play({"protocols": ["h2"]})
    monkeypatch.setattr(pool(p), "_open", lambda target: open_connection(pool(p), target))
    made = []

    async def create_connection(protocol, *_where):
        transport = FakeTransport()
        made.append((protocol(), transport))
        made[-1][0].connection_made(transport)
        return transport, made[-1][0]

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection, raising=False)
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    ((connection, transport),) = made
    if says:
        connection.data_received(says)
    transport.lose(connection)
    await settle()
    p.client_gets(b"HTTP/1.1 502")
    assert (pool(p).targets[0].open, pool(p).targets[0].connecting) == (0, 0)
