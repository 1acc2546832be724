"""A connection to a service, seen by the gateway as its client: requests out, answers in (RFC 9113 6.8, 8.1, 8.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2 import frames, settings
from portcullis.mounts.http2.allowance import Allowance
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError
from portcullis.mounts.http2.events import AnswerMalformed, AnswerReceived, BodyReceived, StreamUnserved
from portcullis.mounts.http2.heads import ResponseHeadReader
from portcullis.mounts.http2.limits import STREAM_WINDOW, Limits
from portcullis.mounts.http2.receiving import ReceivingConnection
from portcullis.mounts.http2.sending import StreamState

MOST_STREAMS: Final = 100
"""Requests at a time that a service gets on one connection, if it takes so many."""
_CONTROL_FRAMES_PER_MINUTE: Final = 60_000
"""Services measure their connections by pings, as gRPC's do for about each window that they send."""


class RequestState(StreamState):
    """A stream with a request of ours.

    ``to_head``: it is a HEAD request; ``answered``: the head of the answer has come; ``sent``: the request is whole.
    """

    __slots__ = ("answered", "sent", "to_head")

    def __init__(self, send_window: int, *, to_head: bool) -> None:
        super().__init__(send_window, ended=False)
        self.to_head = to_head
        self.answered = False
        self.sent = False


class ClientConnection(ReceivingConnection):
    """The protocol's side of one connection to a service.

    ``head_bytes``: of an answer's head, with 32 for each field; ``now``: nanoseconds; ``most_streams``: requests that
    the service takes at a time.
    """

    __slots__ = ("_heads", "most_streams")

    def __init__(self, head_bytes: int, now: Callable[[], int]) -> None:
        told = {
            settings.ENABLE_PUSH: 0,
            settings.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            settings.MAX_HEADER_LIST_SIZE: head_bytes,
        }
        block_bytes = Limits(head_bytes).block_bytes
        super().__init__(told, Allowance(_CONTROL_FRAMES_PER_MINUTE, now), block_bytes)
        self.outgoing.insert(0, frames.PREFACE)
        self._heads = ResponseHeadReader(head_bytes, block_bytes)
        self.most_streams = MOST_STREAMS

    @property
    def has_room(self) -> bool:
        """Whether the service takes another request on this connection now."""
        return len(self.streams) < self.most_streams and not self.leaving and self.last < frames.LAST_STREAM - 2

    # What is sent.

    def send_request(
        self, method: str, scheme: bytes, host: bytes, target: bytes, fields: bytes, *, ended: bool
    ) -> int:
        """Open a stream with a request's head; ``fields``: rendered as for HTTP/1.1. Gives the stream's number."""
        stream_id = self.last = self.last + 2 if self.last else 1
        state = self.streams[stream_id] = RequestState(self._window, to_head=method == "HEAD")
        state.sent = ended
        block = self._encoder.encode_request(method, scheme, host, target, fields)
        self.outgoing.append(frames.header_block(stream_id, block, ended=ended))
        self._control.earn(16)
        return stream_id

    def _sent(self, stream_id: int) -> None:
        state = self._request(stream_id)
        if state is not None:
            state.sent = True

    def _request(self, stream_id: int) -> RequestState | None:
        state = self.streams.get(stream_id)
        return state if isinstance(state, RequestState) else None

    def credit_stream(self, stream_id: int, count: int) -> None:
        """``count`` bytes of an answer's body were used. The connection's window was opened when they came.

        Else those who take their answers slowly would use up what all share; what is held for each of them is bounded
        by its stream's window.
        """
        self._credit_stream(stream_id, count)

    def leave(self) -> None:
        """Say that the connection is going to be closed."""
        self.outgoing.append(frames.goaway(0, ErrorCode.NO_ERROR))

    def _last_served(self) -> int:
        return 0  # a service opens no streams here

    # What comes.

    def _drops(self, stream_id: int) -> bool:
        """Also on streams that were closed too long ago to be remembered.

        Who gives up many requests while their answers are on their way must not end the connection of the others.
        """
        return stream_id <= self.forgotten or super()._drops(stream_id)

    def _check_block(self, stream_id: int) -> None:
        if not stream_id % 2 or stream_id > self.last:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream that was not opened.")
        if stream_id not in self.streams and not self._drops(stream_id):
            raise ConnectionFaultError(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that is closed.")

    def _end_block(self, block: bytes) -> None:
        stream_id = self._block_stream
        state = self._request(stream_id)
        if state is None:
            self._spend_control()
            self._heads.read_trailers(block)  # the table changes all the same
        elif state.ended:
            raise StreamFaultError(stream_id, ErrorCode.STREAM_CLOSED, "HEADERS after the end of the answer.")
        elif state.answered:
            self._receive_trailers(stream_id, state, block)
        else:
            self._receive_head(stream_id, state, block)

    def _receive_head(self, stream_id: int, state: RequestState, block: bytes) -> None:
        head = self._heads.read(block, to_head=state.to_head)
        if isinstance(head, ProtocolError):
            self._spoil(stream_id, head.detail)
        elif head.status < 200:
            self._spend_control()
            if self._block_ended:
                self._spoil(stream_id, "An interim answer ends the stream.")
        else:
            state.answered = True
            state.announced = head.content_length
            if self._block_ended:
                state.ended = True
                if head.content_length:
                    self._wrong_length(stream_id, state)
                    return
            self._events.append(AnswerReceived(stream_id, head, state.ended))
            self._close_if_done(stream_id, state)

    def _receive_trailers(self, stream_id: int, state: RequestState, block: bytes) -> None:
        trailers = self._heads.read_trailers(block)
        if isinstance(trailers, ProtocolError):
            self._spoil(stream_id, trailers.detail)
        elif not self._block_ended:
            self._spoil(stream_id, "Trailers do not end the answer.")
        elif state.announced:
            self._wrong_length(stream_id, state)
        else:
            state.ended = True
            self._events.append(BodyReceived(stream_id, b"", True, trailers))
            self._close_if_done(stream_id, state)

    def _take_data(self, stream_id: int, state: StreamState, payload: bytes, length: int, *, ended: bool) -> None:
        self._credit_connection(length)
        request = self._request(stream_id)
        if request is None or not request.answered:
            self._spoil(stream_id, "A body comes before its head.")
            return
        if length > len(payload):
            self._credit_stream(stream_id, length - len(payload))
        if ended:
            self._end_body(stream_id, state, payload)
            self._close_if_done(stream_id, request)
        elif payload:
            self._events.append(BodyReceived(stream_id, payload, False))

    def _close_if_done(self, stream_id: int, state: RequestState) -> None:
        if state.ended and state.sent:
            self.streams.pop(stream_id, None)

    def _end_body(self, stream_id: int, state: StreamState, payload: bytes) -> None:
        state.ended = True
        if state.announced:
            self._wrong_length(stream_id, state)
        else:
            self._events.append(BodyReceived(stream_id, payload, True))

    def _wrong_length(self, stream_id: int, state: StreamState) -> None:
        del state
        self._spoil(stream_id, "The body is not as long as its content-length says.")

    def _spoil(self, stream_id: int, detail: str) -> None:
        """An answer is malformed (RFC 9113 8.1.1): nothing of it counts any more."""
        self.reset(stream_id, ErrorCode.PROTOCOL_ERROR)
        self._events.append(AnswerMalformed(stream_id, detail))

    def _receive_reset(self, stream_id: int, code: int) -> None:
        if code == ErrorCode.REFUSED_STREAM and self.streams.pop(stream_id, None) is not None:
            self._events.append(StreamUnserved(stream_id))
        else:
            super()._receive_reset(stream_id, code)

    def _receive_goaway(self, last_stream: int) -> None:
        self.leaving = True
        for stream_id in [number for number in self.streams if number > last_stream]:
            del self.streams[stream_id]
            self._events.append(StreamUnserved(stream_id))

    def _follow_settings(self, values: dict[int, int]) -> None:
        if values.get(settings.ENABLE_PUSH):
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "A server does not say that it may be pushed to.")
        most = values.get(settings.MAX_CONCURRENT_STREAMS)
        if most is not None:
            self.most_streams = min(most, MOST_STREAMS)
