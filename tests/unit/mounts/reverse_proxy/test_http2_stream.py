from __future__ import annotations

from http2_faults import (
    CANCEL,
    DATA,
    END_STREAM,
    PROTOCOL,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    head,
    headers,
    setting,
    word,
)
from http2_play import Http2Play

from portcullis.mounts.http2.limits import STREAM_WINDOW
from portcullis.testing import settle

GET = headers(head(b"GET", b"/a", authority=b"shop"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def post(*fields: tuple[bytes, bytes], stream: int = 1) -> bytes:
    return headers(head(b"POST", b"/a", *fields, authority=b"shop"), ended=False, stream=stream)


async def test_a_request_is_written_anew_for_the_service_and_its_answer_for_the_client(play):
    p = play(kind=Http2Play)
    p.client_sends(GET)
    await settle()
    sent = p.service_gets(b"GET /a HTTP/1.1\r\nhost: ", b"via: 2.0 portcullis\r\n", b"\r\n\r\n")
    assert sent.count(b"host=shop;proto=https") == 1
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nConnection: keep-alive\r\n\r\nok")
    told = p.look()
    assert (told.status, told.body, told.ended) == (200, b"ok", True)
    assert told.heads[0].items() >= {"x-a": "1", "content-length": "2"}.items()
    assert "connection" not in told.heads[0]
    (record,) = p.records
    assert (record.status, record.bytes_out) == (200, 2)


async def test_an_answer_of_unknown_length_streams(play):
    p = play(kind=Http2Play)
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    told = p.look()
    assert (told.body, told.ended) == (b"ab", False)
    assert "transfer-encoding" not in told.heads[0]
    p.service_sends(b"1\r\nc\r\n0\r\n\r\n")
    assert (p.look().body, told.ended) == (b"abc", True)


async def test_answers_without_a_body_end_with_their_head(play):
    p = play(kind=Http2Play)
    p.client_sends(headers(head(b"HEAD", b"/a", authority=b"shop")))
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n")
    told = p.look()
    assert (told.status, told.heads[0]["content-length"], told.ended, told.body) == (200, "17", True, b"")
    p.client_sends(headers(head(b"GET", b"/a", authority=b"shop"), stream=3))
    await settle()
    p.service_sends(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (p.look(3).status, p.look(3).ended) == (204, True)


async def test_a_whole_body_goes_on_with_its_length(play):
    p = play(kind=Http2Play)
    p.client_sends(post((b"content-length", b"5")) + frame(DATA, END_STREAM, 1, b"hello"))
    await settle()
    p.service_gets(b"POST /a HTTP/1.1", b"content-length: 5\r\n", b"\r\nhello")


async def test_a_body_of_unknown_length_is_chunked(play):
    p = play(kind=Http2Play)
    p.client_sends(post())
    await settle()
    p.service_gets(b"POST /a HTTP/1.1", b"transfer-encoding: chunked\r\n")
    p.client_sends(frame(DATA, 0, 1, b"ab"))
    p.service_gets(b"2\r\nab\r\n")
    p.client_sends(headers([(b"x-sum", b"1")]))
    p.service_gets(b"0\r\n\r\n")
    p.service_sends(OK)
    assert (p.look().status, p.look().ended, p.look().reset) == (200, True, None)


async def test_who_waits_for_it_is_told_to_go_on(play):
    p = play(kind=Http2Play)
    p.client_sends(post((b"expect", b"100-continue"), (b"content-length", b"2")))
    await settle()
    told = p.look()
    assert [each[":status"] for each in told.heads] == ["100"]
    p.client_sends(frame(DATA, END_STREAM, 1, b"ab"))
    p.service_gets(b"ab")
    p.service_sends(OK)
    assert (p.look().status, told.ended) == (200, True)


async def test_an_answer_that_comes_early_ends_the_request_without_a_fault(play):
    p = play(kind=Http2Play)
    p.client_sends(post((b"content-length", b"100")))
    await settle()
    p.service_sends(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    told = p.look()
    assert (told.status, told.ended, told.reset) == (403, True, 0)
    p.client_sends(frame(DATA, END_STREAM, 1, bytes(100)))
    p.client_is("")


async def test_a_body_beyond_its_length_is_answered_and_reset(play):
    p = play(kind=Http2Play)
    p.client_sends(post((b"content-length", b"1")) + frame(DATA, 0, 1, b"ab"))
    told = p.look()
    assert (told.status, told.ended, told.reset) == (400, True, PROTOCOL)
    assert [record.code for record in p.records] == ["guard.malformed_request"]


async def test_an_answer_to_a_malformed_request_waits_for_the_client_like_any_other(play):
    p = play(kind=Http2Play)
    p.client_sends(frame(SETTINGS, 0, 0, setting(4, 10)) + headers(head(b"get")))
    assert (p.look().status, p.look().ended, p.look().reset) == (400, False, None)
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(1000)))
    assert (p.look().ended, p.look().reset) == (True, PROTOCOL)
    assert p.gateway.buffers.held == 0


async def test_a_body_that_goes_wrong_while_it_is_answered_is_reset(play):
    p = play(kind=Http2Play)
    p.client_sends(frame(SETTINGS, 0, 0, setting(4, 10)) + post((b"content-length", b"10")))
    await settle()
    p.service_sends(LONG % 100 + b"x" * 50)
    p.client_sends(frame(DATA, END_STREAM, 1, b"short"))
    assert (p.look().body, p.look().ended, p.look().reset) == (b"x" * 10, False, PROTOCOL)
    assert p.gateway.buffers.held == 0
    assert [record.code for record in p.records] == ["guard.malformed_request"]
    p.client_is("")


async def test_a_cut_answer_is_not_taken_for_a_whole_one(play):
    p = play(kind=Http2Play)
    p.client_sends(GET)
    await settle()
    p.service_sends(LONG % 10 + b"abc")
    p.service_goes()
    told = p.look()
    assert (told.body, told.ended, told.reset) == (b"abc", False, 2)
    p.client_is("")


async def test_a_client_that_cancels_gets_nothing_and_the_service_is_told(play):
    p = play(kind=Http2Play)
    p.client_sends(GET)
    await settle()
    p.client_sends(frame(RST_STREAM, 0, 1, word(CANCEL)))
    assert p.service[1].closed == "aborted"
    assert [record.code for record in p.records] == ["guard.client_aborted"]
    assert p.look().heads == []


# Windows and deadlines.

SMALL = setting(4, 10)


async def small(play, body: bytes) -> Http2Play:
    """A client that takes 10 bytes, and an answer of more."""
    p = play(kind=Http2Play)
    p.client_sends(frame(SETTINGS, 0, 0, SMALL) + GET)
    await settle()
    p.service_sends(LONG % (len(body) + 5) + body)
    return p


async def test_no_more_is_sent_than_the_client_takes_and_no_more_is_read_then(play):
    p = await small(play, b"x" * 25)
    assert p.look().body == b"x" * 10
    assert not p.service[1].reading
    assert p.gateway.buffers.held == 15
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(10)))
    assert p.look().body == b"x" * 20
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(100)))
    assert p.look().body == b"x" * 25
    assert p.service[1].reading
    assert p.gateway.buffers.held == 0
    p.service_sends(b"y" * 5)
    assert (p.look().body[-5:], p.look().ended) == (b"y" * 5, True)


async def test_the_end_of_an_answer_that_has_to_wait_does_not_hold_up_who_gets_the_connection_next(play):
    p = await small(play, b"x" * 10)
    p.service_sends(b"y" * 5)
    assert p.look().body == b"x" * 10
    assert p.service[1].reading
    p.client_sends(headers(head(b"GET", b"/a", authority=b"shop"), stream=3))
    assert len(p.service_connections) == 1
    p.service_sends(OK)
    assert (p.look(3).body, p.look(3).ended) == (b"ok", True)
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(5)))
    assert (p.look(1).body, p.look(1).ended) == (b"x" * 10 + b"y" * 5, True)
    assert p.service[1].reading


async def test_what_follows_waits_behind_what_is_held(play):
    p = await small(play, b"x" * 25)
    p.service_sends(b"y" * 5)
    assert p.gateway.buffers.held == 20
    p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(100)))
    assert (p.look().body, p.look().ended) == (b"x" * 25 + b"y" * 5, True)


async def test_a_client_that_takes_nothing_is_given_up(play):
    p = await small(play, b"x" * 25)
    p.wait(31)
    assert p.look().reset == CANCEL
    assert p.gateway.buffers.held == 0
    assert [record.code for record in p.records] == ["guard.client_aborted"]
    p.client_is("")


async def test_a_client_that_takes_a_byte_now_and_then_is_given_up_too(play):
    p = await small(play, b"x" * 25)
    for _ in range(4):
        p.client_sends(frame(WINDOW_UPDATE, 0, 1, word(1)))
        p.wait(10)
    assert p.look().reset == CANCEL


async def test_an_answer_that_can_not_be_held_is_cut(play):
    p = play(kind=Http2Play)
    p.gateway.buffers.cap = 10
    p.client_sends(frame(SETTINGS, 0, 0, SMALL) + GET)
    await settle()
    p.service_sends(LONG % 100 + b"x" * 50)
    assert p.look().reset == 2
    assert [record.code for record in p.records] == ["guard.buffers_full"]
    assert p.gateway.buffers.held == 0


async def test_a_service_that_is_slower_than_the_client_holds_back_credit(play):
    p = play(kind=Http2Play)
    p.client_sends(post())
    await settle()
    p.service[0].pause_writing()
    p.look()
    p.client_sends(frame(DATA, 0, 1, bytes(16384)) * 4)
    p.look()
    assert p.credit.get(1) is None
    p.service[0].resume_writing()
    p.look()
    assert p.credit[1] == STREAM_WINDOW // 2


async def test_a_body_that_does_not_arrive_in_time_is_answered(play):
    p = play(kind=Http2Play)
    p.client_sends(post((b"content-length", b"10")))
    await settle()
    p.wait(29)
    p.client_sends(frame(DATA, 0, 1, b"x"))
    p.wait(29)
    assert p.look().heads == []
    p.wait(2)
    told = p.look()
    assert (told.status, told.ended, told.reset) == (408, True, 0)
    p.client_is("")


async def test_each_stream_has_its_own_deadline(play):
    p = play(kind=Http2Play)
    p.client_sends(post())
    await settle()
    p.wait(20)
    p.client_sends(post(stream=3))
    await settle()
    p.wait(15)
    assert p.look(1).status == 408
    assert p.look(3).heads == []
    assert len(p.gateway.deadlines) > 1


async def test_streams_are_watched_only_as_long_as_they_wait(play):
    p = play(kind=Http2Play)
    before = len(p.gateway.deadlines)
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    assert len(p.gateway.deadlines) == before + 1  # the connection to the service
    p.client_sends(post(stream=3) + frame(DATA, END_STREAM, 3, b"x"))
    p.service_sends(OK)
    assert p.look(3).ended
    assert len(p.gateway.deadlines) == before + 1


async def test_a_stream_says_which_it_is(play):
    p = play(kind=Http2Play)
    p.client_sends(GET)
    assert repr(p.client._streams[1]) == "<Http2Stream 1>"
