"""What a connection tells whoever serves its streams."""

from __future__ import annotations

import msgspec

from portcullis.engine.codes import Code
from portcullis.mounts.http1.fields import Fields
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.request_head import RequestHead


class RequestReceived(msgspec.Struct, frozen=True, gc=False):
    """A request has begun; ``ended``: it has no body."""

    stream_id: int
    head: RequestHead
    ended: bool


class BodyReceived(msgspec.Struct, frozen=True, gc=False):
    """More of a body, or its end. Its bytes are to be credited when they were used.

    ``trailers``: what followed a service's, with the end.
    """

    stream_id: int
    data: bytes
    ended: bool
    trailers: Fields | None = None


class RequestMalformed(msgspec.Struct, frozen=True, gc=False):
    """A request is to be refused with ``code``, a new one or one that has begun; its stream is not to go on."""

    stream_id: int
    code: Code
    detail: str


class StreamEnded(msgspec.Struct, frozen=True, gc=False):
    """A stream was reset with ``code``, by the peer or for a fault of its: nobody is there for it any more."""

    stream_id: int
    code: int


class AnswerReceived(msgspec.Struct, frozen=True, gc=False):
    """A service's answer has begun; ``ended``: it has no body."""

    stream_id: int
    head: ResponseHead
    ended: bool


class AnswerMalformed(msgspec.Struct, frozen=True, gc=False):
    """A service's answer can't be trusted; its stream was reset."""

    stream_id: int
    detail: str


class StreamUnserved(msgspec.Struct, frozen=True, gc=False):
    """The service will not look at a request: it may be sent elsewhere, whatever it is (RFC 9113 8.7)."""

    stream_id: int


class WindowsOpened(msgspec.Struct, frozen=True, gc=False):
    """More may be sent: on one stream, or (0) perhaps on all."""

    stream_id: int


class PingAnswered(msgspec.Struct, frozen=True, gc=False):
    """The client has read what was sent before our ping."""


class ConnectionEnded(msgspec.Struct, frozen=True, gc=False):
    """The connection is over for a fault of the peer's, who was told so by GOAWAY with ``code``."""

    code: ErrorCode
    detail: str


Event = (
    RequestReceived
    | BodyReceived
    | RequestMalformed
    | AnswerReceived
    | AnswerMalformed
    | StreamUnserved
    | StreamEnded
    | WindowsOpened
    | PingAnswered
    | ConnectionEnded
)
