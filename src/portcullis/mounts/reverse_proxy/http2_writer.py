"""The writing half of a client's HTTP/2 connection: answers go out, and how it ends.

The connection's own deadline is of what it waits for: a head, the next request, or that its client reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.server import ServerConnection
from portcullis.mounts.request_fields import RequestFieldRenderer
from portcullis.mounts.reverse_proxy.http2_link import Http2Link
from portcullis.mounts.reverse_proxy.http2_stream import Http2Stream

if TYPE_CHECKING:
    from portcullis.mounts.admission import Admission
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener
    from portcullis.mounts.reverse_proxy.peer import Peer


class Http2Writer(Http2Link):
    """A connection of a client, as far as it is written to. ``deadline``: of its own, in nanoseconds; 0 for none."""

    __slots__ = (
        "_admission",
        "_listener",
        "_streams",
        "_waits_for",
        "body_ns",
        "buffers",
        "deadline",
        "gateway",
        "peer",
        "renderer",
    )

    peer: Peer
    _codec: ServerConnection

    def __init__(self, gateway: Gateway, listener: Listener, admission: Admission | None = None) -> None:
        super().__init__(gateway.outbox)
        self.gateway = gateway
        self.buffers: Buffers = gateway.buffers
        self.body_ns = listener.body_ns
        self.renderer = RequestFieldRenderer()
        self.deadline = 0
        self._listener = listener
        self._admission = admission
        self._codec = ServerConnection(listener.http2, gateway.deadlines.now)
        self._streams: dict[int, Http2Stream] = {}
        self._waits_for = ""

    def _wait(self) -> None:
        """Set the deadline of what the connection waits for now, unless it has waited for that before."""
        codec, listener = self._codec, self._listener
        if self._closing:
            return
        if self._writing_blocked:
            waits_for, time_ns = "writing", listener.body_ns
        elif not codec.begun or codec.in_block or (codec.halfway and not self._streams):
            waits_for, time_ns = "head", listener.header_ns
        elif not self._streams:
            waits_for, time_ns = "idle", listener.idle_ns
        else:
            waits_for, time_ns = "", 0
        if waits_for != self._waits_for:
            self._waits_for = waits_for
            self.deadline = self.gateway.deadlines.now() + time_ns if time_ns else 0

    # What exchanges answer.

    def send_head(self, stream: Http2Stream, status: int, fields: bytes, *, ended: bool) -> None:
        """Send the head of an answer, if the stream is still there."""
        if stream.number in self._codec.streams:
            self._codec.send_head(stream.number, status, fields, ended=ended)
            self._write()

    def send_trailers(self, stream: Http2Stream, fields: bytes) -> None:
        """Send what follows an answer's body, and ends it, if the stream is still there."""
        if stream.number in self._codec.streams:
            self._codec.send_trailers(stream.number, fields)
            self._write()

    def credit(self, number: int, count: int) -> None:
        """``count`` bytes of a request's body were used."""
        self._codec.credit(number, count)
        self._write()

    def finished(self, stream: Http2Stream) -> None:
        """A stream's answer is whole."""
        self._waiting.pop(stream.number, None)
        self._streams.pop(stream.number, None)
        self._close_if_done()
        self._wait()

    def drop(self, stream: Http2Stream, code: ErrorCode) -> None:
        """End a stream by RST_STREAM, if it has not ended."""
        self._waiting.pop(stream.number, None)
        if self._streams.pop(stream.number, None) is not None and stream.number in self._codec.streams:
            self._codec.reset(stream.number, code)
            self._write()
        self._close_if_done()
        self._wait()

    # Ending.

    def retire(self) -> None:
        """The next generation serves: let the client know, and serve what it sends until it does."""
        if self._codec.begun and not self._codec.over:
            self._codec.begin_leaving()
            self._write()

    def drain(self) -> None:
        """Serve the streams that are there, and close."""
        if not self._closing:
            self._codec.leave()
            self._write()
            self._close_if_done()

    def _close_if_done(self) -> None:
        codec = self._codec
        if not self._streams and not self._closing and (codec.leaving or codec.left) and not codec.in_block:
            self._close()

    def _close(self) -> None:
        """Close once everything is sent; a client that does not take it is cut off at the deadline."""
        self._write()
        self.gateway.outbox.close(self.transport)
        self._closing = True
        self.deadline = self.gateway.deadlines.now() + self._listener.body_ns

    def _abort(self) -> None:
        self._closing = True
        self.transport.abort()
        self._lose_streams()

    def _lose_streams(self) -> None:
        streams, self._streams = self._streams, {}
        self._waiting.clear()
        for stream in streams.values():
            stream.client_gone()
