"""One object read from the service before a request is sent to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portcullis.engine.codes import Code
from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policy import FirstRead
from portcullis.engine.response import ResponseView
from portcullis.testing import Playbook, settle

NOT_YOURS = Code("objects.not_yours", 404, "Not yours")
UNREAD = Refuse(Code("objects.unread", 503, "Unread"))
PUT = (
    b"PUT /a HTTP/1.1\r\nHost: shop\r\nX-Mine: 1\r\nIf-Match: x\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
)
MINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"
THEIRS = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntheirs"
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
Play = Callable[..., Playbook]


def judge(response: ResponseView, _facts: Facts) -> Refuse | None:
    return None if (response.status, response.body) == (200, b"mine") else Refuse(NOT_YOURS)


def reads(_request: object, _facts: object) -> FirstRead:
    return FirstRead("/b?c=d", b"application/json", judge, UNREAD)


@pytest.fixture
def reading(play: Play) -> Callable[..., Playbook]:
    """A gateway that reads before a PUT."""

    def make(*steps: Any, **how: Any) -> Playbook:
        return play(PUT=[("before", reads), *steps], **how)

    return make


async def test_the_object_is_read_and_then_the_request_is_sent(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    asked = play.service_gets(
        b"GET /b?c=d HTTP/1.1\r\nhost: 127.0.0.1:9000\r\nx-mine: 1\r\n", b"accept: application/json\r\n"
    )
    assert b"if-match" not in asked
    assert b"content-" not in asked
    play.service_sends(MINE)
    play.service_gets(b"PUT /a HTTP/1.1\r\n", b"if-match: x\r\n", b"\r\n\r\nbody")
    play.service_sends(DONE)
    play.client_gets(b"HTTP/1.1 204 ")
    (record,) = play.records
    assert (record.decision, record.upstream_status) == ("allow", 204)
    assert len(play.service_connections) == 1


async def test_or_not_where_that_is_refused(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.service_gets(b"GET /b")
    play.service_sends(THEIRS)
    play.client_gets(b"HTTP/1.1 404 ", b"objects.not_yours")
    play.service_gets()
    (record,) = play.records
    assert (record.code, record.upstream_status) == ("objects.not_yours", 0)
    play.client_sends(PUT + b"body")
    play.service_gets(b"GET /b")


async def test_what_steps_changed_in_the_request_counts_for_the_reading(reading: Play) -> None:
    change = Modify(
        set_fields=((b"x-token", b"t"), (b"content-type", b"a/b")), remove_fields=frozenset({b"x-mine", b"x-key"})
    )
    play = reading(("head", lambda _request, _facts: change))
    play.client_sends(PUT + b"body")
    await settle()
    asked = play.service_gets(b"GET /b", b"x-token: t\r\n")
    assert b"x-mine" not in asked
    assert b"a/b" not in asked


async def test_a_body_waits_until_the_object_is_read(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT.replace(b"Content-Length: 4", b"Expect: 100-continue\r\nContent-Length: 4"))
    await settle()
    play.service_gets(b"GET /b")
    play.client_gets()
    play.service_sends(MINE)
    play.client_gets(b"HTTP/1.1 100 ")
    play.client_sends(b"bo")
    play.client_sends(b"dy")
    play.service_gets(b"PUT /a HTTP/1.1\r\n", b"\r\n\r\nbody")


async def test_what_comes_of_a_body_meanwhile_is_held(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"b")
    await settle()
    play.client_sends(b"ody")
    play.service_gets(b"GET /b")
    play.service_sends(MINE)
    play.service_gets(b"PUT /a HTTP/1.1\r\n", b"\r\n\r\nbody")
    play.service_sends(DONE)
    play.client_gets(b"HTTP/1.1 204 ")
    assert play.gateway.buffers.held == 0


async def test_a_long_body_is_not_read_before_it_can_be_sent(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT.replace(b"Content-Length: 4", b"Content-Length: 100000"))
    await settle()
    for _ in range(3):
        play.client_sends(b"x" * 30_000)
    assert not play.client_transport.reading
    play.service_sends(MINE)
    assert play.client_transport.reading
    play.client_sends(b"x" * 10_000)
    assert len(play.service_gets(b"GET /b", b"PUT /a")) > 100_000


async def test_an_answer_in_pieces_is_put_together(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    for piece in (MINE[:20], MINE[20:-3], MINE[-3:]):
        play.service_sends(piece)
    play.service_gets(b"GET /b", b"PUT /a")


async def test_an_answer_that_is_too_large_is_not_read(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n" + b"x" * 9000)
    play.service_sends(b"x" * 1001)
    play.client_gets(b"HTTP/1.1 503 ", b"objects.unread")
    assert play.records[0].verdicts[-1].finding.found == "upstream.answer_too_large"
    assert play.gateway.buffers.held == 0


async def test_memory_that_is_short_is_no_reason_to_go_on(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    assert play.gateway.buffers.take(199_990)
    play.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)
    play.client_gets(b"HTTP/1.1 503 ", b"objects.unread")
    assert play.gateway.buffers.held == 199_990


async def test_a_kept_connection_that_closes_is_replaced_once(reading: Play) -> None:
    play = reading()
    play.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    play.service_sends(MINE)
    play.client_gets(b"mine")
    play.client_sends(PUT + b"body")
    play.service_gets(b"GET /a", b"GET /b")
    play.service_goes()
    await settle()
    play.service_gets(b"GET /b")
    play.service_sends(MINE)
    play.service_gets(b"PUT /a")


async def test_a_new_one_that_closes_is_not(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.service_gets(b"GET /b")
    play.service_goes()
    play.client_gets(b"HTTP/1.1 503 ", b"objects.unread")
    assert "upstream.closed" in play.records[0].verdicts[-1].finding.found


async def test_a_service_that_is_not_there_can_not_be_read(reading: Play) -> None:
    play = reading()
    play.service_is_up = False
    play.client_sends(PUT + b"body")
    await settle()
    play.client_gets(b"HTTP/1.1 503 ", b"objects.unread")
    assert "upstream.unreachable" in play.records[0].verdicts[-1].finding.found


async def test_a_service_that_does_not_answer_is_waited_for_no_longer_than_ever(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.wait(31)
    play.client_gets(b"HTTP/1.1 503 ", b"objects.unread")
    assert "upstream.timeout" in play.records[0].verdicts[-1].finding.found


async def test_a_client_that_goes_takes_its_reading_along(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.client_goes()
    assert play.service[1].closed == "aborted"
    assert play.records[0].decision == "abort"
    assert play.gateway.buffers.held == 0


async def test_also_while_it_waits_for_a_connection(reading: Play) -> None:
    play = reading(upstream={"max_connections": 1})
    play.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    busy = play.client
    play.connect()
    play.client_sends(PUT + b"body")
    await settle()
    play.client_goes()
    play.service_sends(MINE)
    play.service_gets(b"GET /a")
    assert busy is not play.client
    assert [record.decision for record in play.records] == ["abort", "allow"]


async def test_what_fails_here_refuses(reading: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()

    def fail(*_arguments: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("portcullis.engine.exchange.first_reads.FirstReads.decide_first_read", fail)
    play.service_sends(MINE)
    play.client_gets(b"HTTP/1.1 500 ", b"guard.internal")


async def test_the_time_of_the_service_is_the_services(reading: Play) -> None:
    play = reading()
    play.client_sends(PUT + b"body")
    await settle()
    play.clock.advance(1)
    play.service_sends(MINE)
    play.clock.advance(2)
    play.service_sends(DONE)
    play.client_gets(b"HTTP/1.1 204 ")
    assert play.records[0].us_upstream == 3_000_000
