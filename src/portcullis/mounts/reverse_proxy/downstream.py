"""A client's HTTP/1.1 connection: one stream at a time, the next request waits in the buffer.

The connection reads heads strictly, frames bodies, keeps the deadlines of the client's side, and ends in one of three
ways: kept for the next request, closed after the answer (``lingering``: what the client still sends is read and
thrown away for a moment, since closing at once would make TCP discard the answer), or broken off.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from portcullis.engine.codes import (
    EXPECTATION_FAILED,
    INTERNAL,
    REQUEST_TIMEOUT,
    UPGRADE_REFUSED,
    Code,
)
from portcullis.engine.decision import Refuse
from portcullis.engine.operation import UNROUTED
from portcullis.engine.request import RequestView
from portcullis.mounts.forwarding import (
    REMEMBERED_BYTES,
    Fields,
    end_to_end,
    forwarding_fields,
    is_trusted,
    plain_address,
    reported_client,
)
from portcullis.mounts.http1.body import LAST_CHUNK, BodyDecoder, ChunkedDecoder, LengthDecoder, encode_chunk
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.request_head import RequestHead, parse_request_head
from portcullis.mounts.request_fields import RequestFieldRenderer
from portcullis.mounts.reverse_proxy.redirect import https_required
from portcullis.mounts.reverse_proxy.roles import NO_BODY
from portcullis.mounts.reverse_proxy.stream import Stream

if TYPE_CHECKING:
    from portcullis.mounts.admission import Admission
    from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener

_log = logging.getLogger(__name__)

DRAINED_BODY: Final = 64 * 1024
LINGER_NS: Final = 2 * 10**9
PIPELINED: Final = 64 * 1024
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_STATUS_LINES: Final = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b"")) for status in range(200, 600)
}


class DownstreamConnection(asyncio.Protocol):
    """One connection of a client."""

    __slots__ = (
        "_admission",
        "_buffer",
        "_chunked_answer",
        "_client",
        "_decoder",
        "_dropping",
        "_expects_continue",
        "_forwarding",
        "_gateway",
        "_head",
        "_held",
        "_keep_alive",
        "_lingering",
        "_listener",
        "_peer",
        "_redirects",
        "_stream",
        "_trusted",
        "_writing_blocked",
        "deadline",
        "renderer",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, gateway: Gateway, listener: Listener, admission: Admission | None = None) -> None:
        self._gateway = gateway
        self._listener = listener
        self._admission = admission
        self._buffer = b""
        self._head: RequestHead | None = None
        self._decoder: BodyDecoder | None = None
        self._stream: Stream | None = None
        self._forwarding: tuple[bytes, bytes] = (b"", b"")
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

    def __repr__(self) -> str:
        state = "lingering" if self._lingering else "idle" if self._stream is None else "busy"
        return f"<DownstreamConnection {self._peer} {state}>"

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = self._client = plain_address(str(peer[0])) if peer else ""
        listener = self._listener
        self._trusted = bool(listener.trusted_proxies) and is_trusted(self._peer, listener.trusted_proxies)
        gateway = self._gateway
        if self._admission is not None and not self._admission.admit(self.transport):
            self.transport.abort()
            return
        self.deadline = gateway.deadlines.now() + listener.header_ns
        gateway.connections.add(self)
        gateway.deadlines.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        gateway = self._gateway
        gateway.connections.discard(self)
        gateway.deadlines.discard(self)
        if self._admission is not None:
            self._admission.release()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.client_gone()

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        stream = self._stream
        try:
            if stream is None and not self._writing_blocked:
                self._next_request(self._buffer + data if self._buffer else data)
            elif stream is not None and self._decoder is not None:
                self._receive_body(stream, self._decoder, data)
            else:
                self._buffer += data
                if len(self._buffer) > PIPELINED and not self._held:
                    self.transport.pause_reading()
                    self._held = True
        except Exception as error:  # noqa: BLE001 - a fault of ours must not look like one of the network
            self._crashed(error)

    def pause_writing(self) -> None:
        self._writing_blocked = True
        self.deadline = self._gateway.deadlines.now() + self._listener.body_ns
        if self._stream is not None:
            self._stream.client_blocked(True)

    def resume_writing(self) -> None:
        self._writing_blocked = False
        stream = self._stream
        if stream is None:
            if not self._lingering:
                self.hold_body(False)
                self._listen()
            return
        waits = self._decoder is not None and not self._held
        self.deadline = self._gateway.deadlines.now() + self._listener.body_ns if waits else 0
        stream.client_blocked(False)

    def expire(self) -> None:
        """A deadline of the client's side has passed."""
        stream = self._stream
        if stream is not None and not self._writing_blocked and not self._dropping:
            self._keep_alive = False
            stream.refuse(Refuse(REQUEST_TIMEOUT, "The request body did not arrive in time."))
        elif stream is not None or self._writing_blocked or self.transport.is_closing():
            self._abort()
        elif self._buffer.strip(b"\r\n") and not self._lingering:
            self._refuse_head(REQUEST_TIMEOUT, "The request head did not arrive in time.")
        else:
            self._close()

    # Reading requests.

    def _next_request(self, data: bytes) -> None:
        try:
            head = parse_request_head(data, self._listener.max_header_bytes, self._head)
        except ProtocolError as error:
            self._buffer = b""
            self._refuse_head(error.code, error.detail)
            return
        if head is None:
            if not self._buffer and data:
                self.deadline = self._gateway.deadlines.now() + self._listener.header_ns
            self._buffer = data
            return
        rest = data[head.length :]
        self._buffer = b""
        self.deadline = 0
        self._head = head
        self._keep_alive = head.keep_alive
        length = None if head.chunked else head.content_length
        fields: Fields = head.fields
        headers = head.headers
        if b"connection" in headers:
            fields, headers = end_to_end(fields, headers)
        request = RequestView(
            head.method,
            head.target,
            fields,
            headers,
            self._scheme(head) if self._trusted else self._listener.scheme,
            self._reported_client(head) if self._trusted else self._peer,
            length != 0,
            UNROUTED,
            head.host,
        )
        stream = self._stream = Stream.of(self._gateway, self, request, length)
        if (head.upgrade or self._redirects or b"expect" in headers) and (refusal := self._refusal(head)):
            self._keep_alive = False
            stream.refuse(refusal)
        elif length == 0:
            self._decoder = None
            self._buffer = rest
            stream.start(b"", True)
        elif length is not None and len(rest) >= length:
            self._decoder = None
            self._buffer = rest[length:]
            stream.start(rest[:length], True)
        else:
            self._start_with_body(stream, ChunkedDecoder() if length is None else LengthDecoder(length), rest, head)

    def _refusal(self, head: RequestHead) -> Refuse | None:
        """What this listener does not offer, whatever the engine would say."""
        if self._listener.redirect_port is not None:
            return https_required(head, self._listener.redirect_port)
        if head.upgrade:
            return Refuse(UPGRADE_REFUSED)
        if b"expect" in head.headers and not head.expect_continue:
            return Refuse(EXPECTATION_FAILED)
        return None

    def _start_with_body(self, stream: Stream, decoder: BodyDecoder, rest: bytes, head: RequestHead) -> None:
        self._decoder = decoder
        self.deadline = self._gateway.deadlines.now() + self._listener.body_ns
        try:
            pieces = decoder.feed(rest)
        except ProtocolError as error:
            self._keep_alive = False
            stream.refuse(Refuse(error.code, error.detail))
            return
        self._expects_continue = head.expect_continue and head.minor == 1 and not rest
        if decoder.done:
            self._body_ended(decoder)
        stream.start(b"".join(pieces), self._decoder is None)

    def _receive_body(self, stream: Stream, decoder: BodyDecoder, data: bytes) -> None:
        self._expects_continue = False
        try:
            pieces = decoder.feed(data)
        except ProtocolError as error:
            self._keep_alive = False
            stream.refuse(Refuse(error.code, error.detail))
            return
        if self._dropping:
            if decoder.done:
                self._dropping = False
                self._body_ended(decoder)
                self._stream = None
                self._listen()
        elif decoder.done:
            self._body_ended(decoder)
            stream.receive_body(pieces, True)
        else:
            self.deadline = self._gateway.deadlines.now() + self._listener.body_ns
            stream.receive_body(pieces, False)

    def _body_ended(self, decoder: BodyDecoder) -> None:
        self._decoder = None
        self._buffer = decoder.rest
        if not self._writing_blocked:
            self.deadline = 0

    def _scheme(self, head: RequestHead) -> str:
        """The scheme the client used, as a trusted proxy reports it."""
        reported = head.headers.get(b"x-forwarded-proto")
        return reported.decode() if reported in (b"http", b"https") else self._listener.scheme

    def _reported_client(self, head: RequestHead) -> str:
        return reported_client(head.headers, self._peer, self._listener.trusted_proxies)

    # What the stream asks for.

    def forwarding_fields(self) -> bytes:
        """The fields that tell the service who the client is; kept as long as the client asks for the same host."""
        head, stream = self._head, self._stream
        if head is None or stream is None:
            return b""
        host = head.headers.get(b"host", b"")
        if self._trusted:
            request = stream.exchange.request
            return forwarding_fields(request.client, host, request.scheme)
        if self._forwarding[0] != host or not self._forwarding[1]:
            self._forwarding = (host, forwarding_fields(self._peer, host, self._listener.scheme))
        return self._forwarding[1]

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

    def answer_body(self, pieces: list[bytes], ended: bool) -> None:
        """Send more of the body."""
        data = b"".join(pieces)
        if self._chunked_answer:
            data = encode_chunk(data) if data else b""
            if ended:
                data += LAST_CHUNK
        if data:
            self._gateway.outbox.write(self.transport, data)
        if ended:
            self._answered()

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
        # A client that does not take its answers asks for no more: they would all have to be held.
        if self._writing_blocked or self._stream is not None or not self._buffer or self.transport.is_closing():
            return
        data, self._buffer = self._buffer, b""
        try:
            self._next_request(data)
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crashed(error)

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

    def _refuse_head(self, code: Code, detail: str) -> None:
        """Answer bytes that are no request; the connection can't be trusted after that (RFC 9112 9.6)."""
        self._keep_alive = False
        self._head = None
        request = RequestView("", "", (), {}, scheme=self._listener.scheme, client=self._peer)
        stream = self._stream = Stream.of(self._gateway, self, request, 0)
        stream.refuse(Refuse(code, detail))

    def _crashed(self, error: Exception) -> None:
        """Something of ours failed: answer so if nothing was answered yet, and trust this connection no more."""
        self._keep_alive = False
        try:
            if self._stream is not None:
                self._stream.crashed(error)
            else:
                self._refuse_head(INTERNAL, "")
        except Exception:  # noqa: BLE001 - then there is only one thing left to do
            _log.exception("%r could not answer", self)
        if not self._lingering:
            self._abort()

    def drain(self) -> None:
        """The worker is about to stop: close if idle, otherwise after the answer."""
        if self._stream is None and not self._buffer:
            self._close()
