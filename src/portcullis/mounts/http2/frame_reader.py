"""Frames as they arrive: cut out of the bytes, and refused where no state could make them right (RFC 9113 4, 6).

Sizes, the reserved shape of each type and whether it belongs on a stream or on the connection are looked at here;
what depends on what came before is :mod:`portcullis.mounts.http2.receiving`.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

from portcullis.mounts.http2 import frames
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError

Frame = tuple[int, int, int, bytes, int]
"""Type, flags, stream, payload without padding and priority, and the bytes that flow control counts."""

_HEADER = Struct(">HBBBL")
_STREAM: Final = 0x7FFFFFFF
_PADDABLE: Final = frozenset({frames.DATA, frames.HEADERS})
_NAMES: Final[Mapping[int, str]] = {
    frames.DATA: "DATA",
    frames.HEADERS: "HEADERS",
    frames.PRIORITY: "PRIORITY",
    frames.RST_STREAM: "RST_STREAM",
    frames.SETTINGS: "SETTINGS",
    frames.PING: "PING",
    frames.GOAWAY: "GOAWAY",
    frames.WINDOW_UPDATE: "WINDOW_UPDATE",
    frames.CONTINUATION: "CONTINUATION",
}
_ON_STREAMS: Final = frozenset({frames.DATA, frames.HEADERS, frames.PRIORITY, frames.RST_STREAM, frames.CONTINUATION})
_ON_CONNECTION: Final = frozenset({frames.SETTINGS, frames.PING, frames.GOAWAY})
_SIZES: Final[Mapping[int, int]] = {frames.RST_STREAM: 4, frames.PING: 8, frames.WINDOW_UPDATE: 4}


class FrameReader:
    """Holds what came until it is a whole frame: at most one frame's bytes and what came with its end."""

    __slots__ = ("_at", "_data")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    @property
    def waiting(self) -> int:
        """Bytes that are held."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes | None:
        """The next ``count`` bytes, which are no frame; ``None`` as long as they are not all there."""
        start = self._at
        if len(self._data) - start < count:
            return None
        self._at = start + count
        return self._data[start : self._at]

    def peek(self, count: int) -> bytes:
        """The next bytes, at most ``count``."""
        return self._data[self._at : self._at + count]

    def next(self) -> Frame | None:
        """The next frame; ``None`` if it is not whole yet.

        Raises :class:`ConnectionFaultError` and :class:`StreamFaultError`; after the latter reading can go on.
        """
        data, start = self._data, self._at
        if len(data) - start < frames.HEADER_BYTES:
            return None
        high, low, kind, flags, stream_id = _HEADER.unpack_from(data, start)
        length = high << 8 | low
        if length > frames.LEAST_FRAME:
            raise ConnectionFaultError(
                ErrorCode.FRAME_SIZE_ERROR, f"A frame has at most {frames.LEAST_FRAME} bytes here."
            )
        stream_id &= _STREAM
        start += frames.HEADER_BYTES
        end = start + length
        if kind > frames.CONTINUATION:
            if end > len(data):
                return None
            self._at = end
            return kind, flags, stream_id, b"", length
        if kind not in _PADDABLE or not stream_id:
            _check_shape(kind, flags, stream_id, length)
        if end > len(data):
            return None
        self._at = end
        if kind == frames.PRIORITY and length != 5:
            raise StreamFaultError(stream_id, ErrorCode.FRAME_SIZE_ERROR, "A PRIORITY frame has 5 bytes.")
        if kind in _PADDABLE and flags & (frames.PADDED | frames.WITH_PRIORITY):
            start, end = _inside(data, kind, flags, stream_id, start, end)
        elif kind == frames.PRIORITY:
            _check_dependency(data, stream_id, start)
        return kind, flags, stream_id, data[start:end], length


def _check_shape(kind: int, flags: int, stream_id: int, length: int) -> None:
    """Raise :class:`ConnectionFaultError` for a frame that is wrong whatever came before."""
    if kind == frames.PUSH_PROMISE:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "Nothing is to be pushed.")  # 8.4
    name = _NAMES[kind]
    if kind in _ON_STREAMS and not stream_id:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"A {name} frame belongs on a stream.")
    if kind in _ON_CONNECTION and stream_id:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"A {name} frame belongs on no stream.")
    size = _SIZES.get(kind, length)
    if length != size:
        raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, f"A {name} frame has {size} bytes.")
    if kind == frames.SETTINGS and (length % 6 or (flags & frames.ACK and length)):
        raise ConnectionFaultError(
            ErrorCode.FRAME_SIZE_ERROR, "A SETTINGS frame has 6 bytes a setting, and none with ACK."
        )
    if kind == frames.GOAWAY and length < 8:
        raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "A GOAWAY frame has at least 8 bytes.")


def _inside(data: bytes, kind: int, flags: int, stream_id: int, start: int, end: int) -> tuple[int, int]:
    """Where the payload is that stands between the fields of padding and priority."""
    with_priority = kind == frames.HEADERS and flags & frames.WITH_PRIORITY
    padding = 0
    if end - start < (1 if flags & frames.PADDED else 0) + (5 if with_priority else 0):
        raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, f"A {_NAMES[kind]} frame is too short for its flags.")
    if flags & frames.PADDED:
        padding = data[start]
        start += 1
    if with_priority:
        _check_dependency(data, stream_id, start)
        start += 5
    if padding > end - start:
        raise ConnectionFaultError(
            ErrorCode.PROTOCOL_ERROR, f"The padding of a {_NAMES[kind]} frame is longer than it."
        )
    return start, end - padding


def _check_dependency(data: bytes, stream_id: int, at: int) -> None:
    """A stream that depends on itself: of priorities nothing else is looked at (5.3.2, RFC 7540 5.3.1)."""
    if int.from_bytes(data[at : at + 4], "big") & _STREAM == stream_id:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "A stream depends on itself.")
