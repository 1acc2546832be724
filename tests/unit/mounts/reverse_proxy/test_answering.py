"""Answers that steps look at: their head, their whole body, and what becomes of them."""

from __future__ import annotations

import asyncio
import gzip

import msgspec
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Modify, Refuse
from portcullis.testing import settle

BAD = Code("test.bad", 502, "Bad")
GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"


def ok(body: bytes, *fields: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), b"".join(fields), body)


async def answered(p, answer: bytes) -> None:
    p.client_sends(GET)
    await settle()
    p.service_gets(b"GET /a")
    p.service_sends(answer)


async def test_a_refused_head_is_answered_by_the_gateway_and_the_service_is_left(play):
    p = play(GET=[("response_head", lambda _response, _facts: Refuse(BAD))])
    await answered(p, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsecret")
    assert b"secret" not in p.client_gets(b"HTTP/1.1 502", b"test.bad")
    assert p.service[1].closed == "aborted"
    assert (p.records[0].decision, p.records[0].status, p.records[0].upstream_status) == ("refuse", 502, 200)


async def test_a_refusal_may_keep_the_status_of_the_service(play):
    p = play(GET=[("response_head", lambda response, _facts: Refuse(BAD, status=response.status))])
    await answered(p, b"HTTP/1.1 418 Teapot\r\nContent-Length: 6\r\n\r\nsecret")
    p.client_gets(b"HTTP/1.1 418", b"content-type: application/problem+json", b'"status":418')
    p.client_is("")


@rows(("removed", "is_told"), [(b"content-length", False), (b"etag", True)])
async def test_head_is_told_the_length_of_the_body_unless_a_step_takes_it_out(play, removed, is_told):
    change = Modify(remove_fields=frozenset({removed}))
    p = play(HEAD=[("response_head", lambda _response, _facts: change)])
    p.client_sends(b"HEAD /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    p.service_gets(b"HEAD /a")
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 71\r\n\r\n")
    assert (b"content-length: 71" in p.client_gets(b"HTTP/1.1 200 OK")) is is_told


async def test_an_answer_is_held_back_until_it_is_whole_and_checked(play):
    seen: list[bytes] = []

    def check(response, _facts):
        seen.append(response.body)

    p = play(GET=[("response_body", check)])
    await answered(p, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n3\r\none\r\n")
    p.client_gets()
    p.service_sends(b"3\r\ntwo\r\n0\r\n\r\n")
    p.client_gets(b"HTTP/1.1 200 OK\r\n", b"x-a: 1\r\n", b"content-length: 6\r\n", b"onetwo")
    assert seen == [b"onetwo"]
    assert p.gateway.buffers.held == 0


async def test_a_refused_body_never_reaches_the_client(play):
    p = play(GET=[("response_body", lambda _response, _facts: Refuse(BAD))])
    await answered(p, ok(b"secret"))
    assert b"secret" not in p.client_gets(b"HTTP/1.1 502", b"test.bad")
    p.client_sends(GET)
    p.service_gets(b"GET /a")


async def test_a_changed_body_has_its_own_length_and_a_weak_tag(play):
    p = play(GET=[("response_body", lambda _response, _facts: Modify(body=b"less"))])
    await answered(
        p, ok(b"more than that", b'ETag: "1"\r\n', b"Accept-Ranges: bytes\r\n", b"Digest: x\r\nRepr-Digest: x\r\n")
    )
    answer = p.client_gets(b"200 OK", b'etag: W/"1"\r\n', b"content-length: 4\r\n", b"less")
    assert b"accept-ranges" not in answer
    assert b"digest" not in answer


async def test_an_encoded_answer_is_checked_and_passed_decoded(play):
    seen: list[bytes] = []

    def check(response, _facts):
        seen.append(response.body)

    p = play(GET=[("response_body", check)])
    await answered(p, ok(gzip.compress(b"hello"), b"Content-Encoding: gzip\r\n"))
    assert b"content-encoding" not in p.client_gets(b"content-length: 5\r\n", b"hello")
    assert seen == [b"hello"]


@rows(
    ("answer", "code"),
    [
        (ok(b"x" * 10_001), b"upstream.answer_too_large"),
        (ok(gzip.compress(b"x" * 10_001), b"Content-Encoding: gzip\r\n"), b"upstream.answer_too_large"),
        (ok(b"x", b"Content-Encoding: lzma\r\n"), b"upstream.bad_coding"),
        (ok(b"x", b"Content-Encoding: gzip\r\n"), b"upstream.bad_coding"),
    ],
)
async def test_an_answer_that_can_not_be_checked_is_never_passed_unseen(play, answer, code):
    p = play(GET=[("response_body", lambda _response, _facts: None)])
    await answered(p, answer)
    p.client_gets(b"HTTP/1.1 502", code)
    assert p.gateway.buffers.held == 0


async def test_an_answer_beyond_the_memory_for_bodies_is_refused(play):
    p = play(GET=[("response_body", lambda _response, _facts: None)])
    p.gateway.buffers.cap = 10
    await answered(p, ok(b"x" * 12)[:-6])
    p.service_sends(b"x" * 6)
    p.client_gets(b"HTTP/1.1 503", b"guard.buffers_full")
    assert p.gateway.buffers.held == 0


async def test_an_answer_that_comes_in_one_piece_needs_no_memory_for_bodies(play):
    p = play(GET=[("response_body", lambda response, _facts: Refuse(BAD) if response.body != b"x" * 11 else None)])
    p.gateway.buffers.cap = 10
    await answered(p, ok(b"x" * 11))
    p.client_gets(b"HTTP/1.1 200", b"x" * 11)


@rows("pieces", [[b"x" * 6, b"x" * 6], [b"x" * 12, b""], [b"x" * 6, b"x" * 3, b"x" * 3]])
async def test_an_answer_that_can_not_be_held_passes_a_monitored_check(play, pieces):
    p = play(GET=[("response_body", lambda _response, _facts: Refuse(BAD), "monitor")])
    p.gateway.buffers.cap = 5
    head = ok(b"x" * 12)[:-12]
    await answered(p, head)
    for piece in pieces:
        if piece:
            p.service_sends(piece)
    p.client_gets(b"HTTP/1.1 200", b"x" * 12)
    (record,) = p.records
    assert [verdict.outcome for verdict in record.verdicts] == ["would_refuse"]
    assert record.bytes_out == 12
    assert p.gateway.buffers.held == 0


async def test_an_answer_without_a_body_is_not_waited_for(play):
    p = play(HEAD=[("response_body", lambda _response, _facts: Refuse(BAD))])
    p.client_sends(b"HEAD /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    p.client_gets(b"200 OK", b"content-length: 7\r\n")


async def test_answer_steps_have_a_say_in_whatever_the_client_is_answered(play):
    change = Modify(set_fields=((b"x-frame-options", b"DENY"),), default_fields=((b"cache-control", b"private"),))

    def secure(_response, _facts):
        return change

    def stop(_request, _facts):
        return Refuse(Code("test.stop", 403, "Stop"))

    p = play(GET=[("answer", secure)], POST=[("answer", secure), ("head", stop)])
    await answered(p, ok(b"hi", b"X-Frame-Options: ALLOW\r\n"))
    answer = p.client_gets(b"x-frame-options: DENY\r\n", b"cache-control: private\r\n", b"hi")
    assert b"ALLOW" not in answer
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
    refused = p.client_gets(b"HTTP/1.1 403", b"cache-control: no-store\r\n", b"x-frame-options: DENY\r\n")
    assert b"private" not in refused


async def test_an_answer_that_breaks_off_while_it_is_checked_is_a_refusal_not_a_broken_connection(play):
    p = play(GET=[("response_body", lambda _response, _facts: None)])
    await answered(p, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    p.service_goes()
    p.client_gets(b"HTTP/1.1 502", b"upstream.truncated")
    assert p.gateway.buffers.held == 0


async def test_any_call_is_tried_again_if_nothing_of_it_was_written(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(ok(b"ok"))
    p.client_gets(b"ok")
    p.client.data_received(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhello")
    connection, transport = p.service
    connection.eof_received()  # in the very turn in which the request was handed over
    transport.take()
    transport.closed = "closed"
    connection.connection_lost(None)
    await settle()
    p.service_gets(b"POST /a", b"hello")
    p.service_sends(ok(b"ok"))
    p.client_gets(b"200 OK")
    assert len(p.service_connections) == 2


async def test_a_monitored_check_lets_pass_what_it_can_not_hold_or_read(play):
    def monitored(p):
        steps = p.gateway.snapshot.operations[0].response_body_steps
        operation = msgspec.structs.replace(
            p.gateway.snapshot.operations[0],
            response_body_steps=tuple(msgspec.structs.replace(step, monitor=True) for step in steps),
        )
        p.gateway.snapshot.hosts["shop"].index.match("/a").payload["GET"] = operation

    p = play(GET=[("response_body", lambda _response, _facts: Refuse(BAD))])
    monitored(p)
    await answered(p, b"HTTP/1.1 200 OK\r\nContent-Length: 10003\r\n\r\n" + b"x" * 10_001)
    p.client_gets(b"200 OK", b"content-length: 10003\r\n", b"x" * 10_001)
    p.service_sends(b"yy")
    p.client_gets(b"yy")
    p.client_sends(GET)
    p.service_sends(ok(b"abc", b"Content-Encoding: lzma\r\n"))
    p.client_gets(b"content-encoding: lzma\r\n", b"abc")
    p.client_sends(GET)
    p.service_sends(ok(b"abc"))
    p.client_gets(b"abc")
    assert [[(v.code, v.outcome) for v in record.verdicts] for record in p.records] == [
        [("upstream.answer_too_large", "would_refuse")],
        [("upstream.bad_coding", "would_refuse")],
        [("test.bad", "would_refuse")],
    ]


async def test_an_answer_that_a_step_for_all_answers_failed_on_is_not_passed(play):
    def fail(_response, _facts):
        raise RuntimeError("broken")

    p = play(GET=[("answer", fail)])
    await answered(p, ok(b"secret"))
    assert b"secret" not in p.client_gets(b"HTTP/1.1 500", b"guard.internal")
    assert (p.records[0].decision, p.records[0].status) == ("refuse", 500)


async def test_an_answer_waits_for_a_step_that_waits_and_is_held_meanwhile(play):
    gate = asyncio.Event()

    async def wait(response, _facts):
        await gate.wait()
        return Modify(body=response.body.upper())

    p = play(GET=[("response_body", wait)])
    await answered(p, ok(b"hello"))
    await settle()
    p.client_gets()
    assert p.gateway.buffers.held == 5
    gate.set()
    await settle()
    p.client_gets(b"HTTP/1.1 200 OK\r\n", b"content-length: 5\r\n", b"HELLO")
    assert p.gateway.buffers.held == 0
    p.client_sends(GET)
    p.service_gets(b"GET /a")  # the same connection, which was given back at once


@rows(("decision", "status"), [(Refuse(BAD), b"502"), (OSError("the store is away"), b"500"), ("nonsense", b"500")])
async def test_a_step_that_waits_may_refuse_an_answer_or_fail(play, decision, status):
    async def later(_response, _facts):
        await asyncio.sleep(0)
        if isinstance(decision, Exception):
            raise decision
        return decision

    p = play(GET=[("response_body", later)])
    await answered(p, ok(b"secret"))
    await settle(10)
    got = p.client_gets(b"HTTP/1.1 " + status)
    assert b"secret" not in got
    assert b"away" not in got


async def test_steps_after_one_that_waits_are_asked_too(play):
    async def later(_response, _facts):
        await asyncio.sleep(0)

    p = play(GET=[("response_body", later), ("response_body", later), ("response_body", lambda *_: Refuse(BAD))])
    await answered(p, ok(b"secret"))
    await settle(10)
    p.client_gets(b"HTTP/1.1 502")


@rows(("monitor", "status"), [(False, b"500"), (True, b"200")])
async def test_a_step_that_never_decides_about_an_answer_refuses_unless_it_is_monitored(
    play, monkeypatch, monitor, status
):
    monkeypatch.setattr("portcullis.mounts.reverse_proxy.answering.DECISION_SECONDS", 0.0)

    async def never(_response, _facts):
        await asyncio.sleep(1000)

    p = play(GET=[("response_body", never, *(["monitor"] if monitor else []))])
    await answered(p, ok(b"hello"))
    await settle(10)
    p.client_gets(b"HTTP/1.1 " + status)
    assert p.records[0].verdicts[-1].outcome == "error"


async def test_a_client_that_goes_while_a_step_waits_for_an_answer_ends_the_waiting(play):
    cancelled = asyncio.Event()

    async def never(_response, _facts):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    p = play(GET=[("response_body", never)])
    await answered(p, ok(b"hello"))
    await settle()
    p.client_goes()
    await settle()
    assert cancelled.is_set()
    assert p.records[0].decision == "abort"
    assert p.gateway.buffers.held == 0


async def test_what_a_client_still_sends_while_an_answer_is_decided_about_is_dropped(play):
    gate = asyncio.Event()

    async def wait(_response, _facts):
        await gate.wait()

    p = play(PUT=[("response_body", wait)])
    p.client_sends(b"PUT /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nhello")
    await settle()
    p.service_gets(b"PUT /a", b"hello")
    p.service_sends(ok(b"early"))
    await settle()
    p.client_sends(b"world")
    assert p.gateway.buffers.held == 5
    gate.set()
    await settle()
    p.client_gets(b"HTTP/1.1 200 OK\r\n", b"early")
    assert p.gateway.buffers.held == 0
