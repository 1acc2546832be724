"""Answers that may take long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.decision import Refuse
from portcullis.engine.websocket.rules import StreamRules
from portcullis.testing import Playbook, settle

REQUEST = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"9\r\ndata: 1\n\n\r\n"
SECOND = 10**9


async def begun(play: Callable[..., Playbook], **rules: Any) -> Playbook:
    bounds = {"idle_ns": 500 * SECOND, "lifetime_ns": 1000 * SECOND, "max_bytes": 0, "source": "#/s", **rules}
    playbook = play(rules={"stream": StreamRules(**bounds)})
    playbook.client_sends(REQUEST)
    await settle()
    playbook.service_sends(HEAD + EVENT)
    playbook.client_gets(b"HTTP/1.1 200", b"data: 1")
    return playbook


async def test_it_outlives_what_other_answers_may_take(play: Callable[..., Playbook]) -> None:
    playbook = await begun(play)
    for _ in range(3):
        playbook.wait(300)
        playbook.service_sends(EVENT)
        playbook.client_gets(b"data: 1")
    playbook.service_sends(b"0\r\n\r\n")
    playbook.client_gets(b"0\r\n\r\n")
    assert playbook.service[1].closed == "closed"  # its deadlines are not those of others
    assert playbook.records[0].decision == "allow"
    deadlines = len(playbook.gateway.deadlines)
    playbook.client_goes()
    assert len(playbook.gateway.deadlines) < deadlines


async def test_it_ends_after_its_lifetime(play: Callable[..., Playbook]) -> None:
    playbook = await begun(play, lifetime_ns=10 * SECOND)
    playbook.wait(9)
    playbook.client_is("")
    playbook.wait(1)
    playbook.client_is("aborted")
    assert playbook.records[0].code == "guard.stream_lifetime"


async def test_it_ends_when_nothing_comes(play: Callable[..., Playbook]) -> None:
    playbook = await begun(play, idle_ns=10 * SECOND)
    playbook.wait(10)
    playbook.client_is("aborted")
    assert playbook.records[0].code == "upstream.timeout"


async def test_it_ends_before_it_is_too_large(play: Callable[..., Playbook]) -> None:
    playbook = await begun(play, max_bytes=20)
    playbook.service_sends(EVENT)
    playbook.client_gets(b"data: 1")
    playbook.service_sends(EVENT)
    playbook.client_gets()
    playbook.client_is("aborted")
    assert playbook.records[0].code == "limit.stream_bytes"


async def test_it_ends_when_its_caller_is_nobody_any_more(play: Callable[..., Playbook]) -> None:
    found: list[Refuse] = []
    playbook = await begun(play, standing=lambda _request, _by, _asked: found[0] if found else None)
    playbook.wait(1)
    playbook.client_is("")
    found.append(Refuse(FAILED))
    playbook.wait(1)
    playbook.client_is("aborted")
    assert playbook.records[0].code == "authenticate.no_longer_valid"
