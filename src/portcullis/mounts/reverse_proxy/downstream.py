"""A client's HTTP/1.1 connection: one stream at a time, the next request waits in the buffer.

The connection reads heads strictly, frames bodies, and keeps the deadlines of the client's side. How it answers and
ends is its other half, :mod:`portcullis.mounts.reverse_proxy.answer_writer`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, cast

from portcullis.engine.codes import (
    EXPECTATION_FAILED,
    INTERNAL,
    REQUEST_TIMEOUT,
    UPGRADE_REFUSED,
    Code,
)
from portcullis.engine.decision import Answer, Refuse
from portcullis.engine.request import RequestView
from portcullis.mounts.forwarding import Fields, end_to_end
from portcullis.mounts.http1.body import BodyDecoder, ChunkedDecoder, LengthDecoder
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.request_head import RequestHead, parse_request_head
from portcullis.mounts.reverse_proxy.answer_writer import AnswerWriter
from portcullis.mounts.reverse_proxy.peer import Peer
from portcullis.mounts.reverse_proxy.redirect import https_required
from portcullis.mounts.reverse_proxy.stream import Stream
from portcullis.mounts.reverse_proxy.websocket_stream import WebSocketStream

_log = logging.getLogger(__name__)

PIPELINED: Final = 64 * 1024


class DownstreamConnection(AnswerWriter):
    """One connection of a client."""

    __slots__ = ()

    def __repr__(self) -> str:
        state = "lingering" if self._lingering else "idle" if self._stream is None else "busy"
        return f"<DownstreamConnection {self.peer.address} {state}>"

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer = peer = Peer(transport, self._listener)
        gateway = self._gateway
        self.buffers = gateway.buffers_of(peer)
        if self._admission is not None and not self._admission.admit(self.transport):
            self.transport.abort()
            return
        self.deadline = gateway.deadlines.now() + self._listener.header_ns
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
        request = self.peer.request(head, fields, headers, has_body=length != 0)
        kind = Stream
        if head.upgrade and length == 0 and head.headers.get(b"upgrade", b"").lower() == b"websocket":
            request.upgrades = True
            self._keep_alive = False  # what follows a refused handshake may be frames, and is no request
            kind = WebSocketStream
        stream = self._stream = kind.of(self._gateway, self, request, length)
        if (head.upgrade or self._redirects or b"expect" in headers) and (refusal := self._refusal(head, stream)):
            self._keep_alive = False
            stream.end(refusal)
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

    def _refusal(self, head: RequestHead, stream: Stream) -> Refuse | Answer | None:
        """What this listener does not offer, whatever the engine would say; and what a redirector answers itself."""
        if self._listener.redirect_port is not None:
            challenged = self._gateway.challenges.answer(head.method, head.target)
            if challenged is not None:
                return challenged
            clear_text = self._gateway.snapshot.clear_text
            return https_required(head, self._listener.redirect_port, stream.exchange, clear_text)
        if head.upgrade and not stream.exchange.request.upgrades:
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

    # What the stream asks for.

    def switch(self, protocol: asyncio.Protocol) -> bytes:
        """What comes from now on is for ``protocol``; gives what has come of it already."""
        data, self._buffer = self._buffer, b""
        self.deadline = 0
        self.transport.set_protocol(protocol)
        self.hold_body(False)
        return data

    def _next_buffered(self) -> None:
        # A client that does not take its answers asks for no more: they would all have to be held.
        if self._writing_blocked or self._stream is not None or not self._buffer or self.transport.is_closing():
            return
        data, self._buffer = self._buffer, b""
        try:
            self._next_request(data)
        except Exception as error:  # noqa: BLE001 - as in data_received
            self._crashed(error)

    def _refuse_head(self, code: Code, detail: str) -> None:
        """Answer bytes that are no request; the connection can't be trusted after that (RFC 9112 9.6)."""
        self._keep_alive = False
        self._head = None
        request = RequestView("", "", (), {}, scheme=self._listener.scheme, client=self.peer.address)
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
