from __future__ import annotations

from functools import partial

import pytest
from http2_faults import (
    ACK,
    GOAWAY,
    PING,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    head,
    headers,
    setting,
    word,
)
from http2_play import Http2Play

from portcullis.mounts.reverse_proxy.http2_link import BURST
from portcullis.testing import settle

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(stream: int = 1, *fields: tuple[bytes, bytes], scheme: bytes = b"https") -> bytes:
    return headers(head(b"GET", b"/a", *fields, authority=b"shop", scheme=scheme), stream=stream)


@pytest.fixture
async def p(play) -> Http2Play:
    return play(kind=Http2Play)


# Windows of the connection.


def wide(count: int = 2) -> bytes:
    return b"".join(get(2 * number + 1) for number in range(count))


async def test_the_connections_window_is_shared_in_turns(play):
    p = play(kind=Http2Play)
    p.client_sends(frame(SETTINGS, 0, 0, setting(4, 10**6)) + wide())
    await settle()
    for connection, _ in p.service_connections:
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000)
        p.look()
    assert len(p.look(1).body) + len(p.look(3).body) == 65535
    p.client_sends(frame(WINDOW_UPDATE, 0, 0, word(32768)))
    p.look()
    assert len(p.look(3).body) == 5535 + 32768
    p.client_sends(frame(WINDOW_UPDATE, 0, 0, word(10**6)))
    for _ in range(3):
        await settle()
        p.look()
    assert (p.look(1).ended, p.look(3).ended) == (True, True)
    assert p.gateway.buffers.held == 0


async def test_an_answer_larger_than_a_burst_goes_out_in_several_turns(play):
    p = play(kind=Http2Play, upstream={})
    p.client_sends(frame(SETTINGS, 0, 0, setting(4, 10**6)) + frame(WINDOW_UPDATE, 0, 0, word(10**6)) + get())
    await settle()
    body = bytes(range(256)) * 600
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    first = p.look().body
    assert BURST - 16384 <= len(first) <= BURST
    for _ in range(8):
        await settle()
    assert (p.look().body, p.look().ended) == (body, True)


async def test_a_client_that_takes_nothing_from_the_socket_is_read_no_more_and_cut_off(p):
    p.client_sends(get(1))
    await settle()
    p.client.pause_writing()
    assert not p.client_transport.reading
    p.service_sends(OK)
    assert p.look(1).body == b""
    assert p.gateway.buffers.held == 2
    p.wait(31)
    p.client_is("aborted")
    p.client_transport.lose(p.client)
    assert p.gateway.buffers.held == 0


async def test_what_waited_for_the_socket_goes_out_when_it_takes_again(p):
    p.client_sends(get(1))
    await settle()
    p.client.pause_writing()
    p.service_sends(OK)
    p.client.resume_writing()
    assert p.client_transport.reading
    assert (p.look(1).body, p.look(1).ended) == (b"ok", True)


# Leaving.


async def test_a_reload_loses_no_stream(p):
    p.client_sends(get(1))
    await settle()
    p.gateway.retire()
    p.look()
    assert p.goaways == [(2**31 - 1, 0)]
    p.client_sends(get(3))
    await settle()
    p.client_sends(frame(PING, ACK, 0, p.pings[0]))
    p.look()
    assert p.goaways[-1] == (3, 0)
    p.client_sends(get(5))
    for connection, _ in p.service_connections:
        connection.data_received(OK)
    assert (p.look(1).ended, p.look(3).ended, p.look(5).heads) == (True, True, [])
    p.client_is("closed")


async def test_an_idle_connection_goes_when_its_client_knows(p):
    p.gateway.retire()
    p.client_is("")
    p.look()
    p.client_sends(frame(PING, ACK, 0, p.pings[0]))
    p.client_is("closed")


async def test_one_that_comes_to_a_worker_that_retires_is_told_at_once(play):
    p = play(kind=partial(Http2Play, hello=b""))
    p.gateway.retire()
    p.client_sends(PREFACE + frame(SETTINGS, 0, 0))
    p.look()
    assert p.goaways == [(2**31 - 1, 0)]


async def test_at_the_end_idle_ones_are_closed_and_busy_ones_after_their_streams(p):
    p.client_sends(get(1))
    await settle()
    p.gateway.drain()
    p.gateway.drain()
    p.look()
    assert p.goaways == [(1, 0)]
    p.client_is("")
    p.service_sends(OK)
    p.client_is("closed")


async def test_a_client_that_leaves_is_let_go_when_it_was_served(p):
    p.client_sends(get(1) + frame(GOAWAY, 0, 0, bytes(8)))
    await settle()
    p.client_is("")
    p.service_sends(OK)
    p.client_is("closed")
