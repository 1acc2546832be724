"""What holds for sessions and for long answers, compiled; times in nanoseconds."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from portcullis.engine.authentication.proof import Standing
from portcullis.engine.decision import Refuse

MessageJudge = Callable[[bool, bytes], Refuse | None]
"""Says what is wrong with a whole message: whether it is text, and its payload."""


class WebSocketRules(msgspec.Struct, frozen=True, eq=False):
    """Of a WebSocket.

    ``frame_ns`` and ``byte_ns``: how long one frame, one byte of a client counts, 0 where there is no limit;
    ``from_client``, ``from_service``: what looks into messages.
    """

    idle_ns: int
    lifetime_ns: int
    max_message: int
    source: str
    frame_ns: int = 0
    byte_ns: float = 0
    from_client: MessageJudge | None = None
    from_service: MessageJudge | None = None
    standing: Standing | None = None


class StreamRules(msgspec.Struct, frozen=True, eq=False):
    """Of answers that may take long. ``max_bytes``: 0 where there is no bound."""

    idle_ns: int
    lifetime_ns: int
    max_bytes: int
    source: str
    standing: Standing | None = None
