from __future__ import annotations

import pytest
from http2_answers import BEGUN, answer, body
from http2_faults import CANCEL, GOAWAY, REFUSED, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, setting, word
from http2_service_play import Http2ServicePlay

from portcullis.mounts.reverse_proxy.http2_upstream import MOST_CANCELLED
from portcullis.testing import settle

GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"


def target(p):
    return p.gateway.pools["shop"].targets[0]


@pytest.fixture
def make(play):
    async def made(**upstream: object) -> Http2ServicePlay:
        p = play({"protocols": ["h2"], **upstream}, kind=Http2ServicePlay)
        p.client_sends(GET)
        await settle()
        p.says_hello()
        return p

    return made


async def more(p, count: int, request: bytes = GET) -> list[object]:
    clients = []
    for _ in range(count):
        p.connect()
        clients.append(p.client_transport)
        p.client_sends(request)
    await settle()
    return clients


async def test_a_request_goes_out_and_its_answer_comes_back(make):
    p = await make()
    asked = p.asked()
    assert (asked.head[":method"], asked.head[":path"], asked.ended) == ("GET", "/a", True)
    assert asked.head[":authority"] == "127.0.0.1:9000"
    assert asked.head[":scheme"] == "http"
    assert "host" not in asked.head
    assert asked.head["via"] == "1.1 portcullis"
    p.service_sends(answer((b"x-a", b"1"), ended=False) + body(b"ok"))
    p.client_gets(b"HTTP/1.1 200 OK\r\n", b"x-a: 1\r\n", b"content-length: 2\r\n\r\nok")
    (record,) = p.records
    assert (record.status, record.upstream_status) == (200, 200)


async def test_many_requests_share_a_connection(make):
    p = await make()
    await more(p, 4)
    assert len(p.service_connections) == 1
    p.asked()
    assert sorted(p.requests) == [0, 1, 3, 5, 7, 9]


async def test_one_more_than_the_service_takes_waits_for_a_place(make):
    p = await make(max_connections=1)
    p.service_sends(frame(SETTINGS, 0, 0, setting(3, 1)))
    await more(p, 1)
    assert len(p.service_connections) == 1
    p.asked()
    assert 3 not in p.requests
    p.service_sends(answer())
    assert p.asked(3).ended


async def test_or_for_another_connection(make):
    p = await make(max_connections=2)
    p.service_sends(frame(SETTINGS, 0, 0, setting(3, 1)))
    await more(p, 1)
    assert len(p.service_connections) == 2


async def test_those_who_came_while_the_connection_was_made_are_all_served_on_it(play):
    p = play({"protocols": ["h2"]}, kind=Http2ServicePlay)
    await more(p, 3)
    assert len(p.service_connections) == 1
    p.asked()
    assert sorted(p.requests) == [0, 1, 3, 5]


async def test_a_service_that_can_not_be_reached_is_told_to_all_who_wait(play):
    p = play({"protocols": ["h2"]}, kind=Http2ServicePlay)
    p.service_is_up = False
    clients = await more(p, 3)
    p.gateway.outbox.flush()
    assert all(b"502" in client.take() for client in clients)


async def test_a_service_that_wants_no_more_gets_the_next_request_on_a_new_connection(make):
    p = await make()
    p.service_sends(frame(GOAWAY, 0, 0, word(1) + word(0)))
    assert target(p).shared == []
    first = p.service
    await more(p, 1)
    assert len(p.service_connections) == 2
    first[0].data_received(answer())
    p.gateway.outbox.flush()
    assert first[1].closed == "closed"


async def test_a_request_that_was_not_looked_at_is_sent_again_whatever_it_is(make):
    p = await make()
    (client,) = await more(p, 1, POST)
    p.service_sends(frame(RST_STREAM, 0, 3, word(REFUSED)))
    asked = p.asked(5)
    assert (asked.head[":method"], asked.body, asked.ended) == ("POST", b"hi", True)
    p.service_sends(answer(stream=5))
    p.gateway.outbox.flush()
    assert b"200 OK" in client.take()


async def test_a_request_that_the_service_gave_up_is_a_502_and_the_others_live(make):
    p = await make()
    (client,) = await more(p, 1)
    p.service_sends(frame(RST_STREAM, 0, 3, word(CANCEL)))
    p.gateway.outbox.flush()
    assert b"502" in client.take()
    p.service_sends(answer())
    assert p.records[-1].status == 200


async def test_a_connection_on_which_many_cancel_gets_no_more_and_ends_with_its_last_answer(make):
    p = await make()
    first, waiting = p.service, p.client_transport
    for _ in range(MOST_CANCELLED):
        await more(p, 1)
        p.client_goes()
    assert len(p.service_connections) == 1
    assert target(p).shared == []
    await more(p, 1)
    assert len(p.service_connections) == 2
    assert first[1].closed == ""
    first[0].data_received(answer())
    p.gateway.outbox.flush()
    assert b"200 OK" in waiting.take()
    assert first[1].closed == "closed"


async def test_who_cancels_can_not_take_more_than_half_of_the_connections(make):
    p = await make(max_connections=4)
    for expected in (2, 3, 3, 3):
        for _ in range(MOST_CANCELLED):
            await more(p, 1)
            p.client_goes()
        before = len(p.service_connections)
        await more(p, 1)  # it stays, so that its connection does
        if len(p.service_connections) > before:
            p.says_hello()
        assert len(p.service_connections) == expected
    assert target(p).shared == [p.service[0]]


async def test_an_answer_that_breaks_off_breaks_the_clients_connection(make):
    p = await make()
    p.service_sends(BEGUN + body(b"x", ended=False))
    p.client_gets(b"200 OK")
    p.service_sends(frame(RST_STREAM, 0, 1, word(CANCEL)))
    p.client_is("aborted")
    assert p.records[-1].code == "upstream.truncated"


async def test_a_connection_that_ends_ends_its_exchanges(make):
    p = await make()
    (client,) = await more(p, 1)
    p.service_sends(BEGUN)
    p.service_goes()
    p.gateway.outbox.flush()
    assert b"502" in client.take()
    assert {record.code for record in p.records} == {"upstream.truncated", "upstream.closed"}
    assert target(p).open == 0


async def test_what_can_be_sent_again_is_when_a_kept_connection_turns_out_to_be_gone(make):
    p = await make()
    p.service_sends(answer())
    p.client_gets(b"200 OK")
    p.client_sends(GET)
    p.asked(3)
    p.service_goes()
    await settle()
    assert p.asked(1).head[":path"] == "/a"
    p.says_hello()
    p.service_sends(answer())
    p.client_gets(b"200 OK")


async def test_a_service_that_breaks_the_rules_is_a_502_for_all_on_the_connection(make):
    p = await make()
    await more(p, 1)
    p.service_sends(answer(stream=2))
    assert [record.code for record in p.records] == ["upstream.bad_response"] * 2
    p.gateway.outbox.flush()
    assert p.service[1].closed == "closed"


async def test_a_connection_that_nobody_uses_is_closed_in_time(make):
    p = await make(timeouts={"keep": "10s"})
    p.service_sends(answer())
    p.wait(9)
    assert p.service[1].closed == ""
    p.wait(2)
    p.gateway.outbox.flush()
    assert p.service[1].closed == "closed"
    assert target(p).shared == []


async def test_closing_the_pool_closes_what_is_not_used(make):
    p = await make()
    p.gateway.pools["shop"].close()
    p.gateway.outbox.flush()
    assert p.service[1].closed == ""
    p.service_sends(answer())
    p.gateway.outbox.flush()
    assert p.service[1].closed == "closed"


async def test_one_on_which_an_answer_did_not_come_gets_no_more_requests(make):
    p = await make(timeouts={"first_byte": "5s"})
    p.wait(6)
    p.client_gets(b"504")
    assert p.asked().reset == CANCEL
    await more(p, 1)
    assert len(p.service_connections) == 2


async def test_a_fault_of_ours_is_no_fault_of_the_networks(make):
    p = await make()

    def fail(_data: bytes) -> None:
        raise RuntimeError("broken")

    connection = p.service[0]
    connection._codec = type("Broken", (), {"receive": staticmethod(fail)})()
    connection.data_received(b"x")
    assert p.records[-1].code == "guard.internal"
    assert p.service[1].closed == "aborted"


async def test_repr_shows_the_state(make):
    p = await make()
    assert repr(p.service[0]) == "<Http2UpstreamConnection http://127.0.0.1:9000 1 streams>"


@pytest.mark.parametrize(
    "unserved",
    [frame(RST_STREAM, 0, 1, word(REFUSED)), frame(GOAWAY, 0, 0, word(0) + word(0))],
    ids=["reset", "goaway"],
)
async def test_a_request_whose_answer_has_begun_is_never_sent_again(make, unserved):
    p = await make()
    p.service_sends(BEGUN + body(b"x", ended=False))
    p.client_gets(b"200 OK")
    p.service_sends(unserved)
    p.client_is("aborted")
    p.asked()
    assert sorted(p.requests) == [0, 1]
    assert p.records[-1].code == "upstream.truncated"


async def test_those_who_wait_are_served_when_the_service_takes_more(make):
    p = await make(max_connections=1)
    p.service_sends(frame(SETTINGS, 0, 0, setting(3, 1)))
    await more(p, 1)
    p.service_sends(frame(SETTINGS, 0, 0, setting(3, 2)))
    assert p.asked(3).ended


async def test_a_body_that_the_service_does_not_read_does_not_hold_up_those_of_others_for_long(make):
    p = await make()
    service = p.service_connections[0][0]
    large = b"PUT /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90_000
    await more(p, 1, large)
    await more(p, 1, POST)
    assert not service.is_stalled
    p.wait(0.9)
    service.data_received(frame(WINDOW_UPDATE, 0, 0, word(1)))  # slow is not stalled
    await more(p, 1, POST)
    p.wait(0.9)
    await more(p, 1, POST)
    assert len(p.service_connections) == 1
    p.wait(0.2)
    await more(p, 1, POST)
    assert len(p.service_connections) == 2
    p.says_hello()
    await more(p, 1, POST)
    assert p.asked().body == b"hi"
    service.data_received(frame(WINDOW_UPDATE, 0, 0, word(2**20)))
    assert not service.is_stalled
