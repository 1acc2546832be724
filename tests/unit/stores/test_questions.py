from __future__ import annotations

import asyncio

import msgspec
import pytest

from portcullis.engine.ports import Unanswered
from portcullis.stores import questions as module
from portcullis.stores.frames import FrameDecoder, Question, Reply
from portcullis.stores.questions import PendingQuestions


class Line:
    """The other end of a line, which is up."""

    def __init__(self) -> None:
        self.sent: list[Question] = []
        self.questions = PendingQuestions()
        self.questions.connected(self._send)

    def _send(self, frame: bytes) -> None:
        [(_, payload)] = FrameDecoder().feed(frame)
        self.sent.append(msgspec.msgpack.decode(payload, type=Question))

    def reply(self, number: int, answer: bytes | None) -> None:
        self.questions.reply(msgspec.msgpack.encode(Reply(number, answer)))


async def test_each_question_gets_its_own_reply() -> None:
    line = Line()
    one = asyncio.ensure_future(line.questions.ask("a", b"1"))
    other = asyncio.ensure_future(line.questions.ask("b", b"2"))
    await asyncio.sleep(0)
    assert [(each.topic, each.question) for each in line.sent] == [("a", b"1"), ("b", b"2")]
    assert repr(line.questions) == "<PendingQuestions up waiting=2>"
    line.reply(line.sent[1].number, b"two")
    line.reply(line.sent[0].number, None)
    assert await other == b"two"
    with pytest.raises(Unanswered):
        await one
    assert repr(line.questions) == "<PendingQuestions up waiting=0>"


async def test_a_reply_that_nobody_waits_for_is_dropped() -> None:
    line = Line()
    asked = asyncio.ensure_future(line.questions.ask("a", b"1"))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.sleep(0)
    line.reply(line.sent[0].number, b"late")
    line.reply(99, b"never asked")
    with pytest.raises(ValueError, match=r"."):
        line.questions.reply(b"no reply")


async def test_nobody_waits_for_a_line_that_is_down() -> None:
    line = Line()
    asked = asyncio.ensure_future(line.questions.ask("a", b"1"))
    await asyncio.sleep(0)
    line.questions.disconnected()
    with pytest.raises(Unanswered):
        await asked
    with pytest.raises(Unanswered, match="away"):
        await line.questions.ask("a", b"1")


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_SECONDS", 0.01)
    line = Line()
    with pytest.raises(Unanswered, match="no answer"):
        await line.questions.ask("a", b"1")


async def test_only_so_many_wait_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    line = Line()
    asked = asyncio.ensure_future(line.questions.ask("a", b"1"))
    await asyncio.sleep(0)
    with pytest.raises(Unanswered, match="too many"):
        await line.questions.ask("a", b"2")
    line.reply(line.sent[0].number, b"one")
    assert await asked == b"one"


async def test_questions_of_one_topic_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OF_TOPIC", 1)
    line = Line()
    first, other = (asyncio.ensure_future(line.questions.ask(topic, b"1")) for topic in ("a", "b"))
    await asyncio.sleep(0)
    with pytest.raises(Unanswered, match="a: too many"):
        await line.questions.ask("a", b"2")
    for number, question in enumerate(line.sent):
        line.reply(question.number, b"%d" % number)
    assert (await first, await other) == (b"0", b"1")
    again = asyncio.ensure_future(line.questions.ask("a", b"3"))
    await asyncio.sleep(0)
    line.reply(line.sent[-1].number, b"again")
    assert await again == b"again"
