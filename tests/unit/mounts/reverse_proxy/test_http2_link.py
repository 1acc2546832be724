from __future__ import annotations

import asyncio

from portcullis.mounts.outbox import Outbox
from portcullis.mounts.reverse_proxy.http2_link import BURST, Http2Link
from portcullis.testing import FakeTransport


class Codec:
    """Takes whatever comes."""

    def __init__(self) -> None:
        self.streams = {1: None, 3: None}
        self.outgoing: list[bytes] = []

    def room(self, _number: int) -> int:
        return 10**6

    def send_data(self, number: int, data: bytes, *, ended: bool) -> None:
        del ended
        self.outgoing.append(b"%d:%d " % (number, len(data)))


class Waiting:
    """A stream with so many pieces left."""

    def __init__(self, link: Http2Link, number: int, pieces: int) -> None:
        self.link = link
        self.number = number
        self.pieces = pieces

    def push(self) -> bool:
        room = self.link.room(self.number)
        if not room:
            return False
        self.link.send_data(self.number, b"x" * min(room, 16384), ended=False)
        self.pieces -= 1
        if not self.pieces:
            self.link.wait_no_more(self.number)
        return True


def link() -> Http2Link:
    made = Http2Link(Outbox())
    made._codec = Codec()  # type: ignore[assignment]
    made.transport = FakeTransport()
    return made


async def test_streams_take_turns_and_a_turn_of_the_loop_has_a_burst():
    made = link()
    for number in (1, 3):
        made.wait(Waiting(made, number, 3))
    made._push()
    assert made._burst == BURST
    assert made.room(1) == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert made._waiting == {}
    assert made.transport.sent.split() == [b"%d:16384" % number for number in (1, 3, 1, 3, 1, 3)]


async def test_a_transport_that_takes_nothing_is_given_nothing():
    made = link()
    made._writing_blocked = True
    assert made.room(1) == 0
    made.wait(Waiting(made, 1, 1))
    made._push()
    assert made.transport.sent == b""


async def test_what_is_for_a_stream_that_is_gone_is_dropped():
    made = link()
    made.send_data(5, b"x", ended=True)
    assert made._codec.outgoing == []


async def test_streams_that_come_and_go_beside_one_that_stays_do_not_add_to_the_work_of_a_turn(monkeypatch):
    made = link()
    pushes = []
    push = Http2Link._push
    monkeypatch.setattr(Http2Link, "_push", lambda self, only=None: (pushes.append(1), push(self, only)))
    made.wait(Waiting(made, 1, 10**6))
    made._push()
    for _ in range(50):
        made.wait(Waiting(made, 3, 1))
        pushes.clear()
        await asyncio.sleep(0)
    assert len(pushes) <= 2
