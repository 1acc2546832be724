"""Request ids and W3C Trace Context."""

from __future__ import annotations

import os
import re
from typing import Final

# Version 00 ends with the flags; later versions may add to it, and ff is none (W3C Trace Context 3.2.2, 4.3).
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-[!-~]*+)?"
)
# Sampled, and (Level 2) random trace id; no other flag has a meaning that could be passed on as version 00.
_KNOWN_FLAGS: Final = 0b11
_POOL_BYTES: Final = 4096


class Identifiers:
    """Random 128-bit identifiers as 32 hex digits, from the system's generator, read in bulk.

    Make one in each worker, after the fork: two workers must never share a pool.
    """

    __slots__ = ("_offset", "_pool")

    def __init__(self) -> None:
        self._pool = ""
        self._offset = 0

    def next(self) -> str:
        """A fresh identifier."""
        offset = self._offset
        if offset == len(self._pool):
            self._pool = os.urandom(_POOL_BYTES).hex()
            offset = 0
        self._offset = offset + 32
        return self._pool[offset : offset + 32]


def trace_context(traceparent: bytes, request_id: str) -> tuple[str, bytes]:
    """The trace id of an exchange and the ``traceparent`` value to send on.

    A valid inbound ``traceparent`` is continued: its trace id and flags kept, the gateway as the new parent. Anything
    else begins a new trace: the id is the request's, and the value is empty (see :func:`new_trace`).
    """
    if match := _TRACEPARENT.fullmatch(traceparent):
        version, trace_id, flags, more = match.groups()
        if version != b"00" or more is None:
            known = int(flags, 16) & _KNOWN_FLAGS
            return trace_id.decode(), b"00-%b-%b-%02x" % (trace_id, request_id[:16].encode(), known)
    return request_id, b""


def new_trace(request_id: bytes) -> bytes:
    """The ``traceparent`` value of a trace that begins here; half of the request id serves as the span id."""
    return b"00-%b-%b-01" % (request_id, request_id[:16])
