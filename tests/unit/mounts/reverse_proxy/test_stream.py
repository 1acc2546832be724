from __future__ import annotations

import asyncio

import pytest
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Modify, Refuse
from portcullis.testing import settle

FORBIDDEN = Code("authorize.test", 403, "Not you")
GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def refuse(_request, _facts):
    return Refuse(FORBIDDEN, "No.", fields=((b"x-why", b"because"),))


async def test_a_refused_head_is_answered_without_asking_the_service(play):
    p = play(GET=[("head", refuse)])
    p.client_sends(GET)
    await settle()
    p.client_gets(
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\n",
        b"cache-control: no-store\r\nx-why: because\r\n",
        b'"title":"Not you"',
        b'"code":"authorize.test"',
        b'"detail":"No."',
    )
    p.service_gets()
    assert (p.records[0].code, p.records[0].status, p.records[0].upstream_status) == ("authorize.test", 403, 0)


async def test_a_refusal_of_head_has_no_body(play):
    p = play(HEAD=[("head", refuse)])
    p.client_sends(GET.replace(b"GET", b"HEAD"))
    answer = p.client_gets(b"HTTP/1.1 403", b"content-length: ")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_body_step_sees_the_whole_body_and_the_service_gets_it_with_its_length(play):
    seen = []
    p = play(POST=[("body", lambda request, facts: seen.append(request.body))])
    p.client_sends(CHUNKED + b"3\r\nhel\r\n")
    await settle()
    p.service_gets()
    p.client_sends(b"2\r\nlo\r\n0\r\n\r\n")
    await settle()
    p.service_gets(b"POST /a HTTP/1.1", b"content-length: 5\r\n\r\nhello")
    assert seen == [b"hello"]


async def test_a_refused_body_never_reaches_the_service(play):
    p = play(POST=[("body", refuse)])
    p.client_sends(POST + b"hello")
    await settle()
    p.client_gets(b"HTTP/1.1 403")
    p.service_gets()


async def test_changes_that_steps_ask_for_reach_the_service(play):
    change = Modify(((b"x-added", b"1"), (b"x-b", b"new")), frozenset({b"x-gone"}), b"other", "q=2")
    p = play(POST=[("body", lambda request, facts: change)])
    p.client_sends(b"POST /a?q=1 HTTP/1.1\r\nHost: shop\r\nX-Gone: 1\r\nX-B: old\r\nContent-Length: 5\r\n\r\nhello")
    await settle()
    sent = p.service_gets(b"POST /a?q=2 HTTP/1.1\r\n", b"x-added: 1\r\nx-b: new\r\n", b"content-length: 5\r\n\r\nother")
    assert b"x-gone" not in sent
    assert b"old" not in sent


async def test_a_step_that_waits_holds_the_request_and_nothing_else(play):
    gate = asyncio.Event()

    async def wait(request, facts):
        await gate.wait()

    p = play(GET=[("head", wait)], POST=[])
    p.client_sends(GET)
    await settle()
    p.service_gets()
    gate.set()
    await settle()
    p.service_gets(b"GET /a")


@rows("needs", ["head", "body"])
async def test_a_step_that_waits_may_refuse_or_fail(play, needs):
    async def later_refuse(request, facts):
        await asyncio.sleep(0)
        return refuse(request, facts)

    async def later_fail(request, facts):
        await asyncio.sleep(0)
        raise OSError("the store is away")

    for run, status in ((later_refuse, b"403"), (later_fail, b"500")):
        p = play(POST=[(needs, run)])
        p.client_sends(POST + b"hello")
        await settle(10)
        answer = p.client_gets(b"HTTP/1.1 " + status)
        assert b"away" not in answer
        p.service_gets()


async def test_a_step_that_never_decides_refuses(play, monkeypatch):
    monkeypatch.setattr("portcullis.mounts.reverse_proxy.stream.DECISION_SECONDS", 0.0)

    async def wait(request, facts):
        await asyncio.sleep(1000)

    p = play(GET=[("head", wait)])
    p.client_sends(GET)
    await settle(10)
    p.client_gets(b"HTTP/1.1 500", b"guard.internal")
    p.service_gets()


async def test_a_monitored_step_that_never_decides_does_not_refuse(play, monkeypatch):
    monkeypatch.setattr("portcullis.mounts.reverse_proxy.stream.DECISION_SECONDS", 0.0)

    async def wait(request, facts):
        await asyncio.sleep(1000)

    p = play(GET=[("head", wait, "monitor"), ("head", wait, "monitor"), ("head", lambda _request, _facts: None)])
    p.client_sends(GET)
    await settle(20)
    p.service_gets(b"GET /a")
    p.service_sends(b"HTTP/1.1 204 No Content\r\n\r\n")
    p.client_gets(b"HTTP/1.1 204")
    assert [verdict.outcome for verdict in p.records[0].verdicts] == ["error", "error", "allow"]


@rows("traceparent", [None, b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"])
async def test_the_state_of_a_trace_goes_on_only_if_the_trace_does(play, traceparent):
    p = play()
    parent = b"" if traceparent is None else b"Traceparent: %b\r\n" % traceparent
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n%bTracestate: x=y\r\n\r\n" % parent)
    await settle()
    assert (b"tracestate: x=y" in p.service_gets(b"GET /a")) == (traceparent is not None)


async def test_the_time_of_a_streamed_answer_is_the_services(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.clock.advance(0.25)
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
    p.clock.advance(0.5)
    p.service_sends(b"ok")
    assert (p.records[0].us_total, p.records[0].us_upstream) == (750_000, 750_000)


async def test_a_client_that_goes_while_a_step_waits_ends_the_waiting(play):
    cancelled = asyncio.Event()

    async def wait(request, facts):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    p = play(GET=[("head", wait)])
    p.client_sends(GET)
    await settle()
    p.client_goes()
    await settle()
    assert cancelled.is_set()
    assert p.records[0].decision == "abort"


async def test_a_body_that_arrives_while_a_step_waits_is_held_within_bounds(play):
    gate = asyncio.Event()

    async def wait(request, facts):
        await gate.wait()

    p = play(PUT=[("head", wait)])
    p.client_sends(b"PUT /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 90000\r\n\r\n")
    await settle()
    p.client_sends(b"x" * 70_000)
    assert not p.client_transport.reading
    gate.set()
    await settle()
    assert p.client_transport.reading
    p.client_sends(b"x" * 20_000)
    assert p.service_gets(b"PUT /a").count(b"x" * 90_000) == 1
    assert p.gateway.buffers.held == 0


async def test_bodies_beyond_the_memory_for_bodies_are_refused(play):
    p = play(POST=[("body", lambda request, facts: None)])
    p.gateway.buffers.cap = 1000
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 2000\r\n\r\n" + b"x" * 900)
    p.client_sends(b"x" * 200)
    p.client_gets(b"HTTP/1.1 503", b"guard.buffers_full")
    assert p.gateway.buffers.held == 0


async def test_a_body_larger_than_the_operation_accepts_is_refused_by_its_length_or_as_it_grows(play):
    p = play()
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 100001\r\n\r\n")
    p.client_gets(b"HTTP/1.1 413", b"connection: close")
    p = play()
    p.client_sends(CHUNKED)
    await settle()
    p.client_sends(b"20000\r\n" + b"x" * 0x20000)
    p.client_gets(b"HTTP/1.1 413", b"guard.body_too_large")
    assert p.service[1].closed == "aborted"


async def test_a_chunked_request_stays_chunked_when_it_streams(play):
    p = play()
    p.client_sends(CHUNKED + b"3\r\nhel\r\n")
    await settle()
    p.service_gets(b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n")
    p.client_sends(b"2\r\nlo\r\n0\r\n\r\n")
    p.service_gets(b"2\r\nlo\r\n0\r\n\r\n")


async def test_a_malformed_chunk_ends_the_exchange_with_the_service_too(play):
    p = play()
    p.client_sends(CHUNKED + b"3\r\nhel\r\n")
    await settle()
    p.client_sends(b"zz\r\n")
    p.client_gets(b"HTTP/1.1 400", b"connection: close")
    assert p.service[1].closed == "aborted"


async def test_an_answer_that_breaks_off_after_it_began_breaks_the_connection(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
    p.client_gets(b"half.")
    p.service_goes()
    p.client_gets()
    p.client_is("aborted")
    assert (p.records[0].code, p.records[0].decision, p.records[0].status) == ("upstream.truncated", "refuse", 200)


async def test_an_early_answer_ends_the_exchange_and_the_rest_of_the_body_is_dropped(play):
    p = play()
    p.client_sends(POST + b"he")
    await settle()
    p.service_sends(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    p.client_gets(b"HTTP/1.1 413")
    assert p.service[1].closed
    p.client_sends(b"llo" + GET)
    await settle()
    p.service_gets(b"GET /a")


@rows(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_a_body_keeps_its_announced_length_and_nothing_follows(play, method, status):
    p = play()
    p.client_sends(GET.replace(b"GET", method.encode()))
    await settle()
    length = b"" if status == 204 else b"Content-Length: 7\r\n"
    p.service_sends(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, length))
    answer = p.client_gets(b"HTTP/1.1 %d" % status)
    assert answer.endswith(b"\r\n\r\n")
    assert (b"content-length: 7" in answer) == (status != 204)
    assert b"chunked" not in answer
    p.client_is("")


async def test_an_idempotent_call_is_sent_again_when_a_kept_connection_was_closed_before_an_answer(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"ok")
    p.client_sends(GET)
    p.service_gets(b"GET /a", b"GET /a")
    p.service_goes()
    await settle()
    p.service_gets(b"GET /a")
    p.service_sends(OK)
    p.client_gets(b"200 OK")
    assert len(p.service_connections) == 2


async def test_a_call_that_is_not_idempotent_is_never_sent_twice(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"ok")
    p.client_sends(POST + b"hello")
    p.service_gets(b"POST /a")
    p.service_goes()
    await settle()
    p.client_gets(b"HTTP/1.1 502", b"upstream.closed")
    assert len(p.service_connections) == 1


async def test_fields_that_steps_add_are_in_every_answer(play):
    def add(request, facts):
        facts.response_fields.append((b"ratelimit", b"1"))

    p = play(GET=[("head", add)], POST=[("head", add), ("head", refuse)])
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"ratelimit: 1\r\n", b"ok")
    p.client_sends(POST + b"hello")
    p.client_gets(b"HTTP/1.1 403", b"ratelimit: 1\r\n")


async def test_no_trace_of_the_services_software_reaches_the_client(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nServer: x/1\r\nX-Powered-By: y\r\nX-Kept: z\r\nContent-Length: 2\r\n\r\nok")
    answer = p.client_gets(b"x-kept: z\r\n")
    assert b"server" not in answer.lower()
    assert b"powered" not in answer.lower()


async def test_the_record_counts_bytes_and_microseconds(play):
    p = play()
    p.client_sends(POST + b"hello")
    await settle()
    p.clock.advance(0.25)
    p.service_sends(OK)
    record = p.records[0]
    assert (record.bytes_in, record.bytes_out) == (5, 2)
    assert (record.us_total, record.us_upstream, record.us_gateway) == (250_000, 250_000, 0)
    assert [(verdict.policy, verdict.outcome) for verdict in record.verdicts] == []


@pytest.mark.slow
async def test_a_held_body_of_many_small_pieces_takes_few_objects(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(50):
        p.client_sends(b"2\r\nab\r\n" * 1000)
    stream = p.client._stream
    assert stream._held.pieces <= 50
    assert len(stream._held.whole()) == stream._held.size == p.gateway.buffers.held == 100_000
    p.client_sends(b"0\r\n\r\n")
    await settle()
    p.service_gets(b"content-length: 100000\r\n", b"\r\n" + b"ab" * 50_000)
    assert p.gateway.buffers.held == 0


async def test_a_body_that_comes_byte_by_byte_is_held_in_larger_pieces(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 20000\r\n\r\n")
    for _ in range(10_000):
        p.client_sends(b"x")
    assert p.client._stream._held.pieces == 3


async def test_a_request_that_can_not_be_written_is_answered_500(play):
    p = play()
    p.client.renderer = None
    p.client_sends(GET)
    await settle()
    p.client_gets(b"HTTP/1.1 500", b"guard.internal")
    assert p.gateway.pools["shop"].targets[0].idle == []
    assert [record.code for record in p.records] == ["guard.internal"]
