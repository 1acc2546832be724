"""TLS as a layer of our own over ``ssl.MemoryBIO``: bytes in, bytes out, and a protocol above that sees plain text.

The layer stands between a transport and an application protocol, and is a transport to the latter. Owning
the bytes keeps an idle connection small, makes closing and errors ours, and lets other bytes come before the
handshake later (a PROXY header, a look at the ClientHello).

Only a peer that has said so (``close_notify``) has ended: a connection that just closes may have been cut by somebody
on the way, so the application learns of an error, and never of an end (RFC 8446 6.1, RFC 9112 9.8).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from portcullis.mounts.admission import Admission
from portcullis.mounts.client_certificates import CLIENT_CERTIFICATE, ClientCertificates, ListenerContext
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.judging_context import JudgingContext, RefusedCertificateError, UndecidedCertificateError
from portcullis.mounts.short_wait import ShortWait
from portcullis.mounts.upstream_tls import no_password

if TYPE_CHECKING:
    from portcullis.engine.peer_certificate import PeerCertificate

_NOBODY: Final = asyncio.Protocol()
_RECORD: Final = 16 * 1024
_RECORD_HEADER: Final = 5
_HANDSHAKE_RECORD: Final = 22
_MAY_WAIT: Final = 1024
_UNREAD: Final = 64 * 1024
"""Bytes that a peer has not taken, at which it gets no more answers to key updates: we would hold any number."""
_PROBLEM: Final = b'{"type":"about:blank","title":"This port speaks TLS: use https","status":400}'
_TO_PLAIN_HTTP: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_PROBLEM), _PROBLEM)
)
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(
    certificate: str | None,
    key: str | None,
    asked: ClientCertificates | None = None,
    *,
    modern: bool = False,
    protocols: Sequence[str] = ("http/1.1",),
) -> ListenerContext:
    """A context for a listener: TLS 1.2 and 1.3, forward secrecy, no renegotiation, no compression.

    ``certificate`` and ``key`` are paths of PEM files; without them handshakes fail until another context takes over.
    ``asked``: what is asked of client certificates, if they are asked for; ``modern``: TLS 1.3 only; ``protocols``:
    what is spoken, by names of ALPN, the preferred first. Raises ``OSError`` or ``ssl.SSLError``. Contexts made before
    a fork share their session ticket keys among the workers.
    """
    context = ListenerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if modern else ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(_CIPHERS)
    context.num_tickets = 1  # OpenSSL sends two, each of which is a tenth of what a handshake costs
    context.set_alpn_protocols(list(protocols))
    if certificate is not None:
        context.load_cert_chain(certificate, key, password=no_password)
    if asked is not None:
        context.ask(asked)
    return context


class TlsLayer(asyncio.Protocol, asyncio.Transport):
    """One TLS connection. ``connection_made`` of the application comes when the handshake is done.

    ``handshake_ns``: nanoseconds the handshake may take; ``admission``: the connection's place under its listener's
    caps; ``failed`` is told, once, why a handshake failed: then the application never hears of the connection.
    ``soon``: what lets a server's session ticket wait for the first answer; without it the ticket goes at once.
    ``certificate`` is the client's, once it has shaken hands, where the context asks for one. What OpenSSL keeps for a
    handshake, 40 KiB, is made when the first record of a client's has come: who says nothing costs little.
    """

    __slots__ = (
        "_admission",
        "_application",
        "_context",
        "_deadlines",
        "_error",
        "_failed",
        "_handshake_ns",
        "_heard",
        "_hello",
        "_incoming",
        "_inquiry",
        "_object",
        "_outgoing",
        "_soon",
        "_transport",
        "_wrap",
        "certificate",
        "deadline",
        "established",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        application: asyncio.Protocol,
        deadlines: Deadlines,
        handshake_ns: int,
        *,
        server_side: bool,
        server_hostname: str | None = None,
        admission: Admission | None = None,
        failed: Callable[[Exception], None] | None = None,
        soon: ShortWait | None = None,
    ) -> None:
        self._admission = admission
        self._failed = failed
        self._soon = soon
        self._heard = False
        self._context = context if isinstance(context, JudgingContext) and context.judges else None
        self.certificate: PeerCertificate | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object: ssl.SSLObject
        self._wrap: Callable[..., ssl.SSLObject] | None = partial(
            context.wrap_bio, server_side=server_side, server_hostname=server_hostname
        )
        self._hello = bytearray() if server_side else None
        self._inquiry: asyncio.Task[None] | None = None
        self._application = application
        self._deadlines = deadlines
        self._handshake_ns = handshake_ns
        self._transport: asyncio.Transport
        self._error: Exception | None = None
        self.deadline = 0
        self.established = False

    # As a protocol, towards the network.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, if there is a place for the connection."""
        self._transport = cast("asyncio.Transport", transport)
        if self._admission is not None and not self._admission.admit(self._transport):
            self._transport.abort()
            return
        self.deadline = self._deadlines.now() + self._handshake_ns
        self._deadlines.add(self)
        if self._hello is None:
            self._handshake()

    def expire(self) -> None:
        """The handshake took too long."""
        self._report(TimeoutError("the TLS handshake took too long"))
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or hand the application what was encrypted."""
        if self._transport.is_closing():
            return
        if self._hello is not None:
            self._hello += data
            if _is_begun(self._hello):
                return
            data, self._hello = bytes(self._hello), None
        self._incoming.write(data)
        if not self.established and self._inquiry is None:
            self._handshake()
        if self.established:
            self._read()

    def eof_received(self) -> bool:
        """The connection ends, and TLS has not said that it would: :meth:`connection_lost` follows."""
        self._error = self._error or ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "closed without close_notify")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever has to know, and give the place back whatever they do."""
        error = exc or self._error
        self._deadlines.discard(self)
        if self._inquiry is not None:
            self._inquiry.cancel()
        try:
            if self.established:
                self._application.connection_lost(error)
            else:
                self._report(error or ConnectionResetError("closed during the TLS handshake"))
        finally:
            self._application = _NOBODY  # which has this layer as its transport: both would wait for the collector
            if self._admission is not None:
                self._admission.release()

    def pause_writing(self) -> None:
        """Pass it on, to an application that can write."""
        if self.established:
            self._application.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on, to an application that can write."""
        if self.established:
            self._application.resume_writing()

    async def _inquire(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Find out about the peer's certificate, and go on; what could not be found out is unknown."""
        try:
            await ask()
        finally:
            self._inquiry = None
            if not self._transport.is_closing():
                self._transport.resume_reading()
                self._handshake(asked=True)
                if self.established:
                    self._read()

    def _handshake(self, *, asked: bool = False) -> None:
        if self._wrap is not None:
            self._object = self._wrap(self._incoming, self._outgoing)
            self._wrap = None
        try:
            self._object.do_handshake()
            if self._context is not None:
                self.certificate = self._context.judge(self._object, time.time(), asked=asked)
        except ssl.SSLWantReadError:
            self._flush()
            return
        except UndecidedCertificateError as undecided:
            self._flush()
            self._transport.pause_reading()  # what the client says already must not be held here
            self._inquiry = asyncio.get_running_loop().create_task(self._inquire(undecided.ask))
            return
        except (ssl.SSLError, RefusedCertificateError) as error:
            self._error = error.with_traceback(None)  # which would keep this very object alive
            self._flush()
            if getattr(error, "reason", None) == "HTTP_REQUEST":
                self._transport.write(_TO_PLAIN_HTTP)
            self._transport.close()
            self._report(self._error)
            return
        if self._soon is not None and self._ticket_may_wait():
            self._soon.add(self._send_ticket)
        else:
            self._flush()
        self.established = True
        self._deadlines.discard(self)
        self._application.connection_made(self)

    def _ticket_may_wait(self) -> bool:
        """Whether all there is to send is a session ticket: it goes with the first answer, which saves a write.

        A server of TLS 1.3 has nothing else to say when the handshake is done (RFC 8446 4.6.1).
        """
        connection = self._object
        return connection.server_side and connection.version() == "TLSv1.3" and self._outgoing.pending <= _MAY_WAIT

    def _send_ticket(self) -> None:
        """Send it, unless there is to be an answer.

        Where nobody asks, the kernel may hold back for 40 ms that the end of the handshake has come, and a client whose
        kernel holds small segments back until it is told so (RFC 9293 3.7.4) could not ask before.
        """
        if not self._heard and not self._transport.is_closing():
            self._flush()

    def _read(self) -> None:
        read = self._object.read
        pieces = []
        ended = False
        try:
            while self._incoming.pending and not ended:  # one read more would raise, which takes as long as a record
                if piece := read(_RECORD):
                    pieces.append(piece)
                else:
                    ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            self._error = error.with_traceback(None)
        if self._error is not None or self._outgoing.pending > _MAY_WAIT:  # an answered KeyUpdate can wait
            if self._transport.get_write_buffer_size() > _UNREAD:
                self._error = self._error or ssl.SSLError("too many key updates, whose answers are not read")
            self._flush()
        if pieces:
            self._heard = True
            self._application.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._error is not None:
            self._transport.abort()
        elif ended and not self._transport.is_closing():
            self._application.eof_received()
            self.close()

    def _report(self, error: Exception) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._transport.write(data)

    # As a transport, towards the application.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another application takes over; it is told by whoever hands over."""
        self._application = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The application."""
        return self._application

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send; dropped once the connection is closing."""
        if self._transport.is_closing():
            return
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            self._error = error.with_traceback(None)
            self._transport.abort()
            return
        self._transport.write(self._outgoing.read())

    def close(self) -> None:
        """Say that nothing more comes (``close_notify``) and close, without waiting for the peer to say so too."""
        if self._transport.is_closing():
            return
        if self.established:
            with contextlib.suppress(ssl.SSLError):
                self._object.unwrap()
            self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Break the connection off; the peer can tell that it was not ended."""
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """No: what follows ``close_notify`` would be read by nobody."""
        return False

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Take nothing more from the network."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on taking."""
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known about the connection: ``ssl_object``, its TLS, ``client_certificate``, what it proved."""
        if name == "ssl_object":
            return self._object
        if name == CLIENT_CERTIFICATE:
            return self.certificate
        return self._transport.get_extra_info(name, default)


def _is_begun(hello: bytearray) -> bool:
    """Whether a client's first record has begun and is still to end (RFC 8446 5.1)."""
    if hello[0] != _HANDSHAKE_RECORD:
        return False  # OpenSSL knows what it is
    return len(hello) < _RECORD_HEADER or len(hello) < min(
        _RECORD_HEADER + int.from_bytes(hello[3:_RECORD_HEADER]), _RECORD
    )
