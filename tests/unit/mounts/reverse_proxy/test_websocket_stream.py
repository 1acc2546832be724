"""The exchange that opens a WebSocket; over sockets it is tests/e2e/transport/test_websocket.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rows import rows

from portcullis.engine.policy import Step
from portcullis.engine.websocket.declaring import WebSocketConfig
from portcullis.engine.websocket.handshake import handshake_step
from portcullis.engine.websocket.rules import WebSocketRules
from portcullis.mounts.websocket.frames import close_frame, masked
from portcullis.testing import Playbook, settle

KEY = b"\x01\x02\x03\x04"
HANDSHAKE = (
    b"GET /a HTTP/1.1\r\nHost: shop\r\nUpgrade: WebSocket\r\nConnection: Upgrade, x\r\nX: 1\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: hidden\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
RULES = WebSocketRules(idle_ns=60 * 10**9, lifetime_ns=3600 * 10**9, max_message=100, source="#/w")
TEXT = b"\x81\x85" + KEY + masked(b"hello", KEY)
ANSWER = b"\x81\x05hello"


@pytest.fixture
def websocket(play: Callable[..., Playbook]) -> Callable[..., Playbook]:
    step = Step("guard.websocket", "head", handshake_step(WebSocketConfig()))

    def make(rules: WebSocketRules = RULES) -> Playbook:
        return play(rules={"websocket": rules}, GET=[("head", step.run)])

    return make


async def opened(websocket: Callable[..., Playbook], *rules: WebSocketRules) -> Playbook:
    playbook = websocket(*rules)
    playbook.client_sends(HANDSHAKE)
    await settle()
    playbook.service_gets(b"GET /a HTTP/1.1\r\n", b"connection: Upgrade\r\nupgrade: websocket\r\n")
    playbook.service_sends(SWITCHING)
    got = playbook.client_gets(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n")
    assert b"hidden" not in got
    return playbook


async def test_frames_pass_as_they_came_and_both_ends_close(websocket: Callable[..., Playbook]) -> None:
    playbook = await opened(websocket)
    playbook.client_sends(TEXT)
    assert playbook.service_gets(TEXT) == TEXT
    playbook.service_sends(ANSWER)
    assert playbook.client_gets(ANSWER) == ANSWER
    close = close_frame(1000, KEY)
    playbook.client_sends(close)
    playbook.service_gets(close)
    playbook.service_sends(close_frame(1000))
    playbook.client_gets(close_frame(1000))
    playbook.client_is("closed")
    playbook.client_goes()
    first, last = playbook.records
    assert (first.session, first.status, first.messages_in) == ("open", 101, 0)
    assert (last.session, last.messages_in, last.messages_out, last.close_code) == ("end", 1, 1, 1000)
    assert (last.bytes_in, last.bytes_out) == (len(TEXT) + len(close), len(ANSWER) + 4)
    assert last.decision == "allow"
    assert not playbook.gateway.connections
    playbook.gateway.outbox.flush()
    assert playbook.service[1].closed == "closed"


async def test_what_came_before_the_answer_is_passed_on_after_it(websocket: Callable[..., Playbook]) -> None:
    playbook = websocket()
    playbook.client_sends(HANDSHAKE + TEXT)
    await settle()
    assert TEXT not in playbook.service_gets(b"GET /a")
    playbook.service_sends(SWITCHING + ANSWER)
    playbook.client_gets(b"101", ANSWER)
    playbook.service_gets(TEXT)


@rows(
    "answer",
    [
        SWITCHING.replace(b"xOo=", b"xOo1"),
        SWITCHING.replace(b"websocket", b"h2c"),
        SWITCHING.replace(b"Server: hidden", b"Sec-WebSocket-Extensions: permessage-deflate"),
    ],
)
async def test_a_wrong_switch_is_502(websocket: Callable[..., Playbook], answer: bytes) -> None:
    playbook = websocket()
    playbook.client_sends(HANDSHAKE)
    await settle()
    playbook.service_sends(answer)
    playbook.client_gets(b"HTTP/1.1 502", b"connection: close")
    assert playbook.service[1].closed == "aborted"


async def test_a_switch_that_nobody_asked_for_is_502_as_ever(play: Callable[..., Playbook]) -> None:
    playbook = play()
    playbook.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    playbook.service_sends(SWITCHING)
    playbook.client_gets(b"HTTP/1.1 502")
    playbook.connect()
    playbook.client_sends(HANDSHAKE)
    playbook.client_gets(b"HTTP/1.1 400", b"guard.upgrade_refused")


async def test_a_worker_that_stops_tells_both_sides(websocket: Callable[..., Playbook]) -> None:
    playbook = await opened(websocket)
    playbook.gateway.drain()
    playbook.client_gets(close_frame(1001))
    playbook.client_is("")
    assert playbook.service_gets(b"\x88\x82")[6:] != b""
    playbook.client_sends(close_frame(1001, KEY))
    playbook.client_is("closed")
