"""How fast messages may come: frames and bytes each have a rate, and a burst of some seconds of it."""

from __future__ import annotations

from typing import Final, Literal

BURST_NS: Final = 10 * 10**9
Excess = Literal["", "frames", "bytes"]


class MessageRates:
    """The two rates of one client. ``frame_ns`` and ``byte_ns``: nanoseconds that one takes, 0 for any number."""

    __slots__ = ("_byte_ns", "_frame_ns", "_next_byte", "_next_frame", "limits")

    def __init__(self, frame_ns: float, byte_ns: float) -> None:
        self.limits = bool(frame_ns or byte_ns)
        self._frame_ns = frame_ns
        self._byte_ns = byte_ns
        self._next_frame = self._next_byte = 0.0

    def excess(self, now: int, frames: int, size: int) -> Excess:
        """Of what too much has come, with ``frames`` of ``size`` bytes that came ``now`` (nanoseconds)."""
        self._next_frame = max(self._next_frame, now) + frames * self._frame_ns
        self._next_byte = max(self._next_byte, now) + size * self._byte_ns
        if self._next_frame - now > BURST_NS + self._frame_ns:
            return "frames"
        return "bytes" if self._next_byte - now > BURST_NS else ""
