"""The control process's end of the workers' lines.

Records go to the log and counts to the metrics; workers are told what is known of each topic, at first and whenever it
changes, and their questions are answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, cast

import msgspec

from portcullis.control.metrics import Metrics
from portcullis.engine.tally import TallyDelta
from portcullis.stores.frames import (
    MAX_FRAME,
    FrameDecoder,
    FrameError,
    Hello,
    Kind,
    Question,
    Reply,
    encode_frame,
    encode_topic,
)

KnownOf = Callable[[], bytes | None]
"""Gives the latest of a topic; ``None`` while nothing is known."""
AnswerTo = Callable[[bytes], Awaitable[bytes]]
"""Answers a question of a topic. Where it raises, whoever asked is refused."""

_decode_hello = msgspec.msgpack.Decoder(Hello).decode
_decode_tally = msgspec.msgpack.Decoder(TallyDelta).decode
_decode_question = msgspec.msgpack.Decoder(Question).decode
_encode = msgspec.msgpack.Encoder().encode
_TAKEN: Final = encode_frame(Kind.TAKEN, b"")
MAX_ANSWERING: Final = 10_000
"""Questions of all workers that are being answered at a time."""
_INFORMED: Final = encode_frame(Kind.INFORMED, b"")

_log = logging.getLogger(__name__)


class WorkerHub:
    """All workers that are connected now. ``write_records`` takes batches of JSON lines."""

    def __init__(self, metrics: Metrics, write_records: Callable[[bytes], None]) -> None:
        self.metrics = metrics
        self.write_records = write_records
        self.lines: set[WorkerLine] = set()
        self._topics: dict[str, KnownOf] = {}
        self._answers: dict[str, AnswerTo] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._watchers: list[Callable[[bytes], None]] = []

    def watch(self, watcher: Callable[[bytes], None]) -> None:
        """Let ``watcher`` see every batch of records, as JSON lines, before it is written."""
        self._watchers.append(watcher)

    def take(self, records: bytes) -> None:
        """Take in a batch of records of a worker."""
        for watcher in self._watchers:
            watcher(records)
        self.write_records(records)

    def announce(self, topic: str, known: KnownOf) -> None:
        """Tell every worker that comes what is ``known`` of ``topic``; changes are told with :meth:`publish`."""
        self._topics[topic] = known

    def withdraw(self, topic: str) -> None:
        """Tell workers that come no more of ``topic``."""
        self._topics.pop(topic, None)

    def publish(self, topic: str, known: bytes) -> None:
        """Tell every worker of a change."""
        frame = encode_topic(topic, known)
        for line in list(self.lines):
            line.send(frame)

    def answer(self, topic: str, answer: AnswerTo) -> None:
        """Let ``answer`` answer the questions of ``topic``."""
        self._answers[topic] = answer

    def inform(self, line: WorkerLine) -> None:
        """Tell a worker that has come all there is to know."""
        for topic, known in self._topics.items():
            if (latest := known()) is not None:
                line.send(encode_topic(topic, latest))
        line.send(_INFORMED)

    def asked(self, line: WorkerLine, question: Question) -> None:
        """Answer ``question`` on ``line``, in its own time; with nothing, where too many are being answered."""
        if len(self._answering) >= MAX_ANSWERING:
            line.send(encode_frame(Kind.REPLY, _encode(Reply(question.number, None))))
            return
        task = asyncio.create_task(self._reply(line, question))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _reply(self, line: WorkerLine, question: Question) -> None:
        answer = self._answers.get(question.topic)
        try:
            found = None if answer is None else await answer(question.question)
        except Exception as error:  # noqa: BLE001 - whatever it raises, whoever asked must not wait
            _log.error("portcullis: a question about %s: %s", question.topic, type(error).__name__)
            found = None
        if line in self.lines:
            line.send(encode_frame(Kind.REPLY, _encode(Reply(question.number, found))))

    def make_line(self) -> WorkerLine:
        """The protocol of a new connection."""
        return WorkerLine(self)

    def workers(self, generation: int) -> int:
        """How many workers of ``generation`` are connected."""
        return sum(line.hello is not None and line.hello.generation == generation for line in self.lines)


class WorkerLine(asyncio.Protocol):
    """The line of one worker. ``hello``: who it is, once it has said so; before that it may say nothing else."""

    transport: asyncio.Transport

    def __init__(self, hub: WorkerHub) -> None:
        self._hub = hub
        self._decoder = FrameDecoder()
        self.hello: Hello | None = None

    def send(self, frame: bytes) -> None:
        """Send a frame; give up on a worker that does not read: it comes back and gets everything anew."""
        if self.transport.get_write_buffer_size() > MAX_FRAME:
            self.transport.abort()
        else:
            self.transport.write(frame)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what the worker says; hang up on one that says what makes no sense."""
        try:
            for kind, payload in self._decoder.feed(data):
                if self.hello is None:
                    self._meet(kind, payload)
                else:
                    self._receive(self.hello, kind, payload)
        except (FrameError, msgspec.MsgspecError):
            self.transport.abort()

    def _meet(self, kind: Kind, payload: bytes) -> None:
        if kind is not Kind.HELLO:
            raise FrameError("a worker that has not said who it is")
        self.hello = _decode_hello(payload)
        self._hub.lines.add(self)
        self._hub.inform(self)

    def _receive(self, hello: Hello, kind: Kind, payload: bytes) -> None:
        if kind is Kind.RECORDS:
            self._hub.take(payload)
            self.send(_TAKEN)
        elif kind is Kind.TALLY:
            self._hub.metrics.merge(hello, _decode_tally(payload))
        elif kind is Kind.QUESTION:
            self._hub.asked(self, _decode_question(payload))
        else:
            raise FrameError(f"a worker does not send {kind.name}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The worker is gone."""
        self._hub.lines.discard(self)
        if self.hello is not None:
            self._hub.metrics.forget(self.hello)
