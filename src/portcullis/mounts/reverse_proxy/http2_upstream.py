"""A connection to a service by HTTP/2: many exchanges at a time.

What the protocol says is :class:`~portcullis.mounts.http2.client.ClientConnection`'s business; here its events go
to the streams (:mod:`portcullis.mounts.reverse_proxy.http2_upstream_stream`), and requests get their places. One on
which an answer did not come in time gets no more of them: it may be dead, and nobody has noticed. Nor does one on which
many were cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE, UPSTREAM_CLOSED, UPSTREAM_TRUNCATED
from portcullis.mounts.http2.client import ClientConnection
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.events import (
    AnswerMalformed,
    AnswerReceived,
    BodyReceived,
    ConnectionEnded,
    Event,
    StreamEnded,
    StreamUnserved,
    WindowsOpened,
)
from portcullis.mounts.reverse_proxy.http2_link import Http2Link
from portcullis.mounts.reverse_proxy.http2_upstream_stream import Http2UpstreamStream

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.pool import UpstreamPool
    from portcullis.mounts.reverse_proxy.target import Target

STALLED_NS: Final = 10**9
"""How long a service may take nothing of any body before others get another connection."""

MOST_CANCELLED: Final = 100
"""Requests that may be cancelled on a connection before others get another one.

Services count resets (CVE-2023-44487), and end a connection with too many of them: for all whose requests are on it.
Not where half of the connections that there may be are open: who cancels could else fill the others with what is left.
"""

_log = logging.getLogger(__name__)


class NoHttp2Error(Exception):
    """A service does not speak HTTP/2; the text says how that was seen."""


class Http2UpstreamConnection(Http2Link):
    """A connection to one target of a pool. ``deadline``: until which it is kept unused, in nanoseconds; 0 for none."""

    __slots__ = (
        "_cancelled",
        "_retired",
        "_stalled_ns",
        "_streams",
        "counted",
        "deadline",
        "made",
        "pool",
        "reused",
        "target",
    )

    _codec: ClientConnection

    def __init__(self, pool: UpstreamPool, target: Target, made: asyncio.Future[Any]) -> None:
        super().__init__(pool.outbox)
        self._codec = ClientConnection(pool.max_header_bytes, pool.deadlines.now)
        self._streams: dict[int, Http2UpstreamStream] = {}
        self._cancelled = 0
        self._retired = False
        self._stalled_ns = 0  # since when it has been seen to take nothing of bodies
        self.pool = pool
        self.target = target
        self.made = made
        self.counted = True  # among its target's open ones; not once it has come too late for who wanted it
        self.reused = False
        self.deadline = 0

    def __repr__(self) -> str:
        return f"<Http2UpstreamConnection {self.target.url} {len(self._streams)} streams>"

    # Used by the pool.

    @property
    def has_room(self) -> bool:
        """Whether another request may be sent on it now."""
        return not self._closing and not self._retired and self._codec.has_room and not self.transport.is_closing()

    @property
    def is_stalled(self) -> bool:
        """Whether the service has taken nothing of any body for a while: those of all share a window (RFC 9113 5.2).

        So a body that one caller sends, and nobody reads, holds up those of all others.
        """
        if not self._waiting or (self._codec.send_window > 0 and not self._writing_blocked):
            self._stalled_ns = 0
            return False
        now = self.pool.deadlines.now()
        self._stalled_ns = self._stalled_ns or now
        return now - self._stalled_ns > STALLED_NS

    def open(self) -> Http2UpstreamStream:
        """A place for one request, which is taken when the request begins."""
        return Http2UpstreamStream(self)

    def retire(self) -> None:
        """Take no more requests, and close after the last answer."""
        if not self._retired:
            self._retired = True
            if self in self.target.shared:
                self.target.shared.remove(self)
        self._close_if_done()

    def discount(self) -> None:
        """It has come too late for who wanted it: it is not among its target's open ones."""
        self.counted = False

    def handshake_failed(self, error: Exception) -> None:
        """There will be no connection: TLS with the target failed, or it does not speak HTTP/2."""
        if not self.made.done():
            self.counted = False  # who waits for it learns of it, and counts it out
            self.made.set_exception(error)

    # Used by streams.

    def send_request(
        self, stream: Http2UpstreamStream, method: str, host: bytes, target: bytes, fields: bytes, *, ended: bool
    ) -> int:
        """Send a request's head; gives the number of its stream."""
        scheme = b"https" if self.target.secure else b"http"
        number = self._codec.send_request(method, scheme, host, target, fields, ended=ended)
        self._streams[number] = stream
        self.deadline = 0
        self._write()
        return number

    def credit(self, number: int, count: int) -> None:
        """``count`` bytes of an answer's body were used."""
        self._codec.credit_stream(number, count)
        self._write()

    def is_unsent(self, turn: int) -> bool:
        """Whether what was written in ``turn`` of the outbox has not left yet."""
        return turn == self._outbox.turns

    @property
    def turn(self) -> int:
        """The turn of the outbox."""
        return self._outbox.turns

    def drop(self, number: int, code: ErrorCode) -> None:
        """A stream is over, and is reset if the service thinks otherwise."""
        self._streams.pop(number, None)
        self._waiting.pop(number, None)
        if number in self._codec.streams:
            self._codec.reset(number, code)
            self._write()
            self._cancelled += code is ErrorCode.CANCEL
            if self._cancelled >= MOST_CANCELLED and self.target.open * 2 <= self.pool.max_connections:
                self.retire()
        self._place_free()

    def _place_free(self) -> None:
        """A stream has ended: others may have its place."""
        self.reused = True
        if self._retired or self._codec.leaving:
            self.retire()
            return
        self.pool.share(self)
        if not self._streams:
            self.deadline = self.pool.deadlines.now() + self.pool.keep_ns

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.pool.deadlines.add(self)
        self._write()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            codec = self._codec
            self._follow(codec.receive(data))
            if codec.begun and not self.made.done():
                self.made.set_result(self)
                self.deadline = self.pool.deadlines.now() + self.pool.keep_ns
            if codec.leaving:
                self.retire()
            elif self in self.target.shared:
                self.pool.share(self)  # it may take more than before
            self._write()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not look like one of the network
            _log.exception("%r broke", self)
            self._abort()
            for stream in self._lose_streams():
                stream.crashed(error)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self.pool.deadlines.discard(self)
        self.handshake_failed(NoHttp2Error("it closed the connection instead of speaking HTTP/2"))
        if self.counted:
            self.pool.lost(self)
        streams = self._lose_streams()
        if any(not self.reused or stream.answered for stream in streams):
            self.target.failed()
        for stream in streams:
            if stream.answered:
                stream.failed(UPSTREAM_TRUNCATED, "the answer broke off", retriable="no")
            else:
                stream.failed(UPSTREAM_CLOSED, "the connection was closed before an answer", retriable=stream.retriable)

    def pause_writing(self) -> None:
        self._writing_blocked = True

    def resume_writing(self) -> None:
        self._writing_blocked = False
        if not self._closing:
            self._push()

    def expire(self) -> None:
        """Nobody has used it for a while."""
        if not self._streams:
            self._close()

    # What the service sends.

    def _follow(self, events: list[Event]) -> None:
        count = len(events)
        at = 0
        while at < count:
            event = events[at]
            at += 1
            if isinstance(event, AnswerReceived):
                follower = events[at] if at < count else None
                body, ended = b"", event.ended
                if (
                    isinstance(follower, BodyReceived)
                    and follower.stream_id == event.stream_id
                    and not (follower.trailers)
                ):
                    body, ended = follower.data, follower.ended
                    at += 1
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.receive_head(event.head, body, ended=ended)
            elif isinstance(event, BodyReceived):
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.receive(event.data, event.trailers, ended=event.ended)
            else:
                self._follow_rare(event)

    def _follow_rare(self, event: Event) -> None:
        if isinstance(event, WindowsOpened):
            if not event.stream_id:
                self._stalled_ns = 0
            if self._waiting:
                self._push(self._waiting.get(event.stream_id) if event.stream_id else None)
        elif isinstance(event, ConnectionEnded):
            self._end(event)
        elif isinstance(event, AnswerMalformed | StreamEnded | StreamUnserved):
            stream = self._streams.pop(event.stream_id, None)
            self._waiting.pop(event.stream_id, None)
            if stream is None:
                return
            if isinstance(event, AnswerMalformed):
                self.target.failed()
                stream.failed(UPSTREAM_BAD_RESPONSE, event.detail, retriable="no")
            elif stream.answered:  # whatever it says now: the client has the beginning of an answer
                stream.failed(UPSTREAM_TRUNCATED, "the answer broke off", retriable="no")
            elif isinstance(event, StreamUnserved):
                stream.failed(UPSTREAM_CLOSED, "the service did not take the request", retriable="unsent")
            else:
                stream.failed(UPSTREAM_CLOSED, f"the service gave it up (code {event.code})", retriable="no")
            self._place_free()

    def _end(self, event: ConnectionEnded) -> None:
        """The service breaks the rules of the connection."""
        detail = event.detail if self._codec.begun else "it does not speak HTTP/2"
        self.handshake_failed(NoHttp2Error(detail))
        self.target.failed()
        streams = self._lose_streams()
        self._close()
        for stream in streams:
            stream.failed(UPSTREAM_BAD_RESPONSE, detail, retriable="no")

    # Ending.

    def _close_if_done(self) -> None:
        if not self._streams and not self._closing:
            self._close()

    def _close(self) -> None:
        if self in self.target.shared:
            self.target.shared.remove(self)
        if not self._codec.over:
            self._codec.leave()
        self._write()
        self._closing = True
        self._outbox.close(self.transport)

    def _abort(self) -> None:
        self._closing = True
        self.transport.abort()

    def _lose_streams(self) -> list[Http2UpstreamStream]:
        streams, self._streams = self._streams, {}
        self._waiting.clear()
        return list(streams.values())
