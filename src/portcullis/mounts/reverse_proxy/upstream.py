"""One connection to a service: HTTP/1.1, one exchange at a time, kept between exchanges.

A connection belongs to its pool while idle and to a stream while busy. It parses the answer strictly, hands it
to the stream piece by piece, and goes back to the pool only if the answer ended where its framing said it would;
bytes after that end would be somebody else's answer, so such a connection is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from portcullis.engine.codes import (
    UPSTREAM_BAD_RESPONSE,
    UPSTREAM_CLOSED,
    UPSTREAM_TIMEOUT,
    UPSTREAM_TRUNCATED,
    Code,
)
from portcullis.mounts.forwarding import DROPPED_FROM_RESPONSES, FieldRenderer
from portcullis.mounts.http1.body import (
    LAST_CHUNK,
    BodyDecoder,
    ChunkedDecoder,
    LengthDecoder,
    UntilCloseDecoder,
    encode_chunk,
)
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.response_head import ResponseHead, parse_response_head
from portcullis.mounts.reverse_proxy.roles import Retriable, UpstreamUser

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.pool import UpstreamPool
    from portcullis.mounts.reverse_proxy.target import Target
    from portcullis.mounts.reverse_proxy.upstream_request import UpstreamRequest

_FOREVER_NS: Final = 2**62


class UpstreamConnection(asyncio.Protocol):
    """A connection to one target of a pool."""

    __slots__ = (
        "_buffer",
        "_chunked",
        "_decoder",
        "_head",
        "_method",
        "_pool",
        "_previous",
        "_renderer",
        "_request_ended",
        "_started_ns",
        "_turn",
        "_unsent",
        "blocked",
        "counted",
        "deadline",
        "idle_ns",
        "made",
        "on_switch",
        "reused",
        "target",
        "transport",
        "user",
        "whole_ns",
    )

    transport: asyncio.Transport

    def __init__(self, pool: UpstreamPool, target: Target, made: asyncio.Future[Any]) -> None:
        self._pool = pool
        self.target = target
        self.made = made
        self.counted = True  # among its target's open ones; not once it has come too late for who wanted it
        self.user: UpstreamUser | None = None
        self.reused = False
        self.deadline = 0
        self._buffer = b""
        self._head: ResponseHead | None = None
        self._previous: ResponseHead | None = None
        self._renderer = FieldRenderer(DROPPED_FROM_RESPONSES)
        self._decoder: BodyDecoder | None = None
        self._method = ""
        self._chunked = False
        self._request_ended = False
        self.blocked = False
        self._started_ns = 0
        self._turn = 0
        self._unsent = False
        self.idle_ns = pool.idle_ns
        self.whole_ns = pool.whole_ns
        self.on_switch: Callable[[ResponseHead, FieldRenderer, bytes], None] | None = None

    def __repr__(self) -> str:
        state = "idle" if self.user is None else "busy"
        return f"<UpstreamConnection {self.target.url} {state}{' reused' if self.reused else ''}>"

    # Used by the stream.

    def begin(self, user: UpstreamUser, request: UpstreamRequest, body: bytes, ended: bool, now: int) -> None:
        """Send a request: its head, and what there is of its body. ``now``: in nanoseconds."""
        self.user = user
        self._method = request.method
        self._request_ended = ended
        pool = self._pool
        self._started_ns = now
        self.deadline = now + (pool.first_byte_ns if ended else self.whole_ns)
        self._turn = pool.outbox.turns
        self._chunked = request.length is None
        start = f"{request.method} {request.target} HTTP/1.1\r\nhost: ".encode("latin-1")
        if self._chunked:
            end, body = b"transfer-encoding: chunked\r\n\r\n", _chunked(body, ended)
        else:
            end = b"\r\n"
        pool.outbox.write(self.transport, b"".join((start, request.host, b"\r\n", request.lines, end, body)))

    def send(self, data: bytes, ended: bool) -> None:
        """Send more of the request body. While the client still sends, the deadline is the client's."""
        self._request_ended = ended
        if ended:
            self._extend(self._pool.first_byte_ns)
        if self._chunked:
            data = _chunked(data, ended)
        if data:
            self._pool.outbox.write(self.transport, data)

    def prolong(self, idle_ns: int) -> None:
        """The answer may take as long as who asked for it lets it: after this one the connection is not used again."""
        self.idle_ns, self.whole_ns = idle_ns, _FOREVER_NS
        self._extend(idle_ns)

    def switch(self, protocol: asyncio.Protocol) -> None:
        """What comes from now on is for ``protocol``, which tells :meth:`connection_lost` when that is all over."""
        self.user = None
        self.deadline = 0
        self.transport.set_protocol(protocol)

    def abandon(self) -> None:
        """The stream has no use for it any more; the exchange is unfinished, so the connection ends."""
        self.user = None
        self.transport.abort()

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._pool.deadlines.add(self)
        if not self.made.done():
            self.made.set_result(self)

    def data_received(self, data: bytes) -> None:
        user = self.user
        if user is None:
            self.transport.abort()  # nobody asked for this: never let it answer the next request
            return
        if self._turn == self._pool.outbox.turns:
            # The request has not left yet, so this was sent before it: it is an answer to nothing.
            self._unsent = True
            self.transport.abort()
            return
        try:
            if self._head is None:
                self._receive_head(user, data)
            else:
                self._receive_body(user, data)
        except ProtocolError as error:
            self._fail(error.code, error.detail)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the client without an answer
            self.user = None
            self.transport.abort()
            user.crashed(error)

    def _receive_head(self, user: UpstreamUser, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        while True:
            head = parse_response_head(data, self._pool.max_header_bytes, self._method, self._previous)
            if head is None:
                self._buffer = data
                return
            if head.status >= 200:
                break
            if head.status == 101:
                if self.on_switch is None:
                    raise ProtocolError(UPSTREAM_BAD_RESPONSE, "it switched protocols, which was not asked for")
                self.on_switch(head, self._renderer, data[head.length :])
                return
            data = data[head.length :]
        self._head = self._previous = head
        self._buffer = b""
        rest = data[head.length :]
        if head.content_length == len(rest):
            self._end(user, head, [rest] if rest else [], first=True)
            return
        if head.chunked:
            self._decoder = ChunkedDecoder(UPSTREAM_BAD_RESPONSE)
        elif head.until_close:
            self._decoder = UntilCloseDecoder()
        else:
            self._decoder = LengthDecoder(head.content_length or 0)
        pieces = self._decoder.feed(rest)
        if self._decoder.done:
            self._end(user, head, pieces, first=True)
        else:
            self._extend(self.idle_ns)
            user.response(head, self._renderer, pieces, False)

    def _receive_body(self, user: UpstreamUser, data: bytes) -> None:
        decoder = self._decoder
        if decoder is None or self._head is None:
            raise ProtocolError(UPSTREAM_BAD_RESPONSE, "bytes after the end of the answer")
        pieces = decoder.feed(data)
        if decoder.done:
            self._end(user, self._head, pieces, first=False)
        else:
            self._extend(self.idle_ns)
            user.response_body(pieces, False)

    def _end(self, user: UpstreamUser, head: ResponseHead, pieces: list[bytes], *, first: bool) -> None:
        """The answer is whole. The connection is given back before the client is answered: it may ask again at once."""
        clean = self._decoder is None or not self._decoder.rest
        # One that has not taken the request yet can't tell its next user when to stop.
        prolonged = self.whole_ns != self._pool.whole_ns
        reusable = (
            head.keep_alive
            and not prolonged
            and self._request_ended
            and clean
            and not head.until_close
            and not self.blocked
        )
        self.user = None
        self._head = self._decoder = self.on_switch = None
        self.target.succeeded()
        if reusable:
            self.reused = True
            self._pool.give_back(self)
        elif self._request_ended and not self.transport.get_write_buffer_size():
            self.transport.close()
        else:  # also where the service does not take what is left of the request: it might never
            self.transport.abort()
        if first:
            user.response(head, self._renderer, pieces, True)
        else:
            user.response_body(pieces, True)

    def eof_received(self) -> bool:
        user, decoder = self.user, self._decoder
        self._unsent = self._turn == self._pool.outbox.turns
        if user is not None and self._head is not None and isinstance(decoder, UntilCloseDecoder):
            self._end(user, self._head, [], first=False)
        return False

    def handshake_failed(self, error: Exception) -> None:
        """TLS with the target failed; there will be no ``connection_made``."""
        if not self.made.done():
            self.made.set_exception(error)

    def discount(self) -> None:
        """It has come too late for who wanted it: it is not among its target's open ones."""
        self.counted = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.deadlines.discard(self)
        if self.counted:
            self._pool.lost(self)
        user = self.user
        if user is None:
            return
        self.user = None
        if exc is None and self._head is not None and isinstance(self._decoder, UntilCloseDecoder):
            user.response_body([], True)
            return
        if self._head is not None:
            self.target.failed()
            user.upstream_failed(UPSTREAM_TRUNCATED, "the answer broke off", retriable="no")
            return
        if not self.reused:
            self.target.failed()
        user.upstream_failed(UPSTREAM_CLOSED, "the connection was closed before an answer", retriable=self._retriable())

    def _retriable(self) -> Retriable:
        if self._buffer:
            return "no"
        if self._unsent or self._turn == self._pool.outbox.turns:
            return "unsent"
        return "unanswered" if self.reused else "no"

    def pause_writing(self) -> None:
        self.blocked = True
        if self.user is not None:
            self._extend(self.idle_ns)
            self.user.upstream_blocked(True)

    def resume_writing(self) -> None:
        self.blocked = False
        if self.user is not None:
            self._extend(self._pool.first_byte_ns if self._request_ended else self.whole_ns)
            self.user.upstream_blocked(False)

    def expire(self) -> None:
        """A deadline has passed: an idle connection is let go, a busy one has failed its exchange."""
        if self.user is None:
            self.transport.close()
        else:
            self._fail(UPSTREAM_TIMEOUT, "no answer within the time allowed")

    def pause_reading(self) -> None:
        """Take no more of the answer: the client is slower. The idle deadline is the client's meanwhile."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self.deadline = self._started_ns + self.whole_ns

    def resume_reading(self) -> None:
        """Go on taking the answer."""
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if self._head is not None:
            self._extend(self.idle_ns)
        else:
            self._extend(self._pool.first_byte_ns if self._request_ended else self.whole_ns)

    def _extend(self, by_ns: int) -> None:
        self.deadline = min(self._pool.deadlines.now() + by_ns, self._started_ns + self.whole_ns)

    def _fail(self, code: Code, detail: str) -> None:
        user, self.user = self.user, None
        self.target.failed()
        self.transport.abort()
        if user is not None:
            user.upstream_failed(code, detail, retriable="no")


def _chunked(data: bytes, ended: bool) -> bytes:
    """``data`` as it stands in a chunked body."""
    framed = encode_chunk(data)
    return framed + LAST_CHUNK if ended else framed
