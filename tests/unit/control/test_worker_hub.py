"""The control process's end of the workers' lines."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from rows import rows

from portcullis.control import worker_hub
from portcullis.control.metrics import Metrics
from portcullis.control.worker_hub import WorkerHub, WorkerLine
from portcullis.engine.tally import Series, TallyDelta
from portcullis.stores.frames import MAX_FRAME, FrameDecoder, Hello, Kind, Question, Reply, encode_frame, encode_topic
from portcullis.testing import FakeTransport

encode = msgspec.msgpack.encode
HELLO = encode_frame(Kind.HELLO, encode(Hello(0, 1, 4242)))
KEY = ("shop", "v1", "GET /orders", 200, "")


class Hub:
    """A hub, and everything it hands on."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.metrics = Metrics(lambda: 0)
        self.hub = WorkerHub(self.metrics, self.written.append)
        self.hub.announce("keys", lambda: b"all keys")
        self.hub.announce("not known yet", lambda: None)

    def connect(self, hello: bytes = HELLO) -> tuple[WorkerLine, FakeTransport]:
        line, transport = self.hub.make_line(), FakeTransport()
        line.connection_made(transport)
        if hello:
            line.data_received(hello)
        return line, transport


def frames(transport: FakeTransport) -> list[tuple[Kind, bytes]]:
    return FrameDecoder().feed(transport.take())


def tally(**gauges: int) -> bytes:
    return encode_frame(Kind.TALLY, encode(TallyDelta([(KEY, Series(count=1))], **gauges)))


def test_a_worker_that_says_hello_is_told_all_that_is_known() -> None:
    hub = Hub()
    line, transport = hub.connect()
    assert frames(transport) == [(Kind.TOPIC, b"keys\0all keys"), (Kind.INFORMED, b"")]
    assert hub.hub.lines == {line}


def test_workers_are_counted_by_generation_from_their_hello_on() -> None:
    hub = Hub()
    hub.connect(b"")
    assert hub.hub.workers(1) == 0
    hub.connect()
    hub.connect(encode_frame(Kind.HELLO, encode(Hello(1, 2, 4243))))
    assert [hub.hub.workers(generation) for generation in (1, 2, 3)] == [1, 1, 0]


def test_records_are_handed_on_and_confirmed() -> None:
    hub = Hub()
    line, transport = hub.connect()
    transport.take()
    line.data_received(encode_frame(Kind.RECORDS, b'{"a":1}\n') + encode_frame(Kind.RECORDS, b'{"a":2}\n'))
    assert hub.written == [b'{"a":1}\n', b'{"a":2}\n']
    assert frames(transport) == [(Kind.TAKEN, b""), (Kind.TAKEN, b"")]


def test_counts_reach_the_metrics_and_go_with_the_worker() -> None:
    hub = Hub()
    line, transport = hub.connect()
    line.data_received(tally(connections=7))
    assert b"portcullis_connections 7.0" in hub.metrics.exposition()
    transport.lose(line)
    assert b"portcullis_connections 0.0" in hub.metrics.exposition()
    assert b'code="",operation="GET /orders",status="200",version="v1"} 1.0' in hub.metrics.exposition()
    assert hub.hub.lines == set()


def test_a_change_of_keys_reaches_every_worker_that_has_said_hello() -> None:
    hub = Hub()
    _, one = hub.connect()
    _, other = hub.connect(encode_frame(Kind.HELLO, encode(Hello(1, 1, 4243))))
    _, silent = hub.connect(b"")
    one.take(), other.take()
    hub.hub.publish("keys", b"one key")
    assert frames(one) == frames(other) == [(Kind.TOPIC, b"keys\0one key")]
    assert silent.sent == b""


def test_what_is_withdrawn_is_told_to_nobody_any_more() -> None:
    hub = Hub()
    hub.hub.withdraw("keys")
    hub.hub.withdraw("never announced")
    _, transport = hub.connect()
    assert frames(transport) == [(Kind.INFORMED, b"")]


async def test_more_questions_than_can_be_answered_get_no_answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_hub, "MAX_ANSWERING", 2)
    hub, slow = Hub(), asyncio.Event()

    async def answer(text: bytes) -> bytes:
        await slow.wait()
        return text

    hub.hub.answer("echo", answer)
    line, transport = hub.connect()
    transport.take()
    for number in (1, 2, 3):
        line.data_received(question(number, "echo"))
    assert await replies(transport, 1) == {3: None}
    slow.set()
    assert await replies(transport, 2) == {1: b"?", 2: b"?"}


def question(number: int, topic: str, text: bytes = b"?") -> bytes:
    return encode_frame(Kind.QUESTION, encode(Question(number, topic, text)))


async def replies(transport: FakeTransport, count: int) -> dict[int, bytes | None]:
    found: dict[int, bytes | None] = {}
    async with asyncio.timeout(10):
        while len(found) < count:
            await asyncio.sleep(0)
            for kind, payload in frames(transport):
                assert kind is Kind.REPLY
                reply = msgspec.msgpack.decode(payload, type=Reply)
                found[reply.number] = reply.answer
    return found


async def test_questions_are_answered_each_in_its_own_time(caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub()
    release = asyncio.Event()

    async def slow(text: bytes) -> bytes:
        await release.wait()
        return text.upper()

    async def fast(text: bytes) -> bytes:
        return text

    async def broken(_text: bytes) -> bytes:
        raise RuntimeError("broken")

    hub.hub.answer("slow", slow)
    hub.hub.answer("fast", fast)
    hub.hub.answer("broken", broken)
    line, transport = hub.connect()
    transport.take()
    for number, topic in enumerate(("slow", "fast", "broken", "unheard of")):
        line.data_received(question(number, topic, b"a"))
    assert await replies(transport, 3) == {1: b"a", 2: None, 3: None}
    assert "a question about broken: RuntimeError" in caplog.text
    release.set()
    assert await replies(transport, 1) == {0: b"A"}


async def test_who_has_gone_gets_no_reply() -> None:
    hub = Hub()
    release = asyncio.Event()

    async def slow(text: bytes) -> bytes:
        await release.wait()
        return text

    hub.hub.answer("slow", slow)
    line, transport = hub.connect()
    line.data_received(question(1, "slow"))
    transport.lose(line)
    transport.take()
    release.set()
    await asyncio.sleep(0.01)
    assert transport.sent == b""


def test_a_worker_that_does_not_read_is_given_up() -> None:
    hub = Hub()
    _, transport = hub.connect()
    transport.take()
    transport.unsent = MAX_FRAME + 1
    hub.hub.publish("keys", b"one key")
    assert (transport.closed, transport.sent) == ("aborted", b"")


@rows(
    "wire",
    [
        encode_frame(Kind.RECORDS, b"{}\n"),
        tally(),
        encode_frame(Kind.HELLO, b"not msgpack"),
        encode_frame(Kind.HELLO, encode({"worker": "x"})),
        b"GET /metrics HTTP/1.1\r\n\r\n",
    ],
    ids=["records", "tally", "no hello", "wrong hello", "http"],
)
def test_who_begins_with_anything_but_a_hello_is_hung_up_on(wire: bytes) -> None:
    hub = Hub()
    _, transport = hub.connect(wire)
    assert (transport.closed, transport.sent) == ("aborted", b"")
    assert hub.written == []
    assert hub.hub.lines == set()


@rows(
    "wire",
    [HELLO, encode_topic("keys", b"forged"), encode_frame(Kind.TALLY, b"x"), b"\xff" * 5, b"\0\0\0\0\x09"],
    ids=["second hello", "keys", "no tally", "too long", "no kind"],
)
def test_a_worker_that_says_what_makes_no_sense_is_hung_up_on(wire: bytes) -> None:
    hub = Hub()
    line, transport = hub.connect()
    transport.take()
    line.data_received(wire)
    assert (transport.closed, transport.sent) == ("aborted", b"")


def test_a_connection_that_said_nothing_goes_without_a_trace() -> None:
    hub = Hub()
    line, transport = hub.connect(b"")
    transport.lose(line)
    assert hub.hub.lines == set()
