from __future__ import annotations

import pytest
from http2_answers import BEGUN, answer, body, trailers
from http2_faults import (
    CANCEL,
    DATA,
    END_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    head,
    headers,
    setting,
    word,
)
from http2_play import Http2Play
from http2_service_play import Http2ServicePlay

from portcullis.engine.websocket.rules import StreamRules
from portcullis.testing import settle
from portcullis.testing.playbook import SECOND

CHUNKED = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def long_body(count: int) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % count


@pytest.fixture
def make(play):
    async def made(request: bytes, settings: bytes = b"", **upstream: object) -> Http2ServicePlay:
        p = play({"protocols": ["h2"], **upstream}, kind=Http2ServicePlay)
        p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
        await settle()
        p.says_hello(settings)
        p.service_sends(answer())
        p.client_gets(b"200 OK")
        p.client_sends(request)
        return p

    return made


async def test_a_body_of_unknown_length_ends_with_the_stream(make):
    p = await make(CHUNKED + b"2\r\nhi\r\n")
    asked = p.asked(3)
    assert (asked.body, asked.ended) == (b"hi", False)
    assert "content-length" not in asked.head
    assert "transfer-encoding" not in asked.head
    p.client_sends(b"1\r\n!\r\n0\r\n\r\n")
    assert (p.asked(3).body, p.asked(3).ended) == (b"hi!", True)


async def test_a_body_of_known_length_says_so(make):
    p = await make(long_body(2) + b"hi")
    assert p.asked(3).head["content-length"] == "2"


async def test_what_the_service_does_not_take_is_held_and_the_client_waits(make):
    p = await make(long_body(50), setting(4, 10))
    p.client_sends(b"x" * 30)
    assert len(p.asked(3).body) == 10
    assert p.gateway.buffers.held == p.client.buffers.held == 20
    assert not p.client_transport.reading
    p.service_sends(frame(WINDOW_UPDATE, 0, 3, word(15)))
    assert len(p.asked(3).body) == 25
    p.service_sends(frame(WINDOW_UPDATE, 0, 3, word(100)))
    assert p.client_transport.reading
    p.client_sends(b"y" * 20)
    assert (len(p.asked(3).body), p.asked(3).ended) == (50, True)
    assert p.gateway.buffers.held == 0


async def test_also_where_it_comes_with_the_head(make):
    p = await make(long_body(50) + b"x" * 30, setting(4, 10))
    assert len(p.asked(3).body) == 10
    assert not p.client_transport.reading


async def test_a_service_that_takes_nothing_is_given_up_in_time(make):
    p = await make(long_body(50) + b"x" * 50, setting(4, 10), timeouts={"idle": "5s"})
    p.asked(3)
    p.wait(6)
    p.client_gets(b"504")
    assert p.asked(3).reset == CANCEL
    assert p.gateway.buffers.held == 0


async def test_a_client_that_goes_away_takes_its_request_with_it(make):
    p = await make(CHUNKED + b"2\r\nhi\r\n")
    p.asked(3)
    p.client_goes()
    assert p.asked(3).reset == CANCEL
    p.service_sends(answer(stream=3))
    assert p.service[1].closed == ""


async def test_an_answer_before_the_end_of_the_request_stops_it(make):
    p = await make(CHUNKED + b"2\r\nhi\r\n")
    p.asked(3)
    p.service_sends(answer(stream=3, status=b"413"))
    p.client_gets(b"413")
    assert p.asked(3).reset == 0


async def test_the_service_gets_credit_as_the_client_takes(make):
    p = await make(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    p.asked(3)
    p.service_sends(answer(stream=3, ended=False))
    for _ in range(8):
        p.service_sends(body(b"x" * 16384, ended=False, stream=3))
    p.asked(3)
    assert p.service_credit[3] == 8 * 16384
    p.client.pause_writing()
    for _ in range(8):
        p.service_sends(body(b"x" * 16384, ended=False, stream=3))
    p.asked(3)
    assert p.service_credit[3] == 8 * 16384
    p.client.resume_writing()
    p.asked(3)
    assert p.service_credit[3] == 16 * 16384


async def test_an_answer_that_stops_is_given_up_in_time(make):
    p = await make(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n", timeouts={"idle": "5s"})
    p.service_sends(answer(stream=3, ended=False))
    p.client_gets(b"200")
    p.wait(6)
    p.client_is("aborted")
    assert p.records[-1].code == "upstream.timeout"


class BothPlay(Http2ServicePlay, Http2Play):
    """Client and service speak HTTP/2."""


def ask(method: bytes, *, ended: bool, stream: int = 1) -> bytes:
    return headers(head(method, b"/a", (b"content-type", b"text/plain"), authority=b"shop"), ended=ended, stream=stream)


@pytest.fixture
def both(play):
    async def made(request: bytes, **rules: object) -> BothPlay:
        p = play({"protocols": ["h2"]}, rules, kind=BothPlay)
        p.client_sends(request)
        await settle()
        p.says_hello()
        return p

    return made


async def test_trailers_reach_the_client_where_the_operation_is_for_them(both):
    p = await both(ask(b"GET", ended=True), trailers=True)
    p.service_sends(BEGUN + body(b"ok", ended=False) + trailers((b"grpc-status", b"0"), (b"connection-id", b"7")))
    told = p.look()
    assert (told.body, told.ended, told.reset) == (b"ok", True, None)
    assert told.heads[1] == {"grpc-status": "0", "connection-id": "7"}


async def test_and_end_here_where_it_is_not(both):
    p = await both(ask(b"GET", ended=True))
    p.service_sends(BEGUN + body(b"ok", ended=False) + trailers((b"grpc-status", b"0")))
    told = p.look()
    assert (told.body, told.ended, len(told.heads)) == (b"ok", True, 1)


async def test_trailers_wait_until_the_body_was_taken(both):
    p = await both(frame(SETTINGS, 0, 0, setting(4, 1)) + ask(b"GET", ended=True), trailers=True)
    p.service_sends(BEGUN + body(b"ok", ended=False) + trailers((b"grpc-status", b"0")))
    assert (p.look().body, len(p.look().heads)) == (b"o", 1)
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(5)))
    assert (p.look().body, len(p.look().heads), p.look().ended) == (b"ok", 2, True)


async def test_request_and_answer_may_go_on_side_by_side(both):
    bounds = StreamRules(60 * SECOND, 600 * SECOND, 0, "", None)
    p = await both(ask(b"POST", ended=False), trailers=True, duplex=True, stream=bounds)
    for number in range(3):
        p.client_sends(frame(DATA, 0, 1, b"%d" % number))
        assert p.asked().body.endswith(b"%d" % number)
        p.service_sends((b"" if number else BEGUN) + body(b"re%d" % number, ended=False))
        assert p.look().body.endswith(b"re%d" % number)
        p.wait(50)  # longer than a body may pause elsewhere
    p.client_sends(frame(DATA, END_STREAM, 1))
    assert p.asked().ended
    p.service_sends(trailers((b"grpc-status", b"0")))
    assert p.look().ended
    assert p.records[-1].status == 200


async def test_what_both_forget_ends_when_its_time_is_over(both):
    bounds = StreamRules(60 * SECOND, 600 * SECOND, 0, "", None)
    p = await both(ask(b"POST", ended=False), trailers=True, duplex=True, stream=bounds)
    p.service_sends(BEGUN)
    p.wait(61)
    assert p.look().reset is not None
    assert p.asked().reset == CANCEL


async def test_repr_names_the_stream(make):
    p = await make(CHUNKED)
    p.asked()
    (stream,) = p.service[0]._streams.values()
    assert repr(stream) == "<Http2UpstreamStream 3 of http://127.0.0.1:9000>"
