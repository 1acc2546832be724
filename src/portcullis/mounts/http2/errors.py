"""What can be wrong with a connection or with one stream of it, and the codes that say so on the wire (RFC 9113 7)."""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class ConnectionFaultError(Exception):
    """Nothing on this connection can be trusted any more (RFC 9113 5.4.1).

    ``code``: what the peer is told; ``detail``: a sentence that quotes nothing of what came.
    """

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class StreamFaultError(Exception):
    """One stream has to end; the others go on (RFC 9113 5.4.2)."""

    def __init__(self, stream_id: int, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.stream_id = stream_id
        self.code = code
        self.detail = detail
