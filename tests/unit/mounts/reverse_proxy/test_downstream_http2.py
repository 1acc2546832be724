from __future__ import annotations

import asyncio
import ipaddress
from functools import partial

import msgspec
import pytest
from http2_faults import (
    CALM,
    CANCEL,
    DATA,
    END_STREAM,
    FAULTS,
    PING,
    PREFACE,
    PROTOCOL,
    RST_STREAM,
    Fault,
    frame,
    head,
    headers,
    word,
)
from http2_play import SECURE, Http2Play

from portcullis.mounts.admission import Admission, Gate
from portcullis.mounts.http2.limits import Limits
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.http2_stream import Http2Stream
from portcullis.testing import FakeTransport, settle

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(stream: int = 1, *fields: tuple[bytes, bytes], scheme: bytes = b"https") -> bytes:
    return headers(head(b"GET", b"/a", *fields, authority=b"shop", scheme=scheme), stream=stream)


@pytest.fixture
async def p(play) -> Http2Play:
    return play(kind=Http2Play)


# Many streams.


async def test_streams_run_side_by_side_and_end_in_any_order(p):
    p.client_sends(get(1) + get(3))
    await settle()
    (first, _), (second, _) = p.service_connections
    second.data_received(OK)
    assert p.look(3).ended
    assert not p.look(1).ended
    first.data_received(OK)
    assert p.look(1).ended
    assert repr(p.client) == "<Http2Connection 192.0.2.1 0 streams>"


async def test_what_is_sent_in_one_turn_is_written_at_once(p):
    p.look()
    p.client_sends(get(1, (b"expect", b"x")) + get(3, (b"expect", b"x")))
    assert p.client_transport.sent == b""
    p.look()
    assert (p.streams[1].status, p.streams[3].status) == (417, 417)


async def test_the_fields_of_repeated_requests_are_rendered_once(p):
    p.client_sends(get(1))
    await settle()
    p.service_sends(OK)
    rendered = p.client.renderer._rendered
    p.client_sends(get(3))
    assert p.client.renderer._rendered is rendered


async def test_requests_beyond_those_of_a_turn_are_read_in_the_next_one(p):
    p.client_sends(b"".join(get(2 * number + 1, (b"expect", b"x")) for number in range(70)))
    assert not p.client_transport.reading
    assert len(p.records) == 32
    await settle()
    assert len(p.records) == 70
    assert p.client_transport.reading


# What a client does wrong.


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_what_a_client_does_wrong_has_the_outcome_of_the_table(play, fault: Fault) -> None:
    p = play(kind=partial(Http2Play, hello=b""))
    p.client_sends(fault.wire)
    await settle()
    told = p.look()
    if fault.outcome == "GOAWAY":
        assert p.goaways[-1][1] in fault.codes
        p.client_is("closed")
    elif fault.outcome == "RST_STREAM":
        assert told.reset in fault.codes
        p.client_is("")
    elif fault.outcome == "served":
        p.service_sends(OK)
        assert (p.look().status, told.ended) == (200, True)
    else:
        assert (told.status, told.ended) == (fault.outcome, True)
        assert told.reset in (PROTOCOL, None)
        p.client_is("")
    assert p.gateway.buffers.held == 0
    p.client_transport.lose(p.client)
    assert p.client not in p.gateway.connections
    assert not any(each is p.client or isinstance(each, Http2Stream) for each in p.gateway.deadlines._waiting)


async def test_who_breaks_the_connection_loses_its_streams(p):
    p.client_sends(get(1))
    await settle()
    p.client_sends(frame(PING, 0, 1, bytes(8)))
    p.look()
    assert p.goaways == [(1, PROTOCOL)]
    assert p.gateway.http2_faults == {"protocol_error": 1}
    assert p.service[1].closed == "aborted"
    assert [record.code for record in p.records] == ["guard.client_aborted"]
    p.client_sends(get(3))
    assert len(p.records) == 1


async def test_a_scheme_of_another_kind_is_believed_from_trusted_proxies_only(play):
    networks = (ipaddress.ip_network("192.0.2.0/24"),)
    trusting = msgspec.structs.replace(SECURE, trusted_proxies=networks)
    p = play(kind=partial(Http2Play, listener=trusting))
    p.client_sends(get(1, (b"x-forwarded-proto", b"http"), (b"x-forwarded-for", b"203.0.113.5"), scheme=b"http"))
    await settle()
    p.service_gets(b"forwarded: for=203.0.113.5;host=shop;proto=http\r\n")


async def test_a_fault_of_ours_costs_one_stream(play):
    def fail(request, facts):
        raise RuntimeError("a bug")

    p = play(kind=Http2Play, GET=[("head", fail)])
    p.client_sends(get(1) + headers(head(b"HEAD", b"/a", authority=b"shop"), stream=3))
    await settle()
    assert p.look(1).status == 500
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    assert p.look(3).status == 200


async def test_a_flood_of_resets_ends_the_connection(play):
    few = msgspec.structs.replace(SECURE, http2=Limits(resets_per_minute=20))
    p = play(kind=partial(Http2Play, listener=few))
    for number in range(1, 81, 2):
        p.client_sends(get(number) + frame(RST_STREAM, 0, number, word(CANCEL)))
    p.look()
    assert p.goaways[-1][1] == CALM
    p.client_is("closed")
    assert len(p.records) == 21


# Deadlines of the connection.


async def test_a_preface_that_does_not_come_in_time(play):
    p = play(kind=partial(Http2Play, hello=PREFACE[:10]))
    p.wait(9)
    p.client_is("")
    p.wait(2)
    p.client_is("closed")


@pytest.mark.parametrize("begun", [get()[:12], headers(head(), flags=0)])
async def test_a_head_that_does_not_arrive_in_time(p, begun: bytes) -> None:
    p.client_sends(begun)
    p.wait(5)
    p.client_sends(b"")
    p.wait(6)
    p.look()
    assert p.goaways == [(0, 0)]
    p.client_is("closed")


async def test_an_idle_connection_is_told_to_go_whatever_it_pings(p):
    for _ in range(8):
        p.client_sends(frame(PING, 0, 0, bytes(8)))
        p.client_is("")
        p.wait(10)
    p.look()
    assert p.goaways == [(0, 0)]
    p.client_is("closed")


async def test_a_request_makes_the_idle_time_begin_anew(p):
    for number in range(1, 9, 2):
        p.client_sends(get(number, (b"expect", b"x")))
        p.wait(70)
    p.client_is("")


async def test_while_a_stream_is_served_nothing_ends_its_connection(p):
    p.client_sends(get())
    await settle()
    assert p.client.deadline == 0


async def test_one_that_closes_and_is_not_read_is_cut_off(p):
    p.client_sends(frame(PING, 0, 1, bytes(8)))
    p.client_is("closed")
    p.wait(31)
    p.client_is("aborted")


# Ending.


async def test_a_client_that_is_gone_is_forgotten(p):
    p.client_sends(get(1))
    await settle()
    assert p.client.eof_received() is False
    p.client_goes()
    assert not p.gateway.connections
    assert [record.code for record in p.records] == ["guard.client_aborted"]


async def test_a_connection_without_a_place_is_broken_off(p):
    at = Gate(None, 0, 0, 1, ())  # there is no place in it, so nothing is counted
    transport = FakeTransport()
    connection = Http2Connection(p.gateway, SECURE, Admission(at))
    connection.connection_made(transport)
    assert transport.closed == "aborted"
    assert (at.open, at.refused) == (0, 1)


async def test_a_fault_of_ours_in_the_protocol_breaks_the_connection_and_nothing_else(p, monkeypatch, caplog):
    monkeypatch.setattr(Http2Connection, "_follow", None)
    p.client_sends(get())
    p.client_is("aborted")
    assert "broke" in caplog.text


async def test_data_that_nobody_waits_for_any_more_is_credited(play):
    p = play(kind=Http2Play)
    p.client_sends(headers(head(b"POST", b"/none", authority=b"shop"), ended=False))
    assert p.look().status == 404
    for _ in range(64):
        p.client_sends(frame(DATA, 0, 1, bytes(16384)))
    p.look()
    assert p.credit[0] >= 1024 * 1024


async def test_nothing_is_left_in_the_loop(p):
    p.client_sends(get())
    await settle()
    p.client_goes()
    await settle()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert frame(DATA, END_STREAM, 1) not in p.client_transport.sent
