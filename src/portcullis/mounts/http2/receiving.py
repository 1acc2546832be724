"""The reading half of a connection: frames in, events out (RFC 9113 3.4, 5, 6), whichever side it is.

What arrives is judged by the states of connection and streams. A fault of one stream ends that stream by RST_STREAM,
one of the connection ends all by GOAWAY. Streams that are closed are forgotten, but for the last ones that we closed
while the peer was still sending: what was on its way for these is read and dropped. What heads mean, and who opens
streams, is for the sides: :mod:`portcullis.mounts.http2.server` and :mod:`portcullis.mounts.http2.client`.
"""

from __future__ import annotations

from portcullis.mounts.http2 import frames, settings
from portcullis.mounts.http2.allowance import Allowance
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError
from portcullis.mounts.http2.events import BodyReceived, ConnectionEnded, Event, StreamEnded, WindowsOpened
from portcullis.mounts.http2.frame_reader import Frame, FrameReader
from portcullis.mounts.http2.limits import BLOCK_FRAMES, FIRST_WINDOW, STREAM_WINDOW
from portcullis.mounts.http2.sending import SendingConnection, StreamState
from portcullis.mounts.http2.windows import ReceiveWindow, WindowError, moved, opened


class ReceivingConnection(SendingConnection):
    """The protocol's side of one connection. ``block_bytes``: of a header block that is looked at.

    ``begun``: the peer has told its settings; ``leaving``: it has said that it wants no more streams; ``pending``:
    :meth:`receive` has stopped before the end of what came, and is to be called again.
    """

    __slots__ = (
        "_block",
        "_block_bytes",
        "_block_ended",
        "_block_frames",
        "_block_stream",
        "_events",
        "_reader",
        "_window",
        "begun",
        "leaving",
        "pending",
    )

    def __init__(self, first_settings: dict[int, int], control: Allowance, block_bytes: int) -> None:
        super().__init__(first_settings, control)
        self._reader = FrameReader()
        self._block: bytes | None = None  # a header block that has begun
        self._block_bytes = block_bytes
        self._block_stream = 0
        self._block_ended = False
        self._block_frames = 0
        self._window = FIRST_WINDOW  # that streams begin with
        self._events: list[Event] = []
        self.begun = False
        self.leaving = False
        self.pending = False

    @property
    def halfway(self) -> bool:
        """Whether a frame or a header block has begun, and its end is still to come."""
        return self._block is not None or self._reader.waiting > 0

    @property
    def in_block(self) -> bool:
        """Whether a header block has begun, and its end is still to come."""
        return self._block is not None

    def receive(self, data: bytes) -> list[Event]:
        """What ``data`` brings. Nothing is raised: a peer that breaks a rule is told, and so is the caller."""
        if self.over:
            return []
        self._reader.feed(data)
        events = self._events = []
        self.pending = False
        try:
            self._take()
        except ConnectionFaultError as fault:
            self.end(fault.code, fault.detail)
            events.append(ConnectionEnded(fault.code, fault.detail))
        return events

    def _take(self) -> None:
        """Handle what came."""
        while self._next():
            pass

    def _next(self) -> bool:
        """Handle the next frame; whether there was one."""
        try:
            frame = self._reader.next()
            if frame is None:
                return False
            self._handle(frame)
        except StreamFaultError as fault:
            self._fail_stream(fault)
        return True

    def _handle(self, frame: Frame) -> None:
        kind, flags, stream_id, payload, length = frame
        if self._block is not None:
            if kind != frames.CONTINUATION or stream_id != self._block_stream:
                raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "A header block is interrupted.")
            self._continue_block(self._block + payload, flags)
        elif not self.begun:
            if kind != frames.SETTINGS or flags & frames.ACK:
                raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "The first frame is not SETTINGS.")
            self.begun = True
            self._receive_settings(payload)
        elif kind == frames.HEADERS:
            self._begin_block(stream_id, payload, flags)
        elif kind == frames.DATA:
            self._receive_data(stream_id, payload, length, ended=bool(flags & frames.END_STREAM))
        else:
            self._receive_control(kind, flags, stream_id, payload)

    # Header blocks.

    def _begin_block(self, stream_id: int, payload: bytes, flags: int) -> None:
        self._check_block(stream_id)
        self._block_stream = stream_id
        self._block_ended = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self._end_block(payload)
        else:
            self._block = payload
            self._block_frames = 1

    def _check_block(self, stream_id: int) -> None:
        """Raise unless a header block may come on a stream."""
        raise NotImplementedError

    def _continue_block(self, block: bytes, flags: int) -> None:
        self._block_frames += 1
        if self._block_frames > BLOCK_FRAMES or len(block) > self._block_bytes:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "A header block is much too large.")
        self._block = block
        if flags & frames.END_HEADERS:
            self._block = None
            self._end_block(block)

    def _end_block(self, block: bytes) -> None:
        """A header block is whole."""
        raise NotImplementedError

    # Bodies.

    def _receive_data(self, stream_id: int, payload: bytes, length: int, *, ended: bool) -> None:
        try:
            self._receive_window.receive(length)
        except WindowError as error:
            raise ConnectionFaultError(error.code, error.detail) from None
        if not length and not ended:
            self._spend_control()
        state = self.streams.get(stream_id)
        if state is None:
            self._receive_late_data(stream_id, length)
            return
        if state.ended:
            self._credit_connection(length)
            raise StreamFaultError(stream_id, ErrorCode.STREAM_CLOSED, "DATA after the end of the stream.")
        self._count(stream_id, state, length)
        if state.announced is not None:
            state.announced -= len(payload)
        if state.malformed:
            self._credit_connection(length)
        elif state.announced is not None and state.announced < 0:
            self._credit_connection(length)
            self._wrong_length(stream_id, state)
        else:
            self._take_data(stream_id, state, payload, length, ended=ended)

    def _take_data(self, stream_id: int, state: StreamState, payload: bytes, length: int, *, ended: bool) -> None:
        """A piece of a body that may come; ``length``: with its padding."""
        if length > len(payload):
            self.credit(stream_id, length - len(payload))
        if ended:
            self._end_body(stream_id, state, payload)
        elif payload:
            self._events.append(BodyReceived(stream_id, payload, False))

    def _drops(self, stream_id: int) -> bool:
        """Whether what comes on a stream that is closed is dropped rather than a fault."""
        return stream_id in self.recent

    def _receive_late_data(self, stream_id: int, length: int) -> None:
        if stream_id > self.last:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "DATA on a stream that was not opened.")
        if not self._drops(stream_id):
            raise ConnectionFaultError(ErrorCode.STREAM_CLOSED, "DATA on a stream that is closed.")
        self._spend_control()
        self._credit_connection(length)

    def _count(self, stream_id: int, state: StreamState, length: int) -> None:
        window = state.receive_window
        if window is None:
            window = state.receive_window = ReceiveWindow(STREAM_WINDOW)
        try:
            window.receive(length)
        except WindowError as error:
            raise StreamFaultError(stream_id, error.code, error.detail) from None

    def _end_body(self, stream_id: int, state: StreamState, payload: bytes) -> None:
        state.ended = True
        if state.announced:
            self._credit_connection(len(payload))
            self._wrong_length(stream_id, state)
        else:
            self._events.append(BodyReceived(stream_id, payload, True))

    def _wrong_length(self, stream_id: int, state: StreamState) -> None:
        """A body is not as long as its content-length says."""
        raise NotImplementedError

    # Everything else.

    def _receive_control(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == frames.RST_STREAM:
            self._receive_reset(stream_id, frames.read_word(payload))
            return
        if kind == frames.CONTINUATION:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without a header block.")
        self._spend_control()
        if kind == frames.WINDOW_UPDATE:
            self._open_window(stream_id, frames.read_word(payload) & frames.MOST_WINDOW)
        elif kind == frames.GOAWAY:
            self._receive_goaway(frames.read_word(payload) & frames.LAST_STREAM)
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._receive_settings(payload)
        elif kind == frames.PING and not flags & frames.ACK:
            self.outgoing.append(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.PING:
            self._receive_pong(payload)
        # Acknowledged settings, PRIORITY and types that are not known mean nothing (5.3.2, 5.5).

    def _spend_control(self) -> None:
        if not self._control.spend():
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "Too many frames that bring nothing.")

    def _open_window(self, stream_id: int, increment: int) -> None:
        state = self.streams.get(stream_id)
        try:
            if not stream_id:
                self.send_window = opened(self.send_window, increment)
            elif state is not None:
                state.send_window = opened(state.send_window, increment)
            elif stream_id > self.last:
                raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE on a stream that was not opened.")
            else:
                return
        except WindowError as error:
            if not stream_id:
                raise ConnectionFaultError(error.code, error.detail) from None
            raise StreamFaultError(stream_id, error.code, error.detail) from None
        self._events.append(WindowsOpened(stream_id))

    def _receive_goaway(self, last_stream: int) -> None:  # noqa: ARG002 - of our streams; a server has none
        self.leaving = True

    def _receive_pong(self, payload: bytes) -> None:
        """A ping of ours was answered."""

    def _receive_reset(self, stream_id: int, code: int) -> None:
        if stream_id > self.last:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on a stream that was not opened.")
        if self.streams.pop(stream_id, None) is None:
            self._spend_control()
            return
        self._spend_reset("Too many streams are reset.")
        self._events.append(StreamEnded(stream_id, code))

    def _receive_settings(self, payload: bytes) -> None:
        values = settings.read_settings(payload)
        if settings.HEADER_TABLE_SIZE in values:
            self._encoder.resize(values[settings.HEADER_TABLE_SIZE])
        self._follow_settings(values)
        window = values.get(settings.INITIAL_WINDOW_SIZE, self._window)
        if window != self._window:
            try:
                for state in self.streams.values():
                    state.send_window = moved(state.send_window, window - self._window)
            except WindowError as error:
                raise ConnectionFaultError(error.code, error.detail) from None
            self._window = window
            self._events.append(WindowsOpened(0))
        self.outgoing.append(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def _follow_settings(self, values: dict[int, int]) -> None:
        """What of the peer's settings concerns one side only."""

    def _spend_reset(self, detail: str) -> None:
        """A stream has ended before its time; raise if that happens too often."""

    def _fail_stream(self, fault: StreamFaultError) -> None:
        self._spend_reset("Too many streams end by a fault.")
        if fault.stream_id > self.last:
            raise ConnectionFaultError(fault.code, fault.detail)  # there is no stream yet that could be reset (5.1)
        if fault.stream_id in self.streams:
            self._events.append(StreamEnded(fault.stream_id, fault.code))
            self.reset(fault.stream_id, fault.code)
        elif fault.code is ErrorCode.REFUSED_STREAM:
            self.reset(fault.stream_id, fault.code)
