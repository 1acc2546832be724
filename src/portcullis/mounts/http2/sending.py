"""The writing half of a connection, and its streams (RFC 9113 5.1, 5.2, 6): what is sent, as the peer takes it."""

from __future__ import annotations

from typing import Final

from portcullis.mounts.http2 import frames
from portcullis.mounts.http2.allowance import Allowance
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.header_blocks import BlockEncoder
from portcullis.mounts.http2.limits import CONNECTION_WINDOW, FIRST_WINDOW
from portcullis.mounts.http2.windows import ReceiveWindow

_RECENT: Final = 256


class StreamState:
    """A stream that is not closed; one that is closed is forgotten.

    ``send_window``: bytes the peer takes; ``receive_window``: made when the first of a body come; ``announced``:
    bytes that are missing of the announced body, ``None`` if none were announced; ``ended``: the peer has sent
    END_STREAM; ``malformed``: what comes on it is of no use any more.
    """

    __slots__ = ("announced", "ended", "malformed", "receive_window", "send_window")

    def __init__(self, send_window: int, *, ended: bool) -> None:
        self.send_window = send_window
        self.receive_window: ReceiveWindow | None = None
        self.announced: int | None = None
        self.ended = ended
        self.malformed = False


class SendingConnection:
    """One connection, as far as something is sent on it, by whichever side.

    ``outgoing``: what is to be sent, in order, to be emptied by whoever sends it, and begins with ``settings``;
    ``streams``: those that are not closed; ``recent``: the last ones that were closed while the peer was still
    sending; ``forgotten``: the highest that was among these and is not any more; ``last``: the highest stream that was
    opened; ``over``: nothing is read any more. ``control``: what the
    peer may send that brings nothing.
    """

    __slots__ = (
        "_control",
        "_encoder",
        "_receive_window",
        "forgotten",
        "last",
        "outgoing",
        "over",
        "recent",
        "send_window",
        "streams",
    )

    def __init__(self, settings: dict[int, int], control: Allowance) -> None:
        self._encoder = BlockEncoder()
        self._control = control
        self._receive_window = ReceiveWindow(CONNECTION_WINDOW)
        self.streams: dict[int, StreamState] = {}
        self.recent: dict[int, None] = {}
        self.forgotten = 0
        self.send_window = FIRST_WINDOW
        self.last = 0
        self.over = False
        self.outgoing: list[bytes] = [
            frames.settings(settings),
            frames.window_update(0, CONNECTION_WINDOW - FIRST_WINDOW),
        ]

    def room(self, stream_id: int) -> int:
        """Bytes of a body that the peer takes on a stream now."""
        state = self.streams.get(stream_id)
        return 0 if state is None else max(0, min(state.send_window, self.send_window))

    def send_data(self, stream_id: int, data: bytes, *, ended: bool) -> None:
        """Send a piece of a body, no longer than there is :meth:`room`."""
        count = len(data)
        self.send_window -= count
        self.streams[stream_id].send_window -= count
        # Some peers open both windows for each frame.
        self._control.earn(2 + 2 * (count // frames.LEAST_FRAME))
        self.outgoing.append(frames.data(stream_id, data, ended=ended))
        if ended:
            self._sent(stream_id)

    def _sent(self, stream_id: int) -> None:
        """All that is to be sent on a stream was sent."""
        raise NotImplementedError

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """End a stream that is not finished; what the peer still sends on it is read and dropped."""
        self.outgoing.append(frames.rst_stream(stream_id, code))
        self.streams.pop(stream_id, None)
        if len(self.recent) >= _RECENT:
            oldest = next(iter(self.recent))
            del self.recent[oldest]
            self.forgotten = max(self.forgotten, oldest)
        self.recent[stream_id] = None

    def credit(self, stream_id: int, count: int) -> None:
        """``count`` bytes of a body were used: the peer may send as many more."""
        self._credit_connection(count)
        self._credit_stream(stream_id, count)

    def _credit_stream(self, stream_id: int, count: int) -> None:
        state = self.streams.get(stream_id)
        if state is not None and not state.ended and state.receive_window is not None:
            increment = state.receive_window.credit(count)
            if increment:
                self.outgoing.append(frames.window_update(stream_id, increment))

    def _credit_connection(self, count: int) -> None:
        increment = self._receive_window.credit(count)
        if increment:
            self.outgoing.append(frames.window_update(0, increment))

    def end(self, code: ErrorCode, detail: str = "") -> None:
        """Read nothing more, and say why."""
        self.over = True
        self.outgoing.append(frames.goaway(self._last_served(), code, detail))

    def _last_served(self) -> int:
        """The highest stream of the peer's on which something was or will be done."""
        raise NotImplementedError
