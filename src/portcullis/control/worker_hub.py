"""The control process's end of the workers' lines: records to the log, counts to the metrics, keys to the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import msgspec

from portcullis.control.metrics import Metrics
from portcullis.engine.tally import TallyDelta
from portcullis.stores.frames import MAX_FRAME, FrameDecoder, FrameError, Hello, Kind, encode_frame

_decode_hello = msgspec.msgpack.Decoder(Hello).decode
_decode_tally = msgspec.msgpack.Decoder(TallyDelta).decode
_TAKEN: Final = encode_frame(Kind.TAKEN, b"")


class WorkerHub:
    """All workers that are connected now.

    ``write_records`` takes batches of JSON lines; ``keys_snapshot`` gives the whole key directory, encoded.
    """

    def __init__(
        self, metrics: Metrics, write_records: Callable[[bytes], None], keys_snapshot: Callable[[], bytes]
    ) -> None:
        self.metrics = metrics
        self.write_records = write_records
        self.keys_snapshot = keys_snapshot
        self.lines: set[WorkerLine] = set()

    def make_line(self) -> WorkerLine:
        """The protocol of a new connection."""
        return WorkerLine(self)

    def push_keys(self, payload: bytes) -> None:
        """Tell every worker of a change of keys."""
        frame = encode_frame(Kind.KEYS, payload)
        for line in list(self.lines):
            line.send(frame)

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
        self.transport.write(encode_frame(Kind.KEYS, self._hub.keys_snapshot()))

    def _receive(self, hello: Hello, kind: Kind, payload: bytes) -> None:
        if kind is Kind.RECORDS:
            self._hub.write_records(payload)
            self.send(_TAKEN)
        elif kind is Kind.TALLY:
            self._hub.metrics.merge(hello, _decode_tally(payload))
        else:
            raise FrameError(f"a worker does not send {kind.name}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The worker is gone."""
        self._hub.lines.discard(self)
        if self.hello is not None:
            self._hub.metrics.forget(self.hello)
