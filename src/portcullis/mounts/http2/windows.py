"""Flow control (RFC 9113 5.2, 6.9): what may be sent, and what may still come."""

from __future__ import annotations

from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.frames import MOST_WINDOW


class WindowError(Exception):
    """The peer has exceeded a window, or made one too large or by nothing. ``code``: what it is told."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def opened(window: int, increment: int) -> int:
    """The send window after a WINDOW_UPDATE. Raises :class:`WindowError`."""
    if not increment:
        raise WindowError(ErrorCode.PROTOCOL_ERROR, "A window is opened by nothing.")
    return moved(window, increment)


def moved(window: int, by: int) -> int:
    """The send window moved by ``by`` bytes, which may leave it below zero (6.9.2). Raises :class:`WindowError`."""
    if window + by > MOST_WINDOW:
        raise WindowError(ErrorCode.FLOW_CONTROL_ERROR, "A window is larger than 2^31-1.")
    return window + by


class ReceiveWindow:
    """What the peer may still send: ``size`` bytes less what it sent and was not given back.

    Bytes are given back (``credit``) when they were used, in steps of half the window, so that few frames say so.
    """

    __slots__ = ("_left", "_owed", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._owed = 0

    def receive(self, count: int) -> None:
        """``count`` bytes came. Raises :class:`WindowError` if they were too many."""
        if count > self._left:
            raise WindowError(ErrorCode.FLOW_CONTROL_ERROR, "More came than the window allows.")
        self._left -= count

    def credit(self, count: int) -> int:
        """``count`` bytes were used: by how much the peer is to be told to open its window now; mostly 0."""
        self._owed += count
        if self._owed * 2 < self._size:
            return 0
        increment, self._owed = self._owed, 0
        self._left += increment
        return increment
