"""What a peer says it takes (RFC 9113 6.5.2)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode
from portcullis.mounts.http2.frames import LEAST_FRAME, MOST_WINDOW

HEADER_TABLE_SIZE: Final = 0x1
ENABLE_PUSH: Final = 0x2
MAX_CONCURRENT_STREAMS: Final = 0x3
INITIAL_WINDOW_SIZE: Final = 0x4
MAX_FRAME_SIZE: Final = 0x5
MAX_HEADER_LIST_SIZE: Final = 0x6
NO_RFC7540_PRIORITIES: Final = 0x9

_MOST: Final = 64
_SETTING = Struct(">HL")


def read_settings(payload: bytes) -> dict[int, int]:
    """The settings of a frame; of one that is given twice the last counts. Unknown ones are there too.

    Raises :class:`ConnectionFaultError`.
    """
    if len(payload) > _MOST * _SETTING.size:
        raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, f"A SETTINGS frame has at most {_MOST} settings here.")
    values: dict[int, int] = {}
    for name, value in _SETTING.iter_unpack(payload):
        if name == ENABLE_PUSH and value > 1:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1.")
        if name == INITIAL_WINDOW_SIZE and value > MOST_WINDOW:
            raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is larger than 2^31-1.")
        if name == MAX_FRAME_SIZE and not LEAST_FRAME <= value < 2**24:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE is not between 2^14 and 2^24-1.")
        values[name] = value
    return values
