"""Sessions without sockets: how they end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.codes import MESSAGE_INVALID
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.request import RequestView
from portcullis.engine.websocket.rules import WebSocketRules
from portcullis.mounts.buffers import BufferBudget
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.outbox import Outbox
from portcullis.mounts.websocket.frames import close_frame, masked
from portcullis.mounts.websocket.session import Session
from portcullis.testing import FakeClock, FakeTransport

KEY = b"\x01\x02\x03\x04"
RULES = WebSocketRules(idle_ns=60 * 10**9, lifetime_ns=3600 * 10**9, max_message=100, source="#/w")


def text(payload: bytes, first: int = 0x81) -> bytes:
    return bytes([first, 0x80 | len(payload)]) + KEY + masked(payload, KEY)


class Side:
    """A connection of one side, as the session needs it."""

    def __init__(self, buffers: BufferBudget) -> None:
        self.buffers = buffers
        self.transport = FakeTransport()
        self.protocol: Any = None
        self.lost = False

    def switch(self, protocol: Any) -> bytes:
        self.protocol = protocol
        return b""

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True


class Play:
    """A session between two sides."""

    def __init__(self, rules: WebSocketRules = RULES, cap: int = 1000) -> None:
        self.clock = FakeClock()
        self.now, self.wall = self.clock.now_ns, self.clock.wall_s
        self.deadlines = Deadlines(self.clock.now_ns)
        self.outbox = Outbox()
        self.buffers = BufferBudget(cap)
        self.ends: list[tuple[Refuse | None, bool]] = []
        exchange = Exchange(RequestView("GET", "/", (), {}), "1", "1", 0, 0)
        gateway: Any = self
        self.session = Session(gateway, exchange, rules, self._ended, compressed=False)
        self.client, self.service = Side(self.buffers), Side(self.buffers)
        client: Any = self.client
        service: Any = self.service
        self.session.begin(client, service, b"")

    def _ended(self, refusal: Refuse | None, *, aborted: bool) -> None:
        self.ends.append((refusal, aborted))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.deadlines.sweep()

    def told(self) -> bytes:
        self.outbox.flush()
        return self.client.transport.take()

    def goes(self) -> tuple[str, bool]:
        """The client's connection is gone: the code of the end, and whether it was the client's."""
        self.session.client_lost()
        self.session.client_lost()
        ((refusal, aborted),) = self.ends
        return "" if refusal is None else refusal.code.name, aborted


def changed(**values: Any) -> WebSocketRules:
    return msgspec.structs.replace(RULES, **values)


async def test_it_ends_when_nothing_comes_for_too_long() -> None:
    play = Play()
    play.wait(50)
    play.session.from_service(b"\x81\x00")
    play.wait(59)
    assert play.told() == b"\x81\x00"
    play.wait(1)
    assert play.told() == close_frame(1001)
    assert play.service.transport.closed == "closed"
    assert play.service.transport.take()[:2] == b"\x88\x82"
    assert play.goes() == ("guard.stream_idle", False)


async def test_it_ends_after_its_lifetime_and_who_does_not_answer_is_cut_off() -> None:
    play = Play(changed(lifetime_ns=10 * 10**9))
    play.wait(10)
    assert play.told() == close_frame(1001)
    assert play.client.transport.closed == ""
    play.wait(1)
    assert play.client.transport.closed == "aborted"
    assert play.goes() == ("guard.stream_lifetime", False)


@rows(("rules", "data"), [({"frame_ns": 10**9}, text(b"")), ({"byte_ns": 10**9}, text(b"a" * 6))])
async def test_a_rate_lets_a_burst_pass(rules: dict[str, Any], data: bytes) -> None:
    play = Play(changed(**rules))
    for _ in range(20):
        play.session.from_client(data)
    assert play.told() == close_frame(1008)
    assert play.goes() == ("limit.message_rate", False)


async def test_what_is_judged_is_told_by_1008_and_what_fails_to_judge_by_1011() -> None:
    play = Play(changed(from_client=lambda *_: Refuse(MESSAGE_INVALID)))
    play.session.from_client(text(b"x"))
    assert play.told() == close_frame(1008)
    assert text(b"x") not in play.service.transport.take()
    assert play.goes() == ("validate.message", False)

    def fails(_text: bool, _payload: bytes) -> Refuse | None:
        raise ZeroDivisionError

    play = Play(changed(from_client=fails))
    play.session.from_client(text(b"x"))
    assert play.told() == close_frame(1011)
    assert play.goes() == ("guard.internal", False)


async def test_what_is_held_is_counted_and_bounded() -> None:
    play = Play(changed(from_client=lambda *_: None), cap=50)
    play.session.from_client(text(b"a" * 30, 0x01))
    assert play.buffers.held == 36
    play.session.from_client(text(b"b", 0x80))
    assert play.buffers.held == 0
    play.session.from_client(text(b"a" * 60, 0x01))
    assert play.told() == close_frame(1013)
    assert play.goes() == ("guard.buffers_full", False)
    assert play.buffers.held == 0


async def test_a_caller_who_is_nobody_any_more_is_sent_away() -> None:
    found: list[Refuse] = []
    play = Play(changed(standing=lambda _request, _by, _asked: found[0] if found else None))
    play.wait(1)
    assert play.told() == b""
    found.append(Refuse(FAILED))
    play.wait(1)
    assert play.told() == close_frame(1008)
    assert play.goes() == ("authenticate.no_longer_valid", False)


async def test_no_close_frame_is_put_into_a_frame_that_has_begun() -> None:
    play = Play()
    play.session.from_service(b"\x81\x05hel")
    play.session.from_client(text(b"hello")[:-1])
    play.session.go_away()
    assert play.told() == b"\x81\x05hel"
    assert play.client.transport.closed == "closed"
    assert play.service.transport.take() == text(b"hello")[:-1]


async def test_a_side_that_takes_no_more_holds_the_other_back() -> None:
    play = Play()
    play.client.protocol.pause_writing()
    assert not play.service.transport.reading
    play.client.protocol.resume_writing()
    assert play.service.transport.reading
    play.service.protocol.pause_writing()
    assert not play.client.transport.reading


@pytest.mark.parametrize("who", ["client", "service"])
async def test_who_goes_without_a_close_frame_is_told_of(who: str) -> None:
    play = Play()
    if who == "service":
        play.service.protocol.connection_lost(None)
        assert play.service.lost
        play.outbox.flush()
        assert play.client.transport.closed == "closed"
        assert play.goes() == ("upstream.closed", False)
    else:
        assert play.goes() == ("", True)
        play.outbox.flush()
        assert play.service.transport.closed == "closed"
        play.service.protocol.connection_lost(None)
    assert play.session.close_code == 1006
    assert len(play.deadlines) == 0


@pytest.mark.parametrize("who", ["gateway", "service"])
async def test_a_client_that_was_told_of_the_end_may_still_be_sending_when_the_service_has_gone(who: str) -> None:
    play = Play()
    if who == "gateway":
        play.session.refuse(Refuse(FAILED))
    else:
        play.session.from_service(close_frame(1008))
    assert play.told() == close_frame(1008)
    play.service.protocol.connection_lost(None)
    play.session.from_client(text(b"still here"))
    play.outbox.flush()
    assert play.client.transport.closed == ""
    assert play.client.transport.ended
    play.session.from_client(b"\x88\x80" + KEY)
    play.outbox.flush()
    assert play.client.transport.closed == "closed"


async def test_a_service_against_the_rules_is_told_so_and_the_client_1011() -> None:
    play = Play()
    play.session.from_service(text(b"masked"))
    assert play.told() == close_frame(1011)
    assert play.goes() == ("upstream.bad_response", False)


async def test_a_service_that_takes_nothing_does_not_keep_its_connection_when_the_client_has_gone() -> None:
    play = Play()
    play.session.from_client(text(b"hello"))
    play.session.client_lost()
    play.outbox.flush()
    assert play.service.transport.closed == "closed"
    play.wait(6)
    assert play.service.transport.closed == "aborted"
    assert len(play.deadlines) == 0


async def test_one_that_ends_in_time_is_forgotten() -> None:
    play = Play()
    play.session.client_lost()
    assert len(play.deadlines) == 1
    play.session.service_lost()
    assert len(play.deadlines) == 0
    assert len(play.ends) == 1
