"""A worker's line to the control process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.ports import Unanswered
from portcullis.engine.record import Record
from portcullis.engine.tally import TallyDelta
from portcullis.stores import worker_channel
from portcullis.stores.frames import FrameDecoder, Hello, Kind, Question, Reply, encode_frame, encode_topic
from portcullis.stores.questions import PendingQuestions
from portcullis.stores.topics import TopicSubscriptions
from portcullis.stores.worker_channel import (
    BATCH,
    MAX_BATCHES_ON_THE_WAY,
    MAX_PENDING_RECORDS,
    MAX_UNREAD_BYTES,
    WorkerChannel,
)
from portcullis.testing import FakeTransport

HELLO = Hello(3, 7, 4242)
TAKEN = encode_frame(Kind.TAKEN, b"")
INFORMED = encode_frame(Kind.INFORMED, b"")
ON_THE_WAY = BATCH * MAX_BATCHES_ON_THE_WAY


def record(number: int = 0, target: str = "/orders") -> Record:
    return Record("", f"{number:032x}", "", "192.0.2.1", "GET", target, "allow", 200, api="shop")


def new_channel(path: str = "", keys: Callable[[bytes], None] | None = None) -> WorkerChannel:
    topics = TopicSubscriptions()
    if keys is not None:
        topics.subscribe("keys", keys)
    return WorkerChannel(path, HELLO, topics, PendingQuestions())


def channel_on(transport: FakeTransport) -> WorkerChannel:
    channel = new_channel()
    channel.connection_made(transport)
    transport.take()
    return channel


def frames(data: bytes) -> list[tuple[Kind, bytes]]:
    return FrameDecoder().feed(data)


def lines_in(payload: bytes) -> list[int]:
    return [int(json.loads(line)["request_id"], 16) for line in payload.splitlines()]


def tally_in(data: bytes) -> TallyDelta:
    [payload] = [payload for kind, payload in frames(data) if kind is Kind.TALLY]
    return msgspec.msgpack.decode(payload, type=TallyDelta)


def told(channel: WorkerChannel, transport: FakeTransport, **totals: Any) -> TallyDelta:
    transport.take()
    channel.send_tally(**{"connections": 5, "buffered": 6, "refused": 0, **totals})
    return tally_in(transport.take())


# On a fake transport: what is sent, kept and dropped.


def test_the_first_thing_a_worker_says_is_who_it_is() -> None:
    transport = FakeTransport()
    new_channel().connection_made(transport)
    [(kind, payload)] = frames(transport.take())
    assert kind is Kind.HELLO
    assert msgspec.msgpack.decode(payload, type=Hello) == HELLO


def test_records_wait_for_a_full_batch_or_the_next_flush() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    for number in range(BATCH - 1):
        channel.add(record(number))
    assert transport.sent == b""
    channel.add(record(BATCH - 1))
    channel.add(record(BATCH))
    [(kind, payload)] = frames(transport.take())
    assert kind is Kind.RECORDS
    assert lines_in(payload) == list(range(BATCH))
    channel.flush()
    [(_, payload)] = frames(transport.take())
    assert lines_in(payload) == [BATCH]


def test_flushing_nothing_sends_nothing() -> None:
    transport = FakeTransport()
    channel_on(transport).flush()
    assert transport.sent == b""


def test_only_so_many_batches_are_on_the_way_and_each_that_is_taken_lets_the_next_go() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    for number in range(ON_THE_WAY + 2 * BATCH):
        channel.add(record(number))
    assert len(frames(transport.take())) == MAX_BATCHES_ON_THE_WAY
    channel.data_received(TAKEN)
    [(_, payload)] = frames(transport.take())
    assert lines_in(payload) == list(range(ON_THE_WAY, ON_THE_WAY + BATCH))
    channel.data_received(TAKEN + TAKEN)
    assert len(frames(transport.take())) == 1


@pytest.mark.slow
def test_what_a_control_that_does_not_read_can_not_take_is_dropped_oldest_first_and_counted() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    total = ON_THE_WAY + MAX_PENDING_RECORDS + 300
    for number in range(total):
        channel.add(record(number))
    delta = told(channel, transport)
    assert delta.records_lost == 300
    [(_, series)] = delta.series
    assert series.count == total, "what is dropped is counted all the same"
    channel.data_received(TAKEN)
    [(_, payload)] = frames(transport.take())
    assert lines_in(payload)[0] == ON_THE_WAY + 300
    assert told(channel, transport).records_lost == 0


def test_while_control_is_away_records_are_kept_up_to_the_bound() -> None:
    channel = new_channel()
    for number in range(MAX_PENDING_RECORDS + 10):
        channel.add(record(number))
    channel.send_tally(connections=0, buffered=0, refused=0)
    transport = FakeTransport()
    channel.connection_made(transport)
    delta = told(channel, transport)
    assert delta.records_lost == 10
    assert delta.series[0][1].count == MAX_PENDING_RECORDS + 10
    channel.flush()
    [(_, payload), *_] = frames(transport.take())
    assert lines_in(payload)[0] == 10


def test_what_was_on_the_way_when_the_line_broke_counts_as_dropped() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    for number in range(3 * BATCH):
        channel.add(record(number))
    channel.add(record(999))
    channel.data_received(TAKEN)
    transport.lose(channel)
    again = FakeTransport()
    channel.connection_made(again)
    assert told(channel, again).records_lost == 2 * BATCH
    channel.flush()
    [(_, payload)] = frames(again.take())
    assert lines_in(payload) == [999]


def test_a_record_that_can_not_be_written_is_dropped_alone() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    for each in (record(1), record(2, target="/\ud800"), record(3)):
        channel.add(each)
    channel.flush()
    [(_, payload)] = frames(transport.take())
    assert lines_in(payload) == [1, 3]
    assert told(channel, transport).records_lost == 1


def test_counts_are_told_once_and_refusals_as_what_came_since() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    channel.add(record())
    failed = Counter(timeout=2)
    first = told(channel, transport, refused=4, denied=1, handshakes=failed)
    assert (first.connections, first.buffered, first.refused, len(first.series)) == (5, 6, 4, 1)
    failed.update(timeout=1, closed=1)
    second = told(channel, transport, refused=6, denied=4, handshakes=failed, http2_faults={"protocol_error": 3})
    third = told(channel, transport, refused=6, denied=4, handshakes=failed, http2_faults={"protocol_error": 7})
    assert (second.http2_faults, third.http2_faults) == ({"protocol_error": 3}, {"protocol_error": 4})
    assert (first.handshakes, second.handshakes) == ({"timeout": 2}, {"timeout": 1, "closed": 1})
    assert (first.denied, second.denied) == (1, 3)
    assert (second.refused, second.series) == (2, [])


def test_counts_that_could_not_be_told_go_with_the_next() -> None:
    channel = new_channel()
    channel.add(record())
    channel.send_tally(connections=0, buffered=0, refused=3)
    transport = FakeTransport()
    channel.connection_made(transport)
    delta = told(channel, transport, refused=3)
    assert (delta.refused, delta.series[0][1].count) == (3, 1)


def test_counts_do_not_pile_up_for_a_control_that_does_not_read() -> None:
    transport = FakeTransport()
    channel = channel_on(transport)
    transport.unsent = worker_channel.MAX_UNSENT_BYTES + 1
    channel.add(record())
    channel.send_tally(connections=0, buffered=0, refused=0)
    assert transport.sent == b""
    transport.unsent = 0
    assert told(channel, transport).series[0][1].count == 1


def test_topics_are_told_and_the_end_of_the_first_ones_is_announced() -> None:
    applied: list[bytes] = []
    channel = new_channel(keys=applied.append)
    channel.connection_made(FakeTransport())
    assert not channel.informed.is_set()
    wire = encode_topic("keys", b"all") + encode_topic("keys", b"one") + encode_topic("other", b"?")
    channel.data_received(wire[:7])
    channel.data_received(wire[7:])
    assert applied == [b"all", b"one"]
    assert not channel.informed.is_set()
    channel.data_received(INFORMED)
    assert channel.informed.is_set()


def test_what_a_topic_can_not_read_ends_the_line_and_does_not_count_as_known() -> None:
    def refuse(_payload: bytes) -> None:
        raise ValueError("not keys")

    transport = FakeTransport()
    channel = new_channel(keys=refuse)
    channel.connection_made(transport)
    channel.data_received(encode_topic("keys", b"?"))
    assert transport.closed == "aborted"
    assert not channel.informed.is_set()


async def test_questions_go_out_and_replies_come_back() -> None:
    questions, transport = PendingQuestions(), FakeTransport()
    channel = WorkerChannel("", HELLO, TopicSubscriptions(), questions)
    channel.connection_made(transport)
    transport.take()
    asked = asyncio.ensure_future(questions.ask("users", b"alice"))
    await asyncio.sleep(0)
    [(kind, payload)] = frames(transport.take())
    question = msgspec.msgpack.decode(payload, type=Question)
    assert (kind, question.topic, question.question) == (Kind.QUESTION, "users", b"alice")
    channel.data_received(encode_frame(Kind.REPLY, msgspec.msgpack.encode(Reply(question.number, b"known"))))
    assert await asked == b"known"
    transport.lose(channel)
    with pytest.raises(Unanswered):
        await questions.ask("users", b"alice")


async def test_questions_do_not_pile_up_for_a_control_that_does_not_read() -> None:
    questions, transport = PendingQuestions(), FakeTransport()
    WorkerChannel("", HELLO, TopicSubscriptions(), questions).connection_made(transport)
    transport.take()
    transport.unsent = MAX_UNREAD_BYTES + 1
    with pytest.raises(Unanswered, match="slow"):
        await questions.ask("users", b"alice")
    assert transport.sent == b""


@rows("garbage", [b"\xff" * 5, b"HTTP/1.1 400 Bad Request\r\n"])
def test_what_is_no_frame_ends_the_line(garbage: bytes) -> None:
    transport = FakeTransport()
    channel_on(transport).data_received(garbage)
    assert transport.closed == "aborted"


def test_half_a_frame_of_a_broken_line_does_not_spoil_the_next_line() -> None:
    applied: list[bytes] = []
    channel = new_channel(keys=applied.append)
    first, second = FakeTransport(), FakeTransport()
    channel.connection_made(first)
    channel.data_received(encode_topic("keys", b"all")[:6])
    first.lose(channel)
    channel.connection_made(second)
    channel.data_received(encode_topic("keys", b"new"))
    assert applied == [b"new"]


def test_a_taken_that_belongs_to_nothing_is_harmless() -> None:
    transport = FakeTransport()
    channel_on(transport).data_received(TAKEN)
    assert transport.closed == ""


def test_the_state_of_a_line_can_be_read() -> None:
    channel = channel_on(FakeTransport())
    channel.add(record())
    assert repr(channel) == "<WorkerChannel up pending=1 on_the_way=0 lost=0>"


# Over a real socket: connecting, reconnecting, closing.


class Control(asyncio.Protocol):
    """The other end, once for each connection; ``takes``: whether it says that it has taken records."""

    def __init__(self, frames: asyncio.Queue[tuple[Control, Kind, bytes]], takes: bool) -> None:
        self.frames = frames
        self.takes = takes
        self.decoder = FrameDecoder()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for kind, payload in self.decoder.feed(data):
            self.frames.put_nowait((self, kind, payload))
            if kind is Kind.RECORDS and self.takes:
                self.transport.write(TAKEN)


class Place:
    """A socket that control listens on, or does not."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "workers.sock")
        self.frames: asyncio.Queue[tuple[Control, Kind, bytes]] = asyncio.Queue()
        self.takes = True
        self.server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_unix_server(lambda: Control(self.frames, self.takes), self.path)

    async def next(self) -> tuple[Control, Kind, bytes]:
        async with asyncio.timeout(10):
            return await self.frames.get()


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(worker_channel, "RECONNECT_SECONDS", 0)
    place = Place(tmp_path)
    yield place
    if place.server is not None:
        place.server.close()


@contextlib.asynccontextmanager
async def connected(place: Place) -> AsyncIterator[WorkerChannel]:
    channel = new_channel(place.path)
    task = asyncio.create_task(channel.keep_connected())
    try:
        yield channel
    finally:
        task.cancel()
        await channel.close()


async def test_a_worker_connects_says_hello_and_sends_its_records(place: Place) -> None:
    await place.open()
    async with connected(place) as channel:
        control, kind, _ = await place.next()
        assert kind is Kind.HELLO
        control.transport.write(INFORMED)
        async with asyncio.timeout(10):
            await channel.informed.wait()
        channel.add(record(1))
        channel.flush()
        _, kind, payload = await place.next()
        assert (kind, lines_in(payload)) == (Kind.RECORDS, [1])


async def test_a_worker_waits_for_a_control_that_is_not_there_yet(place: Place) -> None:
    async with connected(place) as channel:
        channel.add(record(1))
        await asyncio.sleep(0)
        await place.open()
        _, kind, _ = await place.next()
        assert kind is Kind.HELLO
        channel.flush()
        _, kind, payload = await place.next()
        assert lines_in(payload) == [1]


async def test_a_worker_comes_back_when_the_line_breaks(place: Place) -> None:
    await place.open()
    async with connected(place) as channel:
        first, kind, _ = await place.next()
        first.transport.abort()
        second, kind, _ = await place.next()
        assert kind is Kind.HELLO
        assert second is not first
        channel.add(record(2))
        channel.flush()
        line, kind, payload = await place.next()
        assert line is second
        assert lines_in(payload) == [2]


async def test_closing_sends_what_is_pending_first(place: Place) -> None:
    await place.open()
    async with connected(place) as channel:
        await place.next()
        for number in range(3 * BATCH + 5):
            channel.add(record(number))
    received: list[int] = []
    while len(received) < 3 * BATCH + 5:
        _, _, payload = await place.next()
        received += lines_in(payload)
    assert received == list(range(3 * BATCH + 5))


async def test_closing_does_not_wait_for_ever_for_a_control_that_takes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_channel, "CLOSE_SECONDS", 0.02)
    place.takes = False
    await place.open()
    async with connected(place) as channel:
        await place.next()
        channel.add(record(1))
    assert repr(channel).startswith("<WorkerChannel up") or channel._transport is None
    _, kind, _ = await place.next()
    assert kind is Kind.RECORDS


async def test_closing_a_line_that_is_down_is_nothing(place: Place) -> None:
    channel = new_channel(place.path)
    channel.add(record(1))
    await channel.close()
