"""What of a service's outcome a caller gets: its status, its metadata, and its words unless they show its inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from portcullis.engine.inspection.stack_traces import stack_trace_in

REPLACED: Final = b"The service failed"
Fields = Sequence[tuple[bytes, bytes]]


def status_in(fields: Fields) -> int:
    """The status of gRPC in ``fields``; -1 if there is none, or no number from 0 to 16."""
    for name, value in fields:
        if name == b"grpc-status":
            return int(value) if value.isdigit() and len(value) <= 2 and int(value) <= 16 else -1
    return -1


def shows_its_inside(fields: Fields) -> bool:
    """Whether the message in ``fields`` has a stack trace in it."""
    return any(
        name == b"grpc-message" and stack_trace_in(unquote_to_bytes(value)) is not None for name, value in fields
    )


def passed(trailers: Fields) -> Fields:
    """``trailers`` as the client gets them; a message with a stack trace is replaced, and its details go."""
    if not shows_its_inside(trailers):
        return trailers
    kept = [field for field in trailers if field[0] not in (b"grpc-message", b"grpc-status-details-bin")]
    return [*kept, (b"grpc-message", REPLACED)]
