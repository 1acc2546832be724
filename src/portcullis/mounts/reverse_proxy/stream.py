"""One request and its answer on their way through the proxy, whatever protocol the client speaks.

The stream is a small machine. Towards the client it needs a ``Downstream``, towards the service it is the
``UpstreamUser`` of a connection (both in ``roles.py``).

    deciding   the engine routes and runs the head steps
    buffering  a body step needs the whole body, which is arriving
    waiting    for a connection to the service; what of the body arrives meanwhile is held
    sending    request and answer flow; each side may end first
    done       answered or given up; nothing may happen any more

Everything the client is told goes through :meth:`Stream.refuse` (the gateway's words) or :meth:`Stream.response` (the
service's). Once an answer has begun, a failure can only break the connection: a client must never take a
cut answer for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.engine.codes import (
    BODY_TOO_LARGE,
    BUFFERS_FULL,
    CLIENT_ABORTED,
    INTERNAL,
    Code,
)
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.problem import PROBLEM_TYPE, problem_document
from portcullis.engine.request import RequestView
from portcullis.engine.target import TargetError, read_target
from portcullis.mounts.forwarding import render_fields
from portcullis.mounts.http1.body import LAST_CHUNK, encode_chunk
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.reverse_proxy.roles import NO_BODY, Downstream
from portcullis.mounts.reverse_proxy.upstream_request import render_request_head
from portcullis.mounts.trace import trace_context

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection

HELD_BODY: Final = 64 * 1024
SMALL_PIECE: Final = 4096
"""Bytes below which a piece of a held body is put together with the next: an object of a few bytes costs fifty."""
DECISION_SECONDS: Final = 10.0
"""How long a step that waits may take to decide; after that it has failed, and so refuses."""
# The state of a trace that is not continued says nothing about the new one (W3C Trace Context 3.3).
_TRACE_STATE: Final = frozenset({b"tracestate"})
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class Stream(msgspec.Struct, eq=False):
    """One exchange. ``_length``: the request body's announced length in bytes, ``None`` if it is chunked."""

    _gateway: Gateway
    _downstream: Downstream
    exchange: Exchange
    _traceparent: bytes
    _length: int | None
    _ended: bool
    _held: list[bytes] = []
    _held_bytes: int = 0
    _connection: UpstreamConnection | None = None
    _waiting: bool = False
    _buffering: bool = False
    _retried: bool = False
    _done: bool = False
    _sent_ns: int = 0
    _task: asyncio.Task[None] | None = None
    answered: bool = False

    @classmethod
    def of(cls, gateway: Gateway, downstream: Downstream, request: RequestView, length: int | None) -> Stream:
        """The stream of a request that has just arrived."""
        request_id = gateway.identifiers.next()
        headers = request.headers
        trace_id, traceparent = trace_context(headers.get(b"traceparent"), request_id)
        exchange = Exchange(request, request_id, trace_id, gateway.now(), gateway.wall())
        if trace_id is request_id and b"tracestate" in headers:
            exchange.removed_fields = _TRACE_STATE
        return cls(gateway, downstream, exchange, traceparent, length, length == 0)

    # From the client.

    def start(self, body: bytes, ended: bool) -> None:
        """Decide about the request; ``body`` is what of its body came with the head."""
        if body:
            self._held.append(body)
            self._held_bytes = self.exchange.bytes_in = len(body)
            if not self._gateway.buffers.take(len(body)):
                self._held_bytes = 0
                self.refuse(Refuse(BUFFERS_FULL))
                return
        self._ended = ended
        refusal = self._route()
        if refusal is not None:
            self.refuse(refusal)
            return
        decision = self.exchange.decide_head()
        if decision is None:
            self._head_allowed()
        elif isinstance(decision, Refuse):
            self.refuse(decision)
        else:
            self._await(decision, self._head_allowed)

    def receive_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the request body, decoded."""
        if self._done:
            return
        size = sum(map(len, pieces))
        exchange = self.exchange
        exchange.bytes_in += size
        self._ended = ended
        maximum = exchange.request.operation.max_body
        if exchange.bytes_in > maximum:
            self.refuse(_too_large(maximum))
        elif self._connection is not None:
            self._connection.send(self._framed(b"".join(pieces), ended), ended)
        elif not self._gateway.buffers.take(size):
            self.refuse(Refuse(BUFFERS_FULL))
        else:
            self._hold(b"".join(pieces))
            self._held_bytes += size
            if not self._buffering:
                if self._held_bytes > HELD_BODY:
                    self._downstream.hold_body(True)
            elif ended:
                self._buffering = False
                self._body_complete()

    def _hold(self, data: bytes) -> None:
        held = self._held
        if held and len(held[-1]) < SMALL_PIECE:
            held[-1] += data
        elif data:
            held.append(data)

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

    # Deciding.

    def _route(self) -> Refuse | None:
        request = self.exchange.request
        try:
            request.path, request.query = read_target(request.target)
        except TargetError as error:
            return Refuse(error.code, error.detail, Finding("/target"))
        return self._gateway.snapshot.route(request)

    def _head_allowed(self) -> None:
        operation = self.exchange.request.operation
        maximum = operation.max_body
        if (self._length or 0) > maximum or self.exchange.bytes_in > maximum:
            self.refuse(_too_large(maximum))
        elif not operation.body_steps:
            self._connect()
        elif self._ended:
            self._body_complete()
        else:
            self._buffering = True
            self._downstream.expect_body()
            self._downstream.hold_body(False)

    def _body_complete(self) -> None:
        decision = self.exchange.decide_body(b"".join(self._held))
        if decision is None:
            self._connect()
        elif isinstance(decision, Refuse):
            self.refuse(decision)
        else:
            self._await(decision, self._connect)

    def _await(self, decision: Awaitable[Refuse | None], then: object) -> None:
        self._task = self._gateway.spawn(self._decided(decision, then))

    async def _decided(self, decision: Awaitable[Refuse | None], then: object) -> None:
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                refusal = await decision
        except TimeoutError:
            refusal = Refuse(INTERNAL, finding=Finding(found="no decision in time"))
        self._task = None
        if self._done:
            return
        try:
            if refusal is not None:
                self.refuse(refusal)
            elif callable(then):
                then()
        except Exception as error:  # noqa: BLE001 - nobody looks at what becomes of this task
            self.crashed(error)

    # To the service.

    def _connect(self) -> None:
        operation = self.exchange.request.operation
        if not self._ended:
            self._downstream.expect_body()
        self._waiting = True
        connection = self._gateway.pools[operation.upstream].acquire(self)
        if connection is not None:
            self.upstream_ready(connection)

    def upstream_ready(self, connection: UpstreamConnection) -> None:
        """A connection to the service is there: send the request."""
        self._waiting = False
        try:
            self._send_request(connection)
        except Exception as error:  # noqa: BLE001 - called from wherever the connection became free
            self._connection = connection
            self.crashed(error)

    def _send_request(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        exchange = self.exchange
        body = exchange.body
        if body is None:
            body = b"".join(self._held) if self._held else b""
        downstream = self._downstream
        head = render_request_head(
            exchange,
            connection.target,
            downstream.renderer,
            downstream.forwarding_fields(),
            self._traceparent,
            self._framing(len(body)),
        )
        if self._held and not self._can_retry():
            self._release_held()
        self._sent_ns = now = self._gateway.now()
        exchange.upstream = connection.target.url
        data = head if self._length == 0 and not body else head + self._framed(body, self._ended)
        connection.begin(self, exchange.request.method, data, self._ended, now)
        if not self._ended:
            downstream.hold_body(False)

    def _framing(self, body_length: int) -> bytes:
        """The field that frames the request to the service; ``body_length`` counts if the whole body is there."""
        announced = self._length
        if self.exchange.body is not None or (announced is None and self._buffered()):
            announced = body_length
        if announced is None:
            return b"transfer-encoding: chunked\r\n"
        if announced or b"content-length" in self.exchange.request.headers:
            return b"content-length: %d\r\n" % announced
        return b""

    def _buffered(self) -> bool:
        """Whether the whole request body was read before the request was sent."""
        return bool(self.exchange.request.operation.body_steps)

    def _framed(self, data: bytes, ended: bool) -> bytes:
        """``data`` as it stands in the request to the service."""
        if self._length is not None or self._buffered():
            return data
        framed = encode_chunk(data) if data else b""
        return framed + LAST_CHUNK if ended else framed

    def upstream_unavailable(self, code: Code, detail: str) -> None:
        """There is no connection to the service, and will be none."""
        self._waiting = False
        self.refuse(Refuse(code, finding=Finding("/upstream", detail, source=self.exchange.request.operation.api)))

    def upstream_blocked(self, blocked: bool) -> None:
        """The service takes (or again takes) no more of the request body."""
        self._downstream.hold_body(blocked)

    # From the service.

    def response(self, head: ResponseHead, fields: bytes, pieces: list[bytes], ended: bool) -> None:
        """The head of the service's answer, with its fields on the wire and what of its body came along."""
        exchange = self.exchange
        exchange.status = exchange.upstream_status = head.status
        if added := exchange.facts.response_fields:
            fields += render_fields(added)
        fields += b"x-request-id: %b\r\n" % exchange.request_id.encode()
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        exchange.bytes_out = len(body)
        self.answered = True
        length = head.content_length
        if head.bodyless:
            length = NO_BODY
            if (announced := head.headers.get(b"content-length")) is not None and head.status != 204:
                fields += b"content-length: %b\r\n" % announced
        elif ended:
            length = len(body)
        if ended:
            self._service_done()
        self._downstream.answer(head.status, head.reason, fields, length, body, ended)
        if ended:
            self._finish()

    def response_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the service's answer."""
        self.exchange.bytes_out += sum(map(len, pieces))
        if ended:
            self._service_done()
        self._downstream.answer_body(pieces, ended)
        if ended:
            self._finish()

    def upstream_failed(self, code: Code, detail: str, *, retriable: bool) -> None:
        """The exchange with the service broke."""
        self._connection = None
        self._service_done()
        if retriable and not self._retried and self._can_retry():
            self._retried = True
            self._connect()
            return
        self.refuse(Refuse(code, finding=Finding("/upstream", detail, source=self.exchange.upstream)))

    def _service_done(self) -> None:
        """The service's part is over: what passed since the request was sent was its time."""
        self.exchange.upstream_ns += self._gateway.now() - self._sent_ns
        self._sent_ns = 0

    def _can_retry(self) -> bool:
        """A request may be sent twice if that changes nothing (RFC 9110 9.2.2) and its whole body is at hand."""
        return self._ended and self.exchange.request.method in IDEMPOTENT

    # Ending.

    def crashed(self, error: Exception) -> None:
        """Something of ours failed: say so, or where an answer has been given, make sure that it is not trusted."""
        if self._done:
            self._downstream.break_off()
        else:
            self.refuse(self.exchange.internal_error(error))

    def refuse(self, refusal: Refuse) -> None:
        """Answer with the gateway's own words, or break the connection if the service's have begun."""
        if self._done:
            return
        exchange = self.exchange
        refusal = exchange.refuse(refusal)
        if self.answered:
            self._finish()
            self._downstream.break_off()
            return
        self.answered = True
        exchange.status = refusal.code.status
        body = problem_document(refusal, exchange.request_id)
        exchange.bytes_out = len(body)
        fields = b"content-type: %b\r\ncache-control: no-store\r\n%b%bx-request-id: %b\r\n" % (
            PROBLEM_TYPE,
            render_fields(refusal.fields),
            render_fields(exchange.facts.response_fields),
            exchange.request_id.encode(),
        )
        self._finish()
        length = len(body)
        if exchange.request.method == "HEAD":
            fields += b"content-length: %d\r\n" % length
            body, length = b"", NO_BODY
        self._downstream.answer(refusal.code.status, b"", fields, length, body, ended=True)

    def _finish(self) -> None:
        """Nothing more will happen: give everything back and write the record."""
        if self._done:
            return
        self._done = True
        if self._sent_ns:
            self._service_done()
        if self._held:
            self._release_held()
        if self._waiting:
            self._waiting = False
            self._gateway.pools[self.exchange.request.operation.upstream].forget(self)
        if self._task is not None:
            # Not at once: a task that has not begun would be dropped together with the coroutines it should await.
            asyncio.get_running_loop().call_soon(self._task.cancel)
            self._task = None
        connection, self._connection = self._connection, None
        if connection is not None and connection.user is self:
            connection.abandon()
        self._gateway.record(self.exchange)

    def _release_held(self) -> None:
        if self._held_bytes:
            self._gateway.buffers.give(self._held_bytes)
            self._held_bytes = 0
        self._held.clear()


def _too_large(maximum: int) -> Refuse:
    return Refuse(
        BODY_TOO_LARGE,
        f"At most {maximum} bytes are accepted here.",
        Finding("/body", allowed=f"at most {maximum} bytes"),
    )
