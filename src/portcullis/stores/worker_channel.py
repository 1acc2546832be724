"""A worker's line to the control process: records, counts and questions go out; what is known and replies come in.

The data plane never waits for it. Records go in batches, a bounded number of which may be on the way: control says of
each that it has taken it. While control is slow or away, records are kept up to a bound and then dropped, the oldest
first, and counted. The line is made again as soon as it can be; what was on the way when it broke counts as dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import Final, cast

import msgspec

from portcullis.engine.ports import Unanswered
from portcullis.engine.record import Record
from portcullis.engine.tally import Tally, TallyDelta
from portcullis.stores.frames import FrameDecoder, FrameError, Hello, Kind, encode_frame
from portcullis.stores.questions import PendingQuestions
from portcullis.stores.topics import TopicSubscriptions

BATCH: Final = 512
FLUSH_SECONDS: Final = 0.1
TALLY_SECONDS: Final = 1.0
RECONNECT_SECONDS: Final = 0.2
CLOSE_SECONDS: Final = 2.0
MAX_PENDING_RECORDS: Final = 20_000
MAX_BATCHES_ON_THE_WAY: Final = 32
MAX_UNSENT_BYTES: Final = 1024 * 1024
MAX_UNREAD_BYTES: Final = 32 * 1024 * 1024
"""With so much that control has not read a question would not be answered in time, so it is not sent."""

_encode_lines = msgspec.json.Encoder().encode_lines
_NONE: Final[Mapping[str, int]] = {}
_encode = msgspec.msgpack.Encoder().encode


class WorkerChannel(asyncio.Protocol):
    """The worker's end. ``topics`` are told what comes; ``informed`` is set once they know the latest of everything.

    What they can't read (``ValueError``) ends the line: it is made anew, and everything is told again.
    """

    def __init__(self, path: str, hello: Hello, topics: TopicSubscriptions, questions: PendingQuestions) -> None:
        self._path = path
        self._hello = hello
        self._topics = topics
        self._questions = questions
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._pending: deque[Record] = deque()
        self._on_the_way: deque[int] = deque()  # records in each batch, oldest first
        self._tally = Tally()
        self._lost = 0
        self._refused_told = 0
        self._denied_told = 0
        self._failed_told: Mapping[str, int] = _NONE
        self._faults_told: Mapping[str, int] = _NONE
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self.informed = asyncio.Event()

    def __repr__(self) -> str:
        state = "away" if self._transport is None else "up"
        on_the_way = sum(self._on_the_way)
        return f"<WorkerChannel {state} pending={len(self._pending)} on_the_way={on_the_way} lost={self._lost}>"

    # RecordSink.

    def add(self, record: Record) -> None:
        """Take a record; it goes out with the next batch. Never waits and never fails."""
        self._tally.add(record)
        pending = self._pending
        pending.append(record)
        if len(pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is pending, as far as the line takes it; keep the rest, up to the bound."""
        pending = self._pending
        while pending and self._transport is not None and len(self._on_the_way) < MAX_BATCHES_ON_THE_WAY:
            self._send(self._transport, [pending.popleft() for _ in range(min(BATCH, len(pending)))])
        while len(pending) > MAX_PENDING_RECORDS:
            pending.popleft()
            self._lost += 1

    def send_tally(
        self,
        *,
        connections: int,
        buffered: int,
        refused: int,
        denied: int = 0,
        handshakes: Mapping[str, int] = _NONE,
        http2_faults: Mapping[str, int] = _NONE,
    ) -> None:
        """Send the counts since the last time; nothing is lost if the line is down or slow, it goes with the next one.

        Since the worker began: ``refused`` and ``denied`` connections, by the caps and because of their address, and
        ``handshakes`` that failed, by why, and ``http2_faults`` that ended connections, by their codes.
        """
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            return
        refused_since, denied_since = refused - self._refused_told, denied - self._denied_told
        delta = TallyDelta(
            self._tally.take(),
            self._lost,
            connections,
            buffered,
            refused_since,
            denied_since,
            _since(self._failed_told, handshakes),
            _since(self._faults_told, http2_faults),
        )
        self._lost = 0
        self._refused_told, self._denied_told = refused, denied
        self._failed_told, self._faults_told = dict(handshakes), dict(http2_faults)
        transport.write(encode_frame(Kind.TALLY, _encode(delta)))

    def _send(self, transport: asyncio.Transport, batch: list[Record]) -> None:
        count = len(batch)
        try:
            lines = _encode_lines(batch)
        except (ValueError, TypeError, OverflowError):
            # One record that can't be written must not take the others with it.
            written = [line for record in batch if (line := _encode_alone(record))]
            self._lost += count - len(written)
            count = len(written)
            lines = b"".join(written)
        self._on_the_way.append(count)
        transport.write(encode_frame(Kind.RECORDS, lines))

    # The line.

    async def keep_connected(self) -> None:
        """Connect, and again a little after the line has broken. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._closed.clear()
            with contextlib.suppress(OSError):
                await loop.create_unix_connection(lambda: self, self._path)
                await self._closed.wait()
            await asyncio.sleep(RECONNECT_SECONDS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is up: say who calls."""
        self._decoder = FrameDecoder()
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(encode_frame(Kind.HELLO, _encode(self._hello)))
        self._questions.connected(self._ask)

    def _ask(self, question: bytes) -> None:
        """Send a question. Raises ``Unanswered`` where control reads too slowly: callers choose how much is asked."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            raise Unanswered("the control process is too slow")
        transport.write(question)

    def data_received(self, data: bytes) -> None:
        """Take what control says."""
        try:
            for kind, payload in self._decoder.feed(data):
                self._receive(kind, payload)
        except (FrameError, ValueError):
            if self._transport is not None:
                self._transport.abort()

    def _receive(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.TOPIC:
            topic, _, known = payload.partition(b"\0")
            self._topics.tell(topic.decode(), known)
        elif kind is Kind.REPLY:
            self._questions.reply(payload)
        elif kind is Kind.INFORMED:
            self.informed.set()
        elif kind is Kind.TAKEN and self._on_the_way:
            self._on_the_way.popleft()
            self._changed.set()
            if len(self._pending) >= BATCH:
                self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The line is gone: whether what was on the way has arrived nobody knows, so it counts as dropped."""
        self._transport = None
        self._questions.disconnected()
        self._lost += sum(self._on_the_way)
        self._on_the_way.clear()
        self._changed.set()
        self._closed.set()

    async def close(self) -> None:
        """Send what is pending and end the line, within ``CLOSE_SECONDS``."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._transport is not None and (self._pending or self._on_the_way):
                    self._changed.clear()
                    self.flush()
                    await self._changed.wait()
                if self._transport is not None:
                    self._transport.close()
                    await self._closed.wait()
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()


def _encode_alone(record: Record) -> bytes:
    """The line of ``record``; nothing if it can't be written (a lone surrogate is no UTF-8)."""
    try:
        return _encode_lines([record])
    except (ValueError, TypeError, OverflowError):
        return b""


def _since(told: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """What was counted since ``told``."""
    return {name: count - told.get(name, 0) for name, count in counts.items()}
