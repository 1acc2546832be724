"""One request and its answer on their way through the proxy, whatever protocol the client speaks.

The stream is a small machine. Towards the client it needs a ``Downstream``, towards the service it is the
``UpstreamUser`` of a connection (both in ``roles.py``).

    deciding   the engine routes and runs the head steps
    buffering  a body step needs the whole body, which is arriving
    waiting    for a connection to the service; what of the body arrives meanwhile is held
    sending    request and answer flow; each side may end first; what streams is scanned before it is sent on
    checking   a response step needs the whole answer, which is arriving
    done       answered or given up; nothing may happen any more

Everything the client is told goes through :meth:`Stream.refuse` and :meth:`Stream._give` (the gateway's words) or
:meth:`Stream._pass_on` (the service's). Once an answer has begun, a failure can only break the connection: a client
must never take a cut answer for a whole one.
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
    UPSTREAM_TOO_LARGE,
    Code,
)
from portcullis.engine.decision import Answer, Finding, Modify, Refuse
from portcullis.engine.exchange import End, Exchange
from portcullis.engine.facts import UNREAD
from portcullis.engine.problem import PROBLEM_TYPE, problem_document
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.target import TargetError, read_target
from portcullis.mounts.forwarding import FieldRenderer, render_fields, render_own_fields
from portcullis.mounts.http1.body import LAST_CHUNK, encode_chunk
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.reverse_proxy.held_body import HeldBody
from portcullis.mounts.reverse_proxy.roles import NO_BODY, Downstream, Retriable
from portcullis.mounts.reverse_proxy.upstream_request import render_request_head
from portcullis.mounts.trace import trace_context

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection

HELD_BODY: Final = 64 * 1024
DECISION_SECONDS: Final = 10.0
"""How long a step that waits may take to decide; after that it has failed, and so refuses."""
# The state of a trace that is not continued says nothing about the new one (W3C Trace Context 3.3).
_TRACE_STATE: Final = frozenset({b"tracestate"})
_NOTHING: Final[frozenset[bytes]] = frozenset()
# What a body that was decoded or changed is no longer described by.
_OF_THE_BODY: Final = Modify(remove_fields=frozenset({b"accept-ranges", b"content-digest", b"content-md5", b"digest"}))
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class Stream(msgspec.Struct, eq=False):
    """One exchange.

    ``_length``: the request body's announced length in bytes, ``None`` if it is chunked; ``_forgotten``: bytes of that
    body are with a service and not here any more, so the request can't be sent again.
    """

    _gateway: Gateway
    _downstream: Downstream
    exchange: Exchange
    _traceparent: bytes
    _length: int | None
    _ended: bool
    _held: HeldBody | None = None
    _connection: UpstreamConnection | None = None
    _waiting: bool = False
    _buffering: bool = False
    _retried: bool = False
    _forgotten: bool = False
    _done: bool = False
    _sent_ns: int = 0
    _task: asyncio.Task[None] | None = None
    _answer: tuple[ResponseHead, ResponseView, FieldRenderer] | None = None
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
        self._ended = ended
        if body:
            self.exchange.bytes_in = len(body)
            if not self._hold(body):
                self.refuse(Refuse(BUFFERS_FULL))
                return
        refusal = self._route()
        if refusal is not None:
            self.refuse(refusal)
            return
        decision = self.exchange.decide_head()
        if decision is None:
            self._head_allowed()
        elif isinstance(decision, Refuse | Answer):
            self._end(decision)
        else:
            self._await(decision, self._head_allowed)

    def receive_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the request body, decoded from its framing."""
        if self._done:
            return
        exchange = self.exchange
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        exchange.bytes_in += len(data)
        self._ended = ended
        maximum = exchange.request.operation.max_body
        if exchange.bytes_in > maximum:
            self.refuse(_too_large(maximum))
            return
        if exchange.scanners is not None and not exchange.holds_body:
            scanned = exchange.scan_body(data, ended=ended)
            if isinstance(scanned, Refuse):
                self.refuse(scanned)
                return
            data = scanned
        if self._connection is not None:
            self._connection.send(self._framed(data, ended), ended)
        elif not self._hold(data):
            self.refuse(Refuse(BUFFERS_FULL))
        elif not self._buffering:
            if self._held is not None and self._held.size > HELD_BODY:
                self._downstream.hold_body(True)
        elif ended:
            self._buffering = False
            self._body_complete()

    def _hold(self, data: bytes) -> bool:
        held = self._held
        if held is None:
            held = self._held = HeldBody(self._gateway.buffers)
        return held.add(data)

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
        exchange = self.exchange
        operation = exchange.request.operation
        maximum = operation.max_body
        if (self._length or 0) > maximum or exchange.bytes_in > maximum:
            self.refuse(_too_large(maximum))
        elif not operation.body_steps and not operation.stream_steps:
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
            data = exchange.scan_body(self._held.whole() if self._held is not None else b"", ended=self._ended)
            if isinstance(data, Refuse):
                self.refuse(data)
                return
            if exchange.decoder is not None:
                self._release_held()
                if not self._hold(data):
                    self.refuse(Refuse(BUFFERS_FULL))
                    return
        self._connect()

    def _body_complete(self) -> None:
        decision = self.exchange.decide_body(self._held.whole() if self._held is not None else b"")
        if decision is None:
            self._body_allowed()
        elif isinstance(decision, Refuse | Answer):
            self._end(decision)
        else:
            self._await(decision, self._body_allowed)

    def _body_allowed(self) -> None:
        """The whole body may pass; what it was decoded to or changed to is held instead, and counted."""
        body = self.exchange.body
        if body is not None:
            self._release_held()
            if not self._hold(body):
                self.refuse(Refuse(BUFFERS_FULL))
                return
        self._connect()

    def _await(self, decision: Awaitable[End | None], then: object) -> None:
        self._task = self._gateway.spawn(self._decided(decision, then))

    async def _decided(self, decision: Awaitable[End | None], then: object) -> None:
        end: End | None
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                end = await decision
        except TimeoutError:
            end = Refuse(INTERNAL, finding=Finding(found="no decision in time"))
        self._task = None
        if self._done:
            return
        try:
            if end is not None:
                self._end(end)
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
            body = self._held.whole() if self._held is not None else b""
        downstream = self._downstream
        head = render_request_head(
            exchange,
            connection.target,
            downstream.renderer,
            downstream.forwarding_fields(),
            self._traceparent,
            self._framing(len(body)),
        )
        exchange.facts.document = UNREAD  # no step asks for it any more, and it is many times larger than its text
        if not self._ended or (len(body) > HELD_BODY and exchange.request.method not in IDEMPOTENT):
            self._forget_body()
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
        return self.exchange.holds_body

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

    def response(self, head: ResponseHead, renderer: FieldRenderer, pieces: list[bytes], ended: bool) -> None:
        """The head of the service's answer, what renders its fields, and what of its body came along."""
        exchange = self.exchange
        exchange.upstream_status = head.status
        if self._held is not None:
            self._forget_body()  # it is answered
        if ended:
            self._service_done()
        operation = exchange.request.operation
        if not operation.response_head_steps and not operation.response_body_steps and not operation.answer_steps:
            fields = renderer.render(head.fields, head.headers, _NOTHING)
            self._pass_on(head, fields, pieces[0] if len(pieces) == 1 else b"".join(pieces), ended)
            return
        view = ResponseView(exchange.request, head.status, head.fields, head.headers, not head.bodyless)
        refusal = exchange.decide_response(view)
        if refusal is not None:
            self.refuse(refusal)
        elif exchange.holds_response:
            self._answer = (head, view, renderer)
            self._check(pieces, ended)
        else:
            fields = self._changed_fields(head, view, renderer)
            self._pass_on(head, fields, pieces[0] if len(pieces) == 1 else b"".join(pieces), ended)

    def _check(self, pieces: list[bytes], ended: bool) -> None:
        """More of an answer that is held back until it is whole."""
        operation = self.exchange.request.operation
        maximum = operation.max_response
        for piece in pieces:
            if not self._hold(piece):
                self.refuse(Refuse(BUFFERS_FULL))
                return
        held, answer = self._held, self._answer
        if answer is None:
            return
        head, view, renderer = answer
        body = held.whole() if held is not None and (ended or held.size > maximum) else b""
        if len(body) > maximum:
            finding = Finding("/response/body", allowed=f"at most {maximum} bytes")
            refusal = self.exchange.refuse_response(Refuse(UPSTREAM_TOO_LARGE, finding=finding), operation)
            self._answer = None
        elif not ended:
            return
        else:
            refusal = self.exchange.decide_response_body(view, body)
        if refusal is not None:
            self.refuse(refusal)
            return
        fields = self._changed_fields(head, view, renderer)
        changes = self.exchange.answer
        if changes is not None and changes.body is not None:
            body = changes.body
        self._release_held()
        self._pass_on(head, fields, body, ended)

    def _changed_fields(self, head: ResponseHead, view: ResponseView, renderer: FieldRenderer) -> bytes:
        """The fields of the service's answer as the client gets them, on the wire."""
        changes = self.exchange.conclude(view)
        if changes is None or (not changes.fields and changes.body is None):
            return renderer.render(head.fields, head.headers, _NOTHING)
        fields = changes.fields
        if changes.body is not None:
            fields += (_OF_THE_BODY,)
            etag = head.headers.get(b"etag")
            if etag is not None and not etag.startswith(b"W/"):
                fields += (Modify(set_fields=((b"etag", b"W/" + etag),)),)  # RFC 9110 8.8.1: not byte for byte the same
        return renderer.render_changed(head.fields, head.headers, fields)

    def _pass_on(self, head: ResponseHead, fields: bytes, body: bytes, ended: bool) -> None:
        """Give the client the service's answer: its head, and what there is of its body."""
        exchange = self.exchange
        if exchange.refusal is not None:  # a step with a say in every answer has failed
            self.refuse(exchange.refusal)
            return
        exchange.status = head.status
        if added := exchange.facts.response_fields:
            fields += render_fields(added)
        fields += b"x-request-id: %b\r\n" % exchange.request_id.encode()
        exchange.bytes_out = len(body)
        self.answered = True
        length = head.content_length
        if head.bodyless:
            length = NO_BODY
            if (announced := head.headers.get(b"content-length")) is not None and head.status != 204:
                fields += b"content-length: %b\r\n" % announced
        elif ended:
            length = len(body)
        self._downstream.answer(head.status, head.reason, fields, length, body, ended)
        if ended:
            self._finish()

    def response_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the service's answer."""
        if ended:
            self._service_done()
        if self._answer is not None:
            self._check(pieces, ended)
            return
        self.exchange.bytes_out += sum(map(len, pieces))
        self._downstream.answer_body(pieces, ended)
        if ended:
            self._finish()

    def upstream_failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        """The exchange with the service broke."""
        self._connection = None
        self._service_done()
        if not self._retried and self._can_retry(retriable):
            self._retried = True
            self._connect()
            return
        self.refuse(Refuse(code, finding=Finding("/upstream", detail, source=self.exchange.upstream)))

    def _service_done(self) -> None:
        """The service's part is over: what passed since the request was sent was its time."""
        self.exchange.upstream_ns += self._gateway.now() - self._sent_ns
        self._sent_ns = 0

    def _can_retry(self, retriable: Retriable) -> bool:
        """A request whose whole body is at hand may be sent twice if that changes nothing (RFC 9110 9.2.2)."""
        if not self._ended or self._forgotten or retriable == "no":
            return False
        return retriable == "unsent" or self.exchange.request.method in IDEMPOTENT

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
        own = (
            (b"content-type", PROBLEM_TYPE),
            (b"cache-control", b"no-store"),
            *refusal.fields,
        )
        self._give(refusal.status, own, problem_document(refusal, exchange.request_id))

    def _end(self, end: End) -> None:
        """Answer as a step decided."""
        if isinstance(end, Refuse):
            self.refuse(end)
        elif not self._done:
            self._give(end.status, end.fields, end.body)

    def _give(self, status: int, own: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
        """Answer with the gateway's own ``status``, fields and ``body``."""
        exchange = self.exchange
        request = exchange.request
        self.answered = True
        exchange.status = status
        exchange.bytes_out = len(body)
        exchange.answer = None  # what was changed in the service's answer does not concern ours
        changes = None
        if request.operation.answer_steps:
            changes = exchange.conclude(ResponseView(request, status, own, dict(own)))
        fields = b"%b%bx-request-id: %b\r\n" % (
            render_own_fields(own, changes.fields if changes is not None else ()),
            render_fields(exchange.facts.response_fields),
            exchange.request_id.encode(),
        )
        self._finish()
        length = len(body)
        if status == 204:
            body, length = b"", NO_BODY
        elif request.method == "HEAD":
            fields += b"content-length: %d\r\n" % length
            body, length = b"", NO_BODY
        self._downstream.answer(status, b"", fields, length, body, ended=True)

    def _finish(self) -> None:
        """Nothing more will happen: give everything back and write the record."""
        if self._done:
            return
        self._done = True
        if self._sent_ns:
            self._service_done()
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

    def _forget_body(self) -> None:
        """The request's body is with the service: hold it no more."""
        self._forgotten = True
        self._release_held()
        self.exchange.forget_body()

    def _release_held(self) -> None:
        if self._held is not None:
            self._held.release()


def _too_large(maximum: int) -> Refuse:
    return Refuse(
        BODY_TOO_LARGE,
        f"At most {maximum} bytes are accepted here.",
        Finding("/body", allowed=f"at most {maximum} bytes"),
    )
