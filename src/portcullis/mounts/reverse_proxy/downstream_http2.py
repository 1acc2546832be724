"""A client's HTTP/2 connection: many streams at a time, each with an exchange of its own.

What the protocol says is :class:`~portcullis.mounts.http2.server.ServerConnection`'s business; here its events
become exchanges. How their answers go out and how the connection ends is its other half,
:mod:`portcullis.mounts.reverse_proxy.http2_writer`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, cast

from portcullis.engine.codes import EXPECTATION_FAILED, MALFORMED_REQUEST
from portcullis.engine.decision import Refuse
from portcullis.engine.request import RequestView
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.events import (
    BodyReceived,
    ConnectionEnded,
    Event,
    PingAnswered,
    RequestMalformed,
    RequestReceived,
    StreamEnded,
    WindowsOpened,
)
from portcullis.mounts.reverse_proxy.http2_stream import Http2Stream
from portcullis.mounts.reverse_proxy.http2_writer import Http2Writer
from portcullis.mounts.reverse_proxy.peer import Peer

_log = logging.getLogger(__name__)
VIA: Final = b"via: 2.0 portcullis\r\n"


class Http2Connection(Http2Writer):
    """One connection of a client. ``deadline``: of the connection itself, in nanoseconds; 0 for none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Http2Connection {self.peer.address} {len(self._streams)} streams>"

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer = Peer(transport, self._listener, VIA)
        gateway = self.gateway
        self.buffers = gateway.buffers_of(self.peer)
        if self._admission is not None and not self._admission.admit(self.transport):
            self.transport.abort()
            return
        gateway.connections.add(self)
        gateway.deadlines.add(self)
        self._write()
        self._wait()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self.gateway.connections.discard(self)
        self.gateway.deadlines.discard(self)
        if self._admission is not None:
            self._admission.release()
        self._lose_streams()

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            begun = self._codec.begun
            self._follow(self._codec.receive(data))
            if not begun and self._codec.begun and self.gateway.draining:
                self.retire()
            if self._codec.pending:
                self._pause()
                asyncio.get_running_loop().call_soon(self._go_on)
            self._write()
            self._wait()
        except Exception:  # noqa: BLE001 - a fault of ours must not look like one of the network
            _log.exception("%r broke", self)
            self._abort()

    def _go_on(self) -> None:
        """Take what was left for this turn."""
        if not self._closing and not self._writing_blocked and self._codec.pending:
            self.data_received(b"")
            self._listen()

    def pause_writing(self) -> None:
        self._writing_blocked = True
        self._pause()
        self._wait()

    def resume_writing(self) -> None:
        self._writing_blocked = False
        if self._closing:
            return
        self._push()
        if self._codec.pending:
            self._go_on()
        self._listen()
        self._wait()

    def _pause(self) -> None:
        """Read nothing: whoever does not take answers asks for no more, and gets no more replies to have held."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _listen(self) -> None:
        if not self._writing_blocked and not self._codec.pending and not self.transport.is_closing():
            self.transport.resume_reading()

    def expire(self) -> None:
        """A deadline of the connection's own has passed."""
        if self._closing or self._waits_for == "writing":
            self._abort()
        elif self._waits_for == "idle":
            self._codec.leave()
            self._close()
        else:
            self._codec.end(ErrorCode.NO_ERROR, "A frame or a header block did not arrive in time.")
            self._lose_streams()
            self._close()

    # What the client sends.

    def _follow(self, events: list[Event]) -> None:
        count = len(events)
        at = 0
        while at < count:
            event = events[at]
            at += 1
            if isinstance(event, RequestReceived):
                follower = events[at] if at < count else None
                body, ended = b"", event.ended
                if isinstance(follower, BodyReceived) and follower.stream_id == event.stream_id:
                    body, ended = follower.data, follower.ended
                    at += 1
                self._begin(event, body, ended)
            elif isinstance(event, BodyReceived):
                stream = self._streams.get(event.stream_id)
                if stream is None:
                    self._codec.credit(event.stream_id, len(event.data))
                else:
                    self._guarded(stream, event.data, event.ended)
            else:
                self._follow_rare(event)

    def _follow_rare(self, event: Event) -> None:
        if isinstance(event, WindowsOpened):
            if self._waiting:
                self._push(self._waiting.get(event.stream_id) if event.stream_id else None)
        elif isinstance(event, StreamEnded):
            self._forget(event.stream_id)
        elif isinstance(event, RequestMalformed):
            self._refuse(event)
        elif isinstance(event, PingAnswered):
            if self.gateway.draining:
                self.drain()
        elif isinstance(event, ConnectionEnded):
            self.gateway.http2_faults[event.code.name.lower()] += 1
            self._lose_streams()
            self._close()

    def _begin(self, event: RequestReceived, body: bytes, ended: bool) -> None:
        self._waits_for, self.deadline = "", 0
        head, peer = event.head, self.peer
        headers = head.headers
        length = 0 if event.ended else head.content_length
        request = peer.request(head, head.fields, headers, has_body=not event.ended)
        stream = self._streams[event.stream_id] = Http2Stream(self, event.stream_id, request, length)
        try:
            if head.scheme != self._listener.scheme and not peer.trusted:
                refusal = f"The :scheme is not {self._listener.scheme}."
                stream.exchange.refuse(Refuse(MALFORMED_REQUEST, refusal))
                return
            expects_continue = False
            if b"expect" in headers:
                expects_continue = headers[b"expect"].lower() == b"100-continue"
                if not expects_continue:
                    stream.exchange.refuse(Refuse(EXPECTATION_FAILED))
                    return
            stream.start(body, ended=ended, expects_continue=expects_continue and not body)
        except Exception as error:  # noqa: BLE001 - one exchange must not cost the others theirs
            self._crashed(stream, error)

    def _guarded(self, stream: Http2Stream, data: bytes, ended: bool) -> None:
        try:
            stream.receive(data, ended=ended)
        except Exception as error:  # noqa: BLE001 - as in _begin
            self._crashed(stream, error)

    def _crashed(self, stream: Http2Stream, error: Exception) -> None:
        try:
            stream.exchange.crashed(error)
        except Exception:  # noqa: BLE001 - then there is only one thing left to do
            _log.exception("%r could not answer", stream)
            self._codec.reset(stream.number, ErrorCode.INTERNAL_ERROR)
            self._forget(stream.number)

    def _refuse(self, event: RequestMalformed) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            request = RequestView("", "", (), {}, scheme=self._listener.scheme, client=self.peer.address)
            stream = self._streams[event.stream_id] = Http2Stream(self, event.stream_id, request, 0)
        stream.refuse(event.code, event.detail)

    def _forget(self, number: int) -> None:
        """The client has given a stream up, or has lost it."""
        self._waiting.pop(number, None)
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.client_gone()
        self._close_if_done()
