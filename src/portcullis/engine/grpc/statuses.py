"""The gateway's refusals as answers of gRPC: an HTTP 200 that ends with its head, and says in it what is wrong.

Statuses are those of https://grpc.io/docs/guides/status-codes; which one a refusal has follows from its HTTP status,
as a service that had refused would have chosen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote_from_bytes

from portcullis.engine.decision import Refuse
from portcullis.engine.operation import UNROUTED
from portcullis.engine.request import RequestView

INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 4, 5, 7, 8
ABORTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED, UNKNOWN = 10, 12, 13, 14, 16, 2

NAMES: Final[Mapping[int, str]] = {
    INVALID_ARGUMENT: "INVALID_ARGUMENT",
    DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    NOT_FOUND: "NOT_FOUND",
    PERMISSION_DENIED: "PERMISSION_DENIED",
    RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
    ABORTED: "ABORTED",
    UNIMPLEMENTED: "UNIMPLEMENTED",
    INTERNAL: "INTERNAL",
    UNAVAILABLE: "UNAVAILABLE",
    UNAUTHENTICATED: "UNAUTHENTICATED",
    UNKNOWN: "UNKNOWN",
}
"""Those that a refusal may have, as people know them."""
_STATUSES: Final[Mapping[int, int]] = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    408: DEADLINE_EXCEEDED,
    409: ABORTED,
    413: RESOURCE_EXHAUSTED,
    415: INVALID_ARGUMENT,
    422: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    431: RESOURCE_EXHAUSTED,
    500: INTERNAL,
    501: UNIMPLEMENTED,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}
_MOST_RETRY_SECONDS: Final = 86_400


def speaks_grpc(request: RequestView) -> bool:
    """Whether who sent ``request`` reads answers of gRPC."""
    media_type = request.headers.get(b"content-type", b"").lower()
    return media_type == b"application/grpc" or media_type.startswith((b"application/grpc+", b"application/grpc;"))


def status_of(refusal: Refuse, request: RequestView) -> int:
    """The status of gRPC that says what ``refusal`` says."""
    if refusal.status == 404 and request.operation is UNROUTED:
        return UNIMPLEMENTED
    return _STATUSES.get(refusal.status, INVALID_ARGUMENT if refusal.status < 500 else UNKNOWN)


def refusal_fields(refusal: Refuse, status: int) -> tuple[tuple[bytes, bytes], ...]:
    """The fields of an answer that says ``refusal`` by ``status``: with the sentence, and the public code."""
    code = refusal.code.visible
    sentence = refusal.detail or code.title
    fields = [
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"%d" % status),
        (b"grpc-message", message_field(f"{sentence} ({code.name})")),
    ]
    for name, value in refusal.fields:
        fields.append((name, value))
        if name == b"retry-after" and value.isdigit():
            # Else clients that may try again would do so at once.
            milliseconds = min(int(value[:9]), _MOST_RETRY_SECONDS) * 1000
            fields.append((b"grpc-retry-pushback-ms", b"%d" % milliseconds))
    return tuple(fields)


def message_field(text: str) -> bytes:
    """``text`` as ``grpc-message`` has it: percent-encoded but for printable ASCII without ``%``."""
    return quote_from_bytes(text.encode(), safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~").encode()
