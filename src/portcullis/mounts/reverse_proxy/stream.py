"""One request and its answer on their way through the proxy, whatever protocol the client speaks.

The stream is a small machine. Towards the client it needs a ``Downstream``, towards the service it is the
``UpstreamUser`` of a connection (both in ``roles.py``).

    deciding   the engine routes and runs the head steps
    buffering  a body step needs the whole body, which is arriving
    waiting    for a connection to the service; what of the body arrives meanwhile is held
    sending    request and answer flow; each side may end first; what streams is scanned before it is sent on
    checking   a response step needs the whole answer, which is arriving
    settling   a response step that needs it waits for what it has asked
    done       answered or given up; nothing may happen any more

Here is its half until the request is sent; that of the answer is :mod:`portcullis.mounts.reverse_proxy.answering`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Self

from portcullis.engine.codes import BODY_TOO_LARGE, CLIENT_ABORTED, Code
from portcullis.engine.decision import Answer, Finding, Refuse
from portcullis.engine.exchange import End, Exchange
from portcullis.engine.facts import UNREAD
from portcullis.engine.operation import Operation
from portcullis.engine.request import RequestView
from portcullis.engine.target import TargetError, read_target
from portcullis.mounts.reverse_proxy.answering import DECISION_SECONDS, Answering
from portcullis.mounts.reverse_proxy.first_reading import FirstReading
from portcullis.mounts.reverse_proxy.roles import Downstream, Retriable
from portcullis.mounts.reverse_proxy.upstream_request import upstream_request
from portcullis.mounts.trace import trace_context

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.roles import ServiceConnection

HELD_BODY: Final = 64 * 1024
# The state of a trace that is not continued says nothing about the new one (W3C Trace Context 3.3).
_TRACE_STATE: Final = frozenset({b"tracestate"})
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class Stream(Answering, eq=False, kw_only=True):
    """One exchange.

    ``_trace``: the ``traceparent`` to send on, where the client's trace is continued; ``_length``: the request body's
    announced length in bytes, ``None`` if it is chunked; ``_ended``: all of it has come.
    """

    _trace: bytes
    _length: int | None
    _ended: bool
    _buffering: bool = False
    _retried: bool = False

    @classmethod
    def of(cls, gateway: Gateway, downstream: Downstream, request: RequestView, length: int | None) -> Self:
        """The stream of a request that has just arrived."""
        request_id = gateway.identifiers.next()
        headers = request.headers
        trace_id, trace = request_id, b""
        if b"traceparent" in headers:
            trace_id, trace = trace_context(headers[b"traceparent"], request_id)
        exchange = Exchange(request, request_id, trace_id, gateway.now(), gateway.wall())
        if not trace and b"tracestate" in headers:
            exchange.removed_fields = _TRACE_STATE
        return cls(gateway, downstream, exchange, _trace=trace, _length=length, _ended=length == 0)

    # From the client.

    def start(self, body: bytes, ended: bool) -> None:
        """Decide about the request; ``body`` is what of its body came with the head."""
        self._ended = ended
        exchange = self.exchange
        if body:
            exchange.bytes_in = len(body)
            if not (self._keep(body) if ended else self._hold(body)):
                self.refuse(self._downstream.buffers.full())
                return
        refusal = self._route(exchange.request)
        if refusal is not None:
            self.refuse(refusal)
            return
        decision = exchange.decide_head()
        if decision is None:
            self._head_allowed()
        elif isinstance(decision, Refuse | Answer):
            self.end(decision)
        else:
            self._await(decision, self._head_allowed)

    def receive_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the request body, decoded from its framing."""
        if self._done or self._settling:
            return
        exchange = self.exchange
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        exchange.bytes_in += len(data)
        self._ended = ended
        operation = exchange.request.operation
        if exchange.bytes_in > operation.max_body:
            self.refuse(_too_large(operation))
            return
        if exchange.scanners is not None and not exchange.holds_body:
            scanned = self._scan(data, ended=ended)
            if scanned is None:
                return
            data = scanned
        if self._connection is not None:
            self._connection.send(data, ended)
        elif not self._hold(data):
            self.refuse(self._downstream.buffers.full())
        elif not self._buffering:
            if self._held is not None and self._held.size > HELD_BODY:
                self._downstream.hold_body(True)
        elif ended:
            self._buffering = False
            self._body_complete()

    def client_gone(self) -> None:
        """The client has closed its connection: nobody waits for an answer any more."""
        if not self._done:
            self.exchange.refuse(Refuse(CLIENT_ABORTED))
            self._finish()

    def client_blocked(self, blocked: bool) -> None:
        """The client takes (or again takes) no more of the answer for now."""
        if self._connection is not None:
            if blocked:
                self._connection.pause_reading()
            else:
                self._connection.resume_reading()

    def drain(self) -> None:
        """The worker is about to stop: an answer goes on as long as it may."""

    # Deciding.

    def _route(self, request: RequestView) -> Refuse | None:
        try:
            request.path, request.query = read_target(request.target)
        except TargetError as error:
            return Refuse(error.code, error.detail, Finding("/target"))
        return self._gateway.snapshot.route(request)

    def _head_allowed(self) -> None:
        exchange = self.exchange
        operation = exchange.request.operation
        maximum = operation.max_body
        if (self._length or 0) > maximum or exchange.bytes_in > maximum:
            self.refuse(_too_large(operation))
        elif not operation.body_steps and not operation.stream_steps and not operation.wire_steps:
            self._connect()
        elif (refusal := exchange.begin_body()) is not None:
            self.refuse(refusal)
        elif not exchange.holds_body:
            self._scan_held()
        elif self._ended:
            self._body_complete()
        else:
            self._buffering = True
            self._downstream.expect_body()
            self._downstream.hold_body(False)

    def _scan_held(self) -> None:
        """What came of a body before it was known that it is scanned."""
        exchange = self.exchange
        if exchange.decoder is not None:
            self._length = None  # decoded, the body has another length
        if exchange.scanners is not None:
            data = self._scan(self._arrived(), ended=self._ended)
            if data is None:
                return
            if exchange.decoder is not None:
                self._release_held()
                if not self._hold(data):
                    self.refuse(self._downstream.buffers.full())
                    return
        self._connect()

    def _scan(self, data: bytes, *, ended: bool) -> bytes | None:
        """What is sent on of a piece of a body that streams; ``None`` if it was refused."""
        exchange = self.exchange
        scanned = exchange.scan_body(data, ended=ended)
        if isinstance(scanned, Refuse):
            self.refuse(scanned)
            return None
        held = exchange.held_by_scanners
        if held > self._scanned and not self._downstream.buffers.take(held - self._scanned):
            self.refuse(self._downstream.buffers.full())
            return None
        if held < self._scanned:
            self._downstream.buffers.give(self._scanned - held)
        self._scanned = held
        return scanned

    def _body_complete(self) -> None:
        decision = self.exchange.decide_body(self._arrived())
        if decision is None:
            self._body_allowed()
        elif isinstance(decision, Refuse | Answer):
            self.end(decision)
        else:
            self._await(decision, self._body_allowed)

    def _body_allowed(self) -> None:
        """The whole body may pass; what it was decoded to or changed to is held instead, and counted."""
        body = self.exchange.body
        if body is not None:
            self._release_held()
            if not self._hold(body):
                self.refuse(self._downstream.buffers.full())
                return
        self._connect()

    def _await(self, decision: Awaitable[End | None], then: Callable[[], None]) -> None:
        self._task = self._gateway.spawn(self._decided(decision, then))

    async def _decided(self, decision: End | Awaitable[End | None] | None, then: Callable[[], None]) -> None:
        while decision is not None and not isinstance(decision, Refuse | Answer):
            try:
                async with asyncio.timeout(DECISION_SECONDS):
                    decision = await decision
            except TimeoutError:
                decision = self.exchange.overdue()
        self._task = None
        if self._done:
            return
        try:
            if decision is not None:
                self.end(decision)
            else:
                then()
        except Exception as error:  # noqa: BLE001 - nobody looks at what becomes of this task
            self.crashed(error)

    # To the service.

    def _reads_first(self) -> bool:
        """Whether something is read of the service first, after which :meth:`read_first` goes on; or all has ended."""
        read = self.exchange.first_read()
        if isinstance(read, Refuse):
            self.refuse(read)
        elif read is not None:
            forwarding = self._downstream.peer.forwarding_fields(self.exchange.request)
            reading = FirstReading(self._gateway, self, read, forwarding, self._trace)
            self._reading = reading
            reading.start()
        return read is not None

    def read_first(self, decision: Refuse | Awaitable[Refuse | None] | None) -> None:
        """Something was read first; it may be that the request is refused for it."""
        self._reading = None
        if self._done:
            return
        try:
            if decision is None:
                self._connect()
            elif isinstance(decision, Refuse):
                self.refuse(decision)
            else:
                self._await(decision, self._connect)
        except Exception as error:  # noqa: BLE001 - called from wherever an answer came
            self.crashed(error)

    def _connect(self) -> None:
        if self.exchange.request.operation.before_steps and self._reads_first():
            return
        if not self._ended:
            self._downstream.expect_body()
        self._waiting = True
        connection = self._gateway.pools[self.exchange.request.operation.upstream].acquire(self, new=self._retried)
        if connection is not None:
            self._waiting = False
            self._send_request(connection)

    def upstream_ready(self, connection: ServiceConnection) -> None:
        """A connection to the service is there: send the request."""
        self._waiting = False
        try:
            self._send_request(connection)
        except Exception as error:  # noqa: BLE001 - called from wherever the connection became free
            self.crashed(error)

    def _send_request(self, connection: ServiceConnection) -> None:
        self._connection = connection
        exchange = self.exchange
        request = exchange.request
        downstream = self._downstream
        body = exchange.body
        if body is None:
            body = self._arrived()
        head = upstream_request(
            exchange,
            connection.target,
            downstream.renderer,
            downstream.peer.forwarding_fields(request),
            self._trace,
            self._framing(len(body)),
        )
        exchange.facts.document = UNREAD  # no step asks for it any more, and it is many times larger than its text
        ended = self._ended
        if not ended or (len(body) > HELD_BODY and request.method not in IDEMPOTENT):
            self._forget_body()
        self._sent_ns = now = self._gateway.now()
        exchange.upstream = connection.target.url
        connection.begin(self, head, body, ended, now)
        operation = request.operation
        if operation.duplex and operation.stream is not None:
            downstream.prolong(operation.stream.idle_ns)
            self._lasts_long(operation.stream)
        if not ended and not connection.blocked:
            downstream.hold_body(False)

    def _framing(self, body_length: int) -> tuple[int | None, bytes]:
        """The length of the body for the service, and the line that tells it, if one has to.

        ``body_length`` counts if the whole body is there.
        """
        announced = self._length
        if self.exchange.body is not None or (announced is None and self.exchange.holds_body):
            announced = body_length
        if announced is None:
            return None, b""
        if announced or b"content-length" in self.exchange.request.headers:
            return announced, b"content-length: %d\r\n" % announced
        return 0, b""

    def upstream_unavailable(self, code: Code, detail: str) -> None:
        """There is no connection to the service, and will be none."""
        self._waiting = False
        self.refuse(Refuse(code, finding=Finding("/upstream", detail, source=self.exchange.request.operation.api)))

    def upstream_blocked(self, blocked: bool) -> None:
        """The service takes (or again takes) no more of the request body."""
        self._downstream.hold_body(blocked)

    def upstream_failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        """The exchange with the service broke."""
        self._connection = None
        self._service_done()
        if not self._retried and self._can_retry(retriable):
            self._retried = True
            try:
                self._connect()
            except Exception as error:  # noqa: BLE001 - as in upstream_ready
                self.crashed(error)
            return
        self.refuse(Refuse(code, finding=Finding("/upstream", detail, source=self.exchange.upstream)))

    def _can_retry(self, retriable: Retriable) -> bool:
        """A request whose whole body is at hand may be sent twice if that changes nothing (RFC 9110 9.2.2)."""
        if not self._ended or self._forgotten or retriable == "no":
            return False
        return retriable == "unsent" or self.exchange.request.method in IDEMPOTENT


def _too_large(operation: Operation) -> Refuse:
    most = f"at most {operation.max_body} bytes"
    finding = Finding("/body", allowed=most, source=operation.max_body_source)
    return Refuse(BODY_TOO_LARGE, f"{most.capitalize()} are accepted here.", finding)
