"""Frames as they are written (RFC 9113 4 and 6)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from portcullis.mounts.http2.errors import ErrorCode

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
WITH_PRIORITY: Final = 0x20

HEADER_BYTES: Final = 9
LEAST_FRAME: Final = 16_384
"""Bytes of payload that every peer takes (SETTINGS_MAX_FRAME_SIZE begins with it, and we leave it there)."""
MOST_WINDOW: Final = 2**31 - 1
LAST_STREAM: Final = 2**31 - 1

_HEADER = Struct(">HBBBL")
_SETTING = Struct(">HL")
_WORD = Struct(">L")
_TWO_WORDS = Struct(">LL")


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame."""
    length = len(payload)
    return _HEADER.pack(length >> 8, length & 0xFF, kind, flags, stream_id) + payload


def header_block(stream_id: int, block: bytes, *, ended: bool, size: int = LEAST_FRAME) -> bytes:
    """A header block in one HEADERS frame and as many CONTINUATION frames as ``size`` makes necessary."""
    flags = END_STREAM if ended else 0
    if len(block) <= size:
        return frame(HEADERS, flags | END_HEADERS, stream_id, block)
    pieces = [frame(HEADERS, flags, stream_id, block[:size])]
    for start in range(size, len(block), size):
        last = start + size >= len(block)
        pieces.append(frame(CONTINUATION, END_HEADERS if last else 0, stream_id, block[start : start + size]))
    return b"".join(pieces)


def data(stream_id: int, payload: bytes, *, ended: bool, size: int = LEAST_FRAME) -> bytes:
    """``payload`` in DATA frames of at most ``size`` bytes; one empty frame for no payload."""
    if len(payload) <= size:
        return frame(DATA, END_STREAM if ended else 0, stream_id, payload)
    pieces: list[bytes] = []
    for start in range(0, len(payload), size):
        piece = payload[start : start + size]
        last = ended and start + size >= len(payload)
        pieces += (_HEADER.pack(len(piece) >> 8, len(piece) & 0xFF, DATA, END_STREAM if last else 0, stream_id), piece)
    return b"".join(pieces)


def rst_stream(stream_id: int, code: ErrorCode) -> bytes:
    """RST_STREAM (6.4)."""
    return frame(RST_STREAM, 0, stream_id, _WORD.pack(code))


def settings(values: dict[int, int]) -> bytes:
    """SETTINGS (6.5)."""
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(*each) for each in values.items()]))


def goaway(last_stream: int, code: ErrorCode, detail: str = "") -> bytes:
    """GOAWAY (6.8). ``detail``: a sentence for whoever looks for the mistake."""
    return frame(GOAWAY, 0, 0, _TWO_WORDS.pack(last_stream, code) + detail.encode())


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE (6.9)."""
    return frame(WINDOW_UPDATE, 0, stream_id, _WORD.pack(increment))


def read_word(payload: bytes) -> int:
    """The 32 bits that ``payload`` begins with."""
    word: int = _WORD.unpack_from(payload)[0]
    return word
