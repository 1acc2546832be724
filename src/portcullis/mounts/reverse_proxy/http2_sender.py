"""The body that goes out on one stream of an HTTP/2 connection: at once as far as the peer takes it, else in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.mounts.reverse_proxy.send_queue import SendQueue

if TYPE_CHECKING:
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.reverse_proxy.http2_link import Http2Link

PIECE: Final = 16 * 1024
"""Bytes that one stream sends before the next one has its turn; a peer that takes less within the deadline for a piece
is too slow."""


class Http2Sender:
    """What is sent of a body, and what is held of it.

    ``number``: of the stream on its connection; ``buffers``: what is held is counted there; it must be said before
    anything is sent.
    """

    __slots__ = ("_link", "_progress", "_queue", "buffers", "number")

    buffers: Buffers

    def __init__(self, link: Http2Link, number: int) -> None:
        self._link = link
        self.number = number
        self._queue: SendQueue | None = None
        self._progress = 0

    def _put(self, data: bytes, *, ended: bool) -> None:
        """Put a piece on the wire, for which there is room."""
        self._link.send_data(self.number, data, ended=ended)

    # What the stream does about it.

    def _sent(self) -> None:
        """All of the body was sent."""

    def _held_back(self, *, ended: bool) -> None:
        """The peer does not take all; ``ended``: what is held has an end."""

    def _taken_up(self) -> None:
        """The peer took all that was held, and there may be more."""

    def _moved(self) -> None:
        """The peer took another ``PIECE``."""

    def _overflowed(self) -> None:
        """There is no memory for what the peer does not take."""

    # Sending.

    def _send(self, data: bytes, *, ended: bool) -> None:
        """Send more of the body, or hold it."""
        queue, link = self._queue, self._link
        if queue is None:
            room = link.room(self.number)
            if len(data) <= room:
                self._put(data, ended=ended)
                if ended:
                    self._sent()
                return
            queue = self._queue = SendQueue(self.buffers)
            if room:
                link.send_data(self.number, data[:room], ended=False)
                data = data[room:]
            self._progress = 0
            link.wait(self)
            self._held_back(ended=ended)
        queue.ended = ended
        if not queue.add(data):
            self._overflowed()

    def push(self) -> bool:
        """Send a piece of what is held; whether anything was sent."""
        queue, link = self._queue, self._link
        if queue is None:
            return False
        room = min(PIECE, link.room(self.number))
        if not room and queue.size:
            return False
        piece = queue.take(room)
        is_last = not queue.size
        ended = is_last and queue.ended
        self._put(piece, ended=ended)
        self._progress += len(piece)
        if is_last:
            self._queue = None
            link.wait_no_more(self.number)
            if ended:
                self._sent()
            else:
                self._taken_up()
        elif self._progress >= PIECE:
            self._progress = 0
            self._moved()
        return True

    def _drop_held(self) -> None:
        """Hold nothing any more."""
        if self._queue is not None:
            self._queue.release()
            self._queue = None
