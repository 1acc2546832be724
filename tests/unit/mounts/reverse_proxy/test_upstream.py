from __future__ import annotations

from rows import rows

from portcullis.testing import settle

GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

ANSWERS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"content-length: 5\r\n\r\nhello"),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"hello",
    ),
    "interim": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
        b"content-length: 1\r\n\r\n!",
    ),
}


@rows("kind", ANSWERS)
async def test_an_answer_may_arrive_in_any_two_pieces(play, kind):
    data, expected = ANSWERS[kind]
    for cut in range(1, len(data)):
        p = play()
        p.client_sends(GET)
        await settle()
        p.service_sends(data[:cut])
        p.service_sends(data[cut:])
        got = p.client_gets(b"HTTP/1.1 200 OK\r\n")
        if kind == "chunked":
            body = got.partition(b"\r\n\r\n")[2]
            plain = body if b"content-length" in got else b"".join(body.split(b"\r\n")[1::2])
            assert plain == expected
        else:
            assert got.endswith(expected)
        p.client_sends(GET)
        p.service_gets(b"GET /a", b"GET /a")


@rows(
    "data",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_malformed_answer_is_502_and_the_connection_is_not_used_again(play, data):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(data)
    p.client_gets(b"HTTP/1.1 502", b"upstream.bad_response")
    assert p.service[1].closed == "aborted"
    p.client_sends(GET)
    await settle()
    assert len(p.service_connections) == 2


async def test_a_head_without_end_is_refused(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1000):
        if p.service[1].closed:
            break
        p.service_sends(b"A: %b\r\n" % (b"b" * 100))
    p.client_gets(b"HTTP/1.1 502")


async def test_bytes_after_the_answer_close_the_connection(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK + b"HTTP/1.1 200 OK\r\n")
    p.client_gets(b"ok")
    assert p.service[1].closed


async def test_bytes_that_nobody_asked_for_close_the_connection(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert p.service[1].closed == "aborted"
    p.client_sends(GET)
    await settle()
    assert len(p.service_connections) == 2


async def test_no_first_byte_in_time_is_504(play):
    p = play({"timeouts": {"first_byte": "2s"}})
    p.client_sends(GET)
    await settle()
    p.wait(1.9)
    p.client_gets()
    p.wait(0.2)
    p.client_gets(b"HTTP/1.1 504", b"upstream.timeout")


async def test_a_stalled_answer_breaks_the_connection_at_the_idle_deadline(play):
    p = play({"timeouts": {"idle": "2s"}})
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nh")
    p.wait(1.9)
    p.service_sends(b"a")
    p.wait(1.9)
    p.client_is("")
    p.wait(0.2)
    p.client_is("aborted")


async def test_an_answer_that_trickles_forever_ends_at_the_whole_deadline(play):
    p = play({"timeouts": {"whole": "10s"}})
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(20):
        if p.service[1].closed:
            break
        p.service_sends(b"x")
        p.wait(1)
    p.client_is("aborted")
    assert p.records[0].code == "upstream.timeout"


async def test_a_service_that_takes_no_more_stops_the_client_and_fails_at_its_deadline(play):
    p = play({"timeouts": {"idle": "2s"}})
    p.client_sends(b"PUT /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 90000\r\n\r\n" + b"x" * 1000)
    await settle()
    p.service[0].pause_writing()
    assert not p.client_transport.reading
    p.wait(3)
    p.client_gets(b"HTTP/1.1 504")


async def test_a_kept_connection_is_let_go_after_its_time(play):
    p = play({"timeouts": {"keep": "5s"}})
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    assert repr(p.service[0]) == "<UpstreamConnection http://127.0.0.1:9000 idle reused>"
    p.wait(6)
    assert p.service[1].closed == "closed"


async def test_a_fault_of_ours_in_handing_on_an_answer_is_answered_500_and_recorded(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service[0]._renderer = None
    p.service_sends(OK)
    p.client_gets(b"HTTP/1.1 500", b"guard.internal")
    assert p.service[1].closed
    assert [record.code for record in p.records] == ["guard.internal"]


async def test_a_connection_that_has_not_taken_the_request_yet_is_not_used_again(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service[0].pause_writing()
    p.service_sends(OK)
    p.client_gets(b"HTTP/1.1 200")
    assert p.service[1].closed


async def test_bytes_that_came_before_the_request_has_left_are_not_its_answer(play):
    """Both may wait when the loop wakes: the client's next request, and what a service sent without being asked."""
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"200 OK", b"ok")
    connection, transport = p.service
    p.client_sends(GET)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert transport.closed == "aborted"
    transport.lose(connection)
    await settle()
    assert p.service[0] is not connection
    p.service_gets(b"GET /a")
    p.service_sends(OK)
    assert p.client_gets(b"200 OK").endswith(b"ok")


async def test_a_connection_whose_service_does_not_take_the_rest_of_the_request_is_broken_off(play):
    p = play()
    p.client_sends(b"PUT /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nok")
    await settle()
    p.service_gets(b"PUT")
    p.service[1].unsent = 1
    p.service_sends(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    p.client_gets(b"HTTP/1.1 413")
    assert p.service[1].closed == "aborted"
