from __future__ import annotations

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


async def two_kept(p):
    """Two clients were answered: the connections of both to the service are kept."""
    clients = []
    for _ in range(2):
        p.client_sends(GET)
        await settle()
        clients.append((p.client, p.client_transport))
        p.connect()
    for connection, transport in p.service_connections:
        transport.protocol_of(connection).data_received(OK)
    assert len(pool(p).targets[0].idle) == 2


async def test_who_lost_a_kept_connection_gets_a_new_one_though_another_is_kept(play):
    p = play()
    await two_kept(p)
    p.client_sends(GET)
    p.service_goes()
    await settle()
    assert len(p.service_connections) == 3
    p.service_gets(b"GET /a")
    p.service_sends(OK)
    p.client_gets(b"ok")


class Waiting:
    def __init__(self):
        self.told = []
        self.upstream_ready = self.upstream_unavailable = self.told.append


async def test_kept_ones_that_are_in_the_way_of_it_are_closed(play):
    p = play({"max_connections": 2})
    await two_kept(p)
    waiting = Waiting()
    assert pool(p).acquire(waiting, new=True) is None
    first, transport = p.service_connections[0]
    assert transport.closed == "closed"
    transport.lose(first)
    await settle()
    assert waiting.told == [p.service_connections[2][0]]


async def test_also_one_that_is_given_back_meanwhile(play):
    p = play({"max_connections": 1})
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    kept, transport = p.service
    waiting = Waiting()
    assert pool(p).acquire(Waiting()) is kept
    assert pool(p).acquire(waiting, new=True) is None
    pool(p).give_back(kept)
    assert transport.closed == "closed"
    transport.lose(kept)
    await settle()
    assert waiting.told == [p.service[0]]
    assert waiting.told[0] is not kept


async def test_one_is_closed_for_each_who_needs_a_new_one(play):
    p = play({"max_connections": 2})
    await two_kept(p)
    waiting = [Waiting(), Waiting()]
    for each in waiting:
        assert pool(p).acquire(each, new=True) is None
    kept = p.service_connections[:2]
    assert [transport.closed for _, transport in kept] == ["closed", "closed"]
    for connection, transport in kept:
        transport.lose(connection)
    await settle()
    assert [each.told for each in waiting] == [[connection] for connection, _ in p.service_connections[2:]]


async def test_who_needs_a_new_one_is_not_overtaken_for_ever(play):
    p = play({"max_connections": 2})
    await two_kept(p)
    busy = [pool(p).acquire(Waiting()), pool(p).acquire(Waiting())]
    kept, transport = p.service_connections[0]
    assert kept in busy
    needs_new, later = Waiting(), Waiting()
    assert pool(p).acquire(needs_new, new=True) is None
    assert pool(p).acquire(later) is None
    pool(p).give_back(kept)
    assert (transport.closed, later.told) == ("closed", [])
    transport.lose(kept)
    await settle()
    assert needs_new.told == [p.service[0]]


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


async def test_the_whole_exchange_ends_in_time_though_the_first_byte_may_take_longer(play):
    p = play({"timeouts": {"first_byte": "20s", "whole": "5s"}})
    p.client_sends(GET)
    await settle()
    p.service_gets(b"GET /a HTTP/1.1\r\n")
    p.wait(6)
    p.client_gets(b"HTTP/1.1 504", b"upstream.timeout")
