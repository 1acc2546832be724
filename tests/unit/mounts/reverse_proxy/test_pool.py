from __future__ import annotations

import asyncio

import pytest

from portcullis.testing import settle

GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pool(p):
    return p.gateway.pools["shop"]


async def test_a_service_that_can_not_be_reached_is_502(play):
    p = play()
    p.service_is_up = False
    p.client_sends(GET)
    await settle()
    p.client_gets(b"HTTP/1.1 502", b"upstream.unreachable")
    assert pool(p).targets[0].open == 0


async def test_a_target_that_fails_again_and_again_is_left_out_for_a_while_and_longer_each_time(play):
    p = play({"targets": ["http://127.0.0.1:1", "http://127.0.0.1:2"], "ejection": {"failures": 2, "duration": "10s"}})
    first, second = pool(p).targets
    first.failed()
    first.failed()
    assert {pool(p)._choose() for _ in range(6)} == {second}
    p.clock.advance(10)
    assert {pool(p)._choose() for _ in range(6)} == {first, second}
    first.failed()
    first.failed()
    p.clock.advance(15)
    assert {pool(p)._choose() for _ in range(6)} == {second}
    p.clock.advance(5)
    first.succeeded()
    first.failed()
    assert {pool(p)._choose() for _ in range(6)} == {first, second}


async def test_when_all_targets_are_left_out_the_one_that_is_back_first_is_tried(play):
    p = play({"targets": ["http://127.0.0.1:1", "http://127.0.0.1:2"], "ejection": {"failures": 1}})
    first, second = pool(p).targets
    second.failed()
    p.clock.advance(1)
    first.failed()
    assert pool(p)._choose() is second


async def test_targets_take_turns(play):
    p = play({"targets": ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"]})
    assert len({pool(p)._choose() for _ in range(3)}) == 3


async def test_no_more_connections_are_opened_than_allowed_and_the_next_in_line_gets_the_first_free_one(play):
    p = play({"max_connections": 1})
    p.client_sends(GET)
    await settle()
    one = p.client, p.client_transport
    p.connect()
    p.client_sends(GET.replace(b"/a", b"/a?2"))
    await settle()
    assert len(p.service_connections) == 1
    p.service_gets(b"GET /a HTTP/1.1")
    p.service_sends(OK)
    p.gateway.outbox.flush()
    assert b"ok" in one[1].take()
    p.service_gets(b"GET /a?2 HTTP/1.1")
    p.service_sends(OK)
    p.client_gets(b"ok")


async def test_whoever_stands_in_line_too_long_is_told_so(play):
    p = play({"max_connections": 1, "timeouts": {"connect": "2s", "first_byte": "60s"}})
    p.client_sends(GET)
    await settle()
    p.connect()
    p.client_sends(GET)
    await settle()
    p.wait(2.5)
    p.client_gets()
    p.wait(1)
    p.client_gets(b"HTTP/1.1 503", b"upstream.none_available")


async def test_a_client_that_goes_while_it_stands_in_line_leaves_the_line(play):
    p = play({"max_connections": 1})
    p.client_sends(GET)
    await settle()
    p.connect()
    p.client_sends(GET)
    p.client_goes()
    assert not pool(p)._line
    p.service_sends(OK)
    assert pool(p).targets[0].idle


async def test_a_lost_connection_makes_room_for_the_next_in_line(play):
    p = play({"max_connections": 1})
    p.client_sends(GET)
    await settle()
    p.connect()
    p.client_sends(GET)
    await settle()
    p.service_goes()
    await settle()
    assert len(p.service_connections) == 2
    p.service_gets(b"GET /a")


async def test_closing_the_pool_closes_what_is_idle(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    pool(p).close()
    assert p.service[1].closed == "closed"


async def test_repr_shows_the_state(play):
    p = play()
    assert repr(pool(p).targets[0]) == "<Target http://127.0.0.1:9000 open=0 idle=0 failures=0>"


async def test_a_connection_whose_making_failed_oddly_is_no_reason_to_wait_for_ever(play, monkeypatch):
    async def fail(_target):
        raise UnicodeError("label too long")

    p = play()
    monkeypatch.setattr(pool(p), "_open", fail)
    p.client_sends(GET)
    await settle()
    p.client_gets(b"HTTP/1.1 502", b"upstream.unreachable")
    assert pool(p).targets[0].open == 0


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
    assert {await pool(p)._address(target) for _ in range(4)} == {"192.0.2.1", "192.0.2.2"}
    assert names.asked == 1
    names.addresses = ("192.0.2.9",)
    p.clock.advance(11)
    assert await pool(p)._address(target) == "192.0.2.9"
    assert names.asked == 2


async def test_what_was_known_of_a_name_serves_on_while_it_can_not_be_resolved(play, monkeypatch):
    names = Names(monkeypatch, "192.0.2.1")
    p = play({"targets": ["https://shop.internal"], "resolve_every": "10s"})
    target = pool(p).targets[0]
    assert await pool(p)._address(target) == "192.0.2.1"
    names.addresses = ()
    p.clock.advance(11)
    assert await pool(p)._address(target) == "192.0.2.1"


async def test_a_name_that_was_never_resolved_can_not_be_reached(play, monkeypatch):
    Names(monkeypatch)
    p = play({"targets": ["https://shop.internal"]})
    with pytest.raises(OSError, match="no such name"):
        await pool(p)._address(pool(p).targets[0])


async def test_an_address_is_never_resolved(play, monkeypatch):
    names = Names(monkeypatch)
    p = play({"targets": ["https://[2001:db8::1]:8443"]})
    assert await pool(p)._address(pool(p).targets[0]) == "2001:db8::1"
    assert names.asked == 0


async def test_the_whole_exchange_ends_in_time_though_the_first_byte_may_take_longer(play):
    p = play({"timeouts": {"first_byte": "20s", "whole": "5s"}})
    p.client_sends(GET)
    await settle()
    p.service_gets(b"GET /a HTTP/1.1\r\n")
    p.wait(6)
    p.client_gets(b"HTTP/1.1 504", b"upstream.timeout")
