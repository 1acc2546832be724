"""What one client may do on a connection, and make the gateway hold for it."""

from __future__ import annotations

from typing import Final

import msgspec

FIRST_WINDOW: Final = 65_535
"""Bytes that a window begins with where nobody has said otherwise (RFC 9113 6.9.2)."""
STREAM_WINDOW: Final = 128 * 1024
"""Bytes of a body that may come before they are used, on one stream."""
CONNECTION_WINDOW: Final = 1024 * 1024
"""The same on all streams together. nginx 64 KiB and 2^31-1, Go 1 MiB and 1 MiB, Envoy 16 and 24 MiB."""
STREAMS_A_TURN: Final = 32
"""Requests that are taken before other connections have their turn."""
BLOCK_FRAMES: Final = 16
"""Frames that a header block may be in (CVE-2024-27316)."""
BLOCK_BYTES: Final = 64 * 1024
"""Bytes of a header block, and of what it is decoded to, beyond which nobody looks at it any more. A head that is
larger than ``head_bytes`` and smaller than this is answered: the tables of both sides must stay the same."""


class Limits(msgspec.Struct, frozen=True):
    """What a listener's section ``http2`` says.

    ``head_bytes``: of a request's head, with 32 for each field; ``streams``: at a time; the others: how often in a
    minute a client may cancel streams, and send frames that bring nothing.
    """

    head_bytes: int = 16 * 1024
    streams: int = 100
    resets_per_minute: int = 600
    control_frames_per_minute: int = 6000

    @property
    def block_bytes(self) -> int:
        """Bytes of a header block that is looked at."""
        return max(BLOCK_BYTES, 2 * self.head_bytes)
