"""The writing half of a client's connection: answers, and how the connection ends.

It ends in one of three ways: kept for the next request, closed after the answer (``lingering``: what the client still
sends is read and thrown away for a moment, since closing at once would make TCP discard the answer), or broken off.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from portcullis.mounts.forwarding import REMEMBERED_BYTES
from portcullis.mounts.http1.body import LAST_CHUNK, BodyDecoder, LengthDecoder, encode_chunk
from portcullis.mounts.http1.request_head import RequestHead
from portcullis.mounts.request_fields import RequestFieldRenderer
from portcullis.mounts.reverse_proxy.roles import NO_BODY
from portcullis.mounts.reverse_proxy.stream import Stream

if TYPE_CHECKING:
    from portcullis.mounts.admission import Admission
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener
    from portcullis.mounts.reverse_proxy.peer import Peer

DRAINED_BODY: Final = 64 * 1024
LINGER_NS: Final = 2 * 10**9
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES: Final = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b"")) for status in range(200, 600)
}


class AnswerWriter(asyncio.Protocol):
    """A connection of a client, as far as it is written to."""

    __slots__ = (
        "_admission",
        "_buffer",
        "_chunked_answer",
        "_decoder",
        "_dropping",
        "_expects_continue",
        "_gateway",
        "_head",
        "_held",
        "_keep_alive",
        "_lingering",
        "_listener",
        "_redirects",
        "_stream",
        "_writing_blocked",
        "buffers",
        "deadline",
        "peer",
        "renderer",
        "transport",
    )

    transport: asyncio.Transport
    peer: Peer

    def __init__(self, gateway: Gateway, listener: Listener, admission: Admission | None = None) -> None:
        self._gateway = gateway
        self.buffers: Buffers = gateway.buffers
        self._listener = listener
        self._admission = admission
        self._buffer = b""
        self._head: RequestHead | None = None
        self._decoder: BodyDecoder | None = None
        self._stream: Stream | None = None
        self._expects_continue = False
        self._keep_alive = True
        self._chunked_answer = False
        self._redirects = listener.redirect_port is not None
        self._lingering = False
        self._dropping = False
        self._held = False
        self._writing_blocked = False
        self.deadline = 0
        self.renderer = RequestFieldRenderer()

    def expect_body(self) -> None:
        """Ask a client that waits for it to send its body."""
        if self._expects_continue:
            self._expects_continue = False
            self._gateway.outbox.write(self.transport, CONTINUE)

    def hold_body(self, held: bool) -> None:
        """Stop or go on reading."""
        if held == self._held or self.transport.is_closing():
            return
        self._held = held
        if held:
            self.transport.pause_reading()
            self.deadline = 0
        else:
            self.transport.resume_reading()
            if self._decoder is not None:
                self.deadline = self._gateway.deadlines.now() + self._listener.body_ns

    def answer(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, ended: bool) -> None:
        """Send an answer's head and the beginning of its body."""
        head = self._head
        old_client = head is None or head.minor == 0
        keep_alive = self._keep_alive and not self._gateway.draining and (self._decoder is None or self._can_keep())
        self._chunked_answer = False
        if length is None:
            if old_client:
                keep_alive = False
            else:
                self._chunked_answer = True
                fields += b"transfer-encoding: chunked\r\n"
                body = encode_chunk(body) if body else b""
                if ended:
                    body += LAST_CHUNK
        elif length != NO_BODY:
            fields += b"content-length: %d\r\n" % length
        if not keep_alive:
            fields += b"connection: close\r\n"
        elif old_client:
            fields += b"connection: keep-alive\r\n"
        self._keep_alive = keep_alive
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d %b\r\n" % (status, reason)
        self._gateway.outbox.write(self.transport, b"".join((line, fields, b"\r\n", body)))
        if ended:
            self._answered()
        elif self._writing_blocked and self._stream is not None:
            self._stream.client_blocked(True)  # which it could not pass on before it had a connection

    def answer_body(self, pieces: list[bytes], ended: bool, trailers: bytes = b"") -> None:  # noqa: ARG002
        """Send more of the body. Trailers end here: few clients of HTTP/1.1 know what to do with them."""
        data = b"".join(pieces)
        if self._chunked_answer:
            data = encode_chunk(data) if data else b""
            if ended:
                data += LAST_CHUNK
        if data:
            self._gateway.outbox.write(self.transport, data)
        if ended:
            self._answered()

    def prolong(self, idle_ns: int) -> None:
        """Nothing: what goes on in both directions for long comes by HTTP/2."""

    def break_off(self) -> None:
        """End the connection so that the client notices that the answer is cut."""
        self._abort()

    def _can_keep(self) -> bool:
        """Whether what the client still has to send of its request is little enough to be read and dropped."""
        decoder = self._decoder
        return isinstance(decoder, LengthDecoder) and decoder.remaining <= DRAINED_BODY and not self._expects_continue

    def _answered(self) -> None:
        """The answer is written: keep the connection, or close it."""
        if not self._keep_alive:
            self._stream = None
            if self._decoder is None:
                self._close()
            else:
                self._linger()
            return
        if self._held:
            self.hold_body(False)
        if self._decoder is None:
            self._stream = None
            self._listen()
        else:
            self._dropping = True
            self.deadline = self._gateway.deadlines.now() + self._listener.body_ns

    def _listen(self) -> None:
        """Wait for the next request, or start with it if it is here already."""
        if self._head is not None and self._head.length > REMEMBERED_BYTES:
            self._head = None  # an idle connection must stay small
            self.renderer.forget()
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._next_buffered)
        else:
            self.deadline = self._gateway.deadlines.now() + self._listener.idle_ns

    def _next_buffered(self) -> None:
        """Start with the request that is here already."""
        raise NotImplementedError

    def _close(self) -> None:
        """Close once everything is sent; a client that does not take it is cut off at the deadline."""
        self._gateway.outbox.close(self.transport)
        self._lingering = True
        self.deadline = self._gateway.deadlines.now() + self._listener.body_ns

    def _abort(self) -> None:
        """Close now, whatever is unsent; the stream is told at once, so that it writes no more."""
        self.transport.abort()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.client_gone()

    def _linger(self) -> None:
        self._lingering = True
        self._decoder = None
        self._buffer = b""
        self.deadline = self._gateway.deadlines.now() + LINGER_NS
        if self._held:
            self.hold_body(False)
        self._gateway.outbox.flush()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def retire(self) -> None:
        """The next generation serves. HTTP/1.1 has no way to say so before the next answer does."""

    def drain(self) -> None:
        """The worker is about to stop: close if idle, otherwise after the answer."""
        if self._stream is None and not self._buffer:
            self._close()
        elif self._stream is not None:
            self._stream.drain()
