"""The gateway's own words, and what is left when an exchange has ended."""

from __future__ import annotations

from portcullis.engine.decision import Answer
from portcullis.testing import settle

GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"


async def test_a_step_may_answer_itself(play):
    p = play(GET=[("head", lambda _request, _facts: Answer(204, ((b"allow", b"GET"),)))])
    p.client_sends(GET + GET)
    await settle()
    answer = p.client_gets(b"HTTP/1.1 204 No Content\r\n", b"allow: GET\r\n", b"\r\n\r\n", b"HTTP/1.1 204")
    assert b"content-length" not in answer
    p.service_gets()
    assert (p.records[0].decision, p.records[0].status) == ("allow", 204)


async def test_a_fault_before_an_answer_is_told_and_one_within_it_breaks_the_connection(play):
    def fail(_request, _facts):
        raise ValueError("a bug")

    p = play(POST=[("head", fail)])
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
    await settle()
    refused = p.client_gets(b"HTTP/1.1 500", b"internal")
    assert b"a bug" not in refused
    p.connect()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
    p.client_gets(b"begun")
    p.service_goes()
    p.client_is("aborted")
    assert [record.status for record in p.records] == [500, 200]


async def test_what_was_held_is_given_back(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.client_sends(b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\nhalf")
    await settle()
    assert p.gateway.buffers.held == 4
    p.client_goes()
    assert p.gateway.buffers.held == 0
    assert len(p.records) == 1
