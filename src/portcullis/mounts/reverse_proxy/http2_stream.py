"""One stream of a client's HTTP/2 connection: the ``Downstream`` of its exchange, with deadlines of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.codes import REQUEST_TIMEOUT, Code
from portcullis.engine.decision import Refuse
from portcullis.engine.request import RequestView
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.reverse_proxy.http2_sender import Http2Sender
from portcullis.mounts.reverse_proxy.roles import NO_BODY
from portcullis.mounts.reverse_proxy.stream import Stream

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.http2_writer import Http2Writer


class Http2Stream(Http2Sender):
    """An exchange on its way over a connection that others share. ``deadline``: in nanoseconds, 0 for none."""

    __slots__ = (
        "_body_ns",
        "_connection",
        "_expects_continue",
        "_held",
        "_receives",
        "_trailers",
        "_unused",
        "_watched",
        "deadline",
        "exchange",
        "peer",
        "renderer",
    )

    def __init__(self, connection: Http2Writer, number: int, request: RequestView, length: int | None) -> None:
        super().__init__(connection, number)
        self._connection = connection
        self._body_ns = connection.body_ns
        self.peer = connection.peer
        self.renderer = connection.renderer
        self.buffers = connection.buffers
        self.exchange = Stream.of(connection.gateway, self, request, length)
        self._expects_continue = False
        self._held = False
        self._receives = False  # a body, whose end is still to come
        self._unused = 0  # bytes of it that the client was not credited
        self._watched = False
        self._trailers = b""
        self.deadline = 0

    def __repr__(self) -> str:
        return f"<Http2Stream {self.number}>"

    # From the client.

    def start(self, body: bytes, *, ended: bool, expects_continue: bool = False) -> None:
        """The request has come, and ``body`` with it."""
        if not ended:
            self._receives = True
            self._expects_continue = expects_continue
            self._wait(self._body_ns)
        self._used(len(body))
        self.exchange.start(body, ended)

    def receive(self, data: bytes, *, ended: bool) -> None:
        """More of the body has come."""
        self._expects_continue = False
        if ended:
            self._receives = False
            if self._queue is None:
                self.deadline = 0
        elif not self._held:
            self._wait(self._body_ns)
        self._unused += len(data)
        self.exchange.receive_body([data], ended)
        if not self._held:
            self._credit()

    def refuse(self, code: Code, detail: str) -> None:
        """The client breaks the rules of this stream: it is reset, after an answer if there was none yet."""
        self._receives = False
        if self.exchange.answered:
            self._release()
            self._connection.drop(self, ErrorCode.PROTOCOL_ERROR)
        self.exchange.refuse(Refuse(code, detail))

    def client_gone(self) -> None:
        """Nobody waits for an answer any more."""
        self._release()
        self.exchange.client_gone()

    def expire(self) -> None:
        """The client has not sent, or not taken, enough in time."""
        if self._queue is not None:
            self._connection.drop(self, ErrorCode.CANCEL)
            self.client_gone()
        else:
            self.exchange.refuse(Refuse(REQUEST_TIMEOUT, "The request body did not arrive in time."))

    # What the exchange asks for.

    def expect_body(self) -> None:
        """Ask a client that waits for it to send its body."""
        if self._expects_continue:
            self._expects_continue = False
            self._connection.send_head(self, 100, b"", ended=False)

    def hold_body(self, held: bool) -> None:
        """Give the client no credit for more of the body, or go on giving it."""
        if held == self._held:
            return
        self._held = held
        if held:
            if self._queue is None:
                self.deadline = 0
            return
        if self._receives and self._queue is None:
            self._wait(self._body_ns)
        self._credit()

    def prolong(self, idle_ns: int) -> None:
        """The request body, and the taking of the answer, may be as slow as this."""
        self._body_ns = idle_ns
        if self.deadline:
            self._wait(idle_ns)

    def answer(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, ended: bool) -> None:
        """Send an answer's head and the beginning of its body."""
        del reason  # HTTP/2 has none
        if length is not None and length != NO_BODY:
            fields += b"content-length: %d\r\n" % length
        only_head = ended and not body
        self._connection.send_head(self, status, fields, ended=only_head)
        if only_head:
            self._finished()
        elif body:
            self._send(body, ended=ended)

    def answer_body(self, pieces: list[bytes], ended: bool, trailers: bytes = b"") -> None:
        """Send more of the body; ``trailers``: fields that follow its end."""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._trailers = trailers
        if data or ended:
            self._send(data, ended=ended)

    def _put(self, data: bytes, *, ended: bool) -> None:
        if not ended or not self._trailers:
            super()._put(data, ended=ended)
            return
        if data:
            super()._put(data, ended=False)
        self._connection.send_trailers(self, self._trailers)

    def break_off(self) -> None:
        """End the stream so that the client notices that the answer is cut."""
        self._release()
        self._connection.drop(self, ErrorCode.INTERNAL_ERROR)

    # Sending, as far as the client takes it.

    def _sent(self) -> None:
        self._finished()

    def _held_back(self, *, ended: bool) -> None:
        self._wait(self._body_ns)
        if not ended:  # else the connection to the service is somebody else's already
            self.exchange.client_blocked(True)

    def _taken_up(self) -> None:
        self.deadline = 0
        if self._receives and not self._held:
            self._wait(self._body_ns)
        self.exchange.client_blocked(False)

    def _moved(self) -> None:
        self._wait(self._body_ns)

    def _overflowed(self) -> None:
        self.exchange.refuse(self.buffers.full())
        self.break_off()

    # Ending.

    def _finished(self) -> None:
        """The answer is whole."""
        self._release()
        self._connection.finished(self)

    def _release(self) -> None:
        """Hold nothing, and wait for nothing."""
        self.deadline = 0
        if self._watched:
            self._watched = False
            self._connection.gateway.deadlines.discard(self)
        self._drop_held()
        self._credit()

    def _wait(self, time_ns: int) -> None:
        deadlines = self._connection.gateway.deadlines
        self.deadline = deadlines.now() + time_ns
        if not self._watched:
            self._watched = True
            deadlines.add(self)

    def _used(self, count: int) -> None:
        self._unused += count
        if not self._held:
            self._credit()

    def _credit(self) -> None:
        if self._unused:
            self._connection.credit(self.number, self._unused)
            self._unused = 0
