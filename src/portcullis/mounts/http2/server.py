"""A client's connection, seen by the gateway as its server: requests in, answers out (RFC 9113 5.1.1, 6.8, 8.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.engine.codes import MALFORMED_REQUEST, Code
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2 import frames, settings
from portcullis.mounts.http2.allowance import Allowance
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError
from portcullis.mounts.http2.events import PingAnswered, RequestMalformed, RequestReceived
from portcullis.mounts.http2.heads import RequestHeadReader
from portcullis.mounts.http2.limits import STREAM_WINDOW, STREAMS_A_TURN, Limits
from portcullis.mounts.http2.receiving import ReceivingConnection
from portcullis.mounts.http2.sending import StreamState

PING: Final = b"leaving?"
"""Asks whether the client has read a GOAWAY."""


class ServerConnection(ReceivingConnection):
    """The protocol's side of one connection of a client.

    ``now``: nanoseconds, for what may happen so often in a minute; ``refuse_after``: the highest stream that the client
    may open.
    """

    __slots__ = ("_heads", "_limits", "_preface", "_resets", "_taken", "refuse_after")

    def __init__(self, limits: Limits, now: Callable[[], int]) -> None:
        told = {
            settings.MAX_CONCURRENT_STREAMS: limits.streams,
            settings.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            settings.MAX_HEADER_LIST_SIZE: limits.head_bytes,
            settings.NO_RFC7540_PRIORITIES: 1,
        }
        super().__init__(told, Allowance(limits.control_frames_per_minute, now), limits.block_bytes)
        self._limits = limits
        self._resets = Allowance(limits.resets_per_minute, now)
        self._heads = RequestHeadReader(limits.head_bytes, limits.block_bytes)
        self._preface = False  # has come
        self._taken = 0
        self.refuse_after = frames.LAST_STREAM

    # What is sent.

    def send_head(self, stream_id: int, status: int, fields: bytes, *, ended: bool) -> None:
        """Send the head of an answer; ``fields``: rendered as for HTTP/1.1."""
        block = self._encoder.encode(status, fields)
        self.outgoing.append(frames.header_block(stream_id, block, ended=ended))
        if ended:
            self._sent(stream_id)

    def send_trailers(self, stream_id: int, fields: bytes) -> None:
        """Send what follows the body of an answer, and ends it; ``fields``: rendered as for HTTP/1.1."""
        self.outgoing.append(frames.header_block(stream_id, self._encoder.encode_trailers(fields), ended=True))
        self._sent(stream_id)

    def _sent(self, stream_id: int) -> None:
        """The answer is whole: what the client still sends is not wanted (RFC 9113 8.1)."""
        state = self.streams[stream_id]
        if state.malformed:
            self.reset(stream_id, ErrorCode.PROTOCOL_ERROR)
        elif not state.ended:
            self.reset(stream_id, ErrorCode.NO_ERROR)
        else:
            del self.streams[stream_id]

    @property
    def left(self) -> bool:
        """Whether :meth:`leave` was said."""
        return self.refuse_after != frames.LAST_STREAM

    def begin_leaving(self) -> None:
        """Say that no more streams are wanted, and ask whether that was read; those opened meanwhile are served."""
        self.outgoing.append(frames.goaway(frames.LAST_STREAM, ErrorCode.NO_ERROR))
        self.outgoing.append(frames.frame(frames.PING, 0, 0, PING))

    def leave(self) -> None:
        """Serve the streams that are there, and no more (RFC 9113 6.8)."""
        if not self.left:
            self.refuse_after = self.last
            self.outgoing.append(frames.goaway(self.last, ErrorCode.NO_ERROR))

    def _last_served(self) -> int:
        return min(self.last, self.refuse_after)

    # What comes.

    def _take(self) -> None:
        self._taken = 0
        if self._preface or self._read_preface():
            super()._take()

    def _read_preface(self) -> bool:
        size = len(frames.PREFACE)
        if not frames.PREFACE.startswith(self._reader.peek(size)):
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "The connection does not begin with HTTP/2's preface.")
        self._preface = self._reader.take(size) is not None
        return self._preface

    def _next(self) -> bool:
        if self._taken >= STREAMS_A_TURN:
            self.pending = True
            return False
        return super()._next()

    def _check_block(self, stream_id: int) -> None:
        if not stream_id % 2:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "A client's streams have odd numbers.")
        if stream_id <= self.last and stream_id not in self.streams and not self._drops(stream_id):
            raise ConnectionFaultError(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that is closed.")

    def _end_block(self, block: bytes) -> None:
        stream_id = self._block_stream
        if stream_id <= self.last:
            self._receive_trailers(stream_id, block)
            return
        self.last = stream_id
        self._taken += 1
        head = self._heads.read(block)
        if stream_id > self.refuse_after:
            self._spend_control()
            return  # it came after our last GOAWAY, which says that it is not served
        if len(self.streams) >= self._limits.streams:
            raise StreamFaultError(stream_id, ErrorCode.REFUSED_STREAM, "There are too many streams at a time.")
        state = self.streams[stream_id] = StreamState(self._window, ended=self._block_ended)
        if isinstance(head, ProtocolError):
            self._refuse(stream_id, state, head.code, head.detail)
        elif state.ended and head.content_length:
            self._wrong_length(stream_id, state)
        else:
            self._control.earn(8)
            state.announced = head.content_length
            self._events.append(RequestReceived(stream_id, head, state.ended))

    def _receive_trailers(self, stream_id: int, block: bytes) -> None:
        """What follows a body is dropped, as with HTTP/1.1, but it must be right."""
        trailers = self._heads.read_trailers(block)
        state = self.streams.get(stream_id)
        if state is None:
            self._spend_control()
        elif state.ended:
            raise StreamFaultError(stream_id, ErrorCode.STREAM_CLOSED, "HEADERS after the end of the request.")
        elif not self._block_ended:
            raise StreamFaultError(stream_id, ErrorCode.PROTOCOL_ERROR, "Trailers do not end the request.")
        elif isinstance(trailers, ProtocolError):
            self._refuse(stream_id, state, trailers.code, trailers.detail)
        else:
            self._end_body(stream_id, state, b"")

    def _drops(self, stream_id: int) -> bool:
        return stream_id in self.recent or stream_id > self.refuse_after

    def _wrong_length(self, stream_id: int, state: StreamState) -> None:
        self._refuse(stream_id, state, MALFORMED_REQUEST, "The body is not as long as its content-length says.")

    def _refuse(self, stream_id: int, state: StreamState, code: Code, detail: str) -> None:
        """A malformed request (RFC 9113 8.1.1): it may be answered, but does not go on."""
        self._spend_reset("Too many requests are malformed.")
        state.malformed = True
        self._events.append(RequestMalformed(stream_id, code, detail))

    def _spend_reset(self, detail: str) -> None:
        if not self._resets.spend():
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, detail)

    def _receive_pong(self, payload: bytes) -> None:
        if payload == PING:
            self._events.append(PingAnswered())
