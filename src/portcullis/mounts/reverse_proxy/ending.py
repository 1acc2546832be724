"""How an exchange ends: answered with the gateway's own words or the service's, all given back, and recorded.

The gateway's words go through :meth:`Ending.refuse` and :meth:`Ending._give`. Once an answer has begun, a failure can
only break the connection: a client must never take a cut answer for a whole one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import End, Exchange, record_of
from portcullis.engine.grpc.statuses import refusal_fields, speaks_grpc, status_of
from portcullis.engine.operation import UNROUTED
from portcullis.engine.problem import PROBLEM_TYPE, problem_document
from portcullis.engine.response import ResponseView
from portcullis.mounts.forwarding import render_fields, render_own_fields
from portcullis.mounts.reverse_proxy.first_reading import FirstReading
from portcullis.mounts.reverse_proxy.held_body import HeldBody
from portcullis.mounts.reverse_proxy.long_answer import LongAnswer
from portcullis.mounts.reverse_proxy.roles import NO_BODY, Downstream

if TYPE_CHECKING:
    from portcullis.engine.compression.encoders import Encoder
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.roles import ServiceConnection


class Ending(msgspec.Struct, eq=False):
    """What an exchange holds, and has to give back when it ends.

    ``_whole``: the request body, where all of it came with its head; ``_held``: what else is held of the request's
    body, and then of the answer's; ``_forgotten``: bytes of the request's body are with a service and not here any
    more, so it can't be sent again; ``_sent_ns``: when the request was sent, until the service is done; ``_reading``:
    what is read of the service before that; ``_watch``: ends an answer that takes too long; ``_encoder``: compresses
    it; ``_scanned``: bytes that those keep who look at a body that streams; ``answered``: an answer has begun.
    """

    _gateway: Gateway
    _downstream: Downstream
    exchange: Exchange
    _whole: bytes = b""
    _held: HeldBody | None = None
    _connection: ServiceConnection | None = None
    _waiting: bool = False
    _forgotten: bool = False
    _done: bool = False
    _sent_ns: int = 0
    _task: asyncio.Task[None] | None = None
    _reading: FirstReading | None = None
    _encoder: Encoder | None = None
    _watch: LongAnswer | None = None
    _scanned: int = 0
    answered: bool = False

    @property
    def buffers(self) -> Buffers:
        """Where it is counted what is held for the client."""
        return self._downstream.buffers

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
        if speaks_grpc(exchange.request):
            exchange.grpc_status = status_of(refusal, exchange.request)
            self._give(200, refusal_fields(refusal, exchange.grpc_status), b"")
            return
        own = (
            (b"content-type", PROBLEM_TYPE),
            (b"cache-control", b"no-store"),
            *refusal.fields,
        )
        self._give(refusal.status, own, problem_document(refusal, exchange.request_id))

    def end(self, end: End) -> None:
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
        if request.operation is UNROUTED:
            request.operation = self._gateway.snapshot.standing_in(request)
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
        if status == 204 or exchange.grpc_status >= 0:
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
        if self._whole or self._held is not None:
            self._release_held()
        if self._scanned:
            self._downstream.buffers.give(self._scanned)
            self._scanned = 0
        if self._waiting:
            self._waiting = False
            self._gateway.pools[self.exchange.request.operation.upstream].forget(self)
        if self._task is not None:
            # Not at once: a task that has not begun would be dropped together with the coroutines it should await.
            asyncio.get_running_loop().call_soon(self._task.cancel)
            self._task = None
        connection, self._connection = self._connection, None
        user: object = None if connection is None else connection.user
        if connection is not None and user is self:
            connection.abandon()
        if self._reading is not None:
            self._reading.abandon()
            self._reading = None
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        if self._encoder is not None:
            self._encoder = None
            self._gateway.encoders.end()
        self._gateway.records.add(record_of(self.exchange, self._gateway.now()))

    def _service_done(self) -> None:
        """The service's part is over: what passed since the request was sent was its time."""
        self.exchange.upstream_ns += self._gateway.now() - self._sent_ns
        self._sent_ns = 0

    # What is held, all of it counted against the budget.

    def _keep(self, body: bytes) -> bool:
        """Hold a request body that came in one piece, as most do: 0.1 us, where :meth:`_hold` takes 0.6."""
        if not self._downstream.buffers.take(len(body)):
            return False
        self._whole = body
        return True

    def _arrived(self) -> bytes:
        """What is held."""
        return self._whole if self._held is None else self._held.whole()

    def _hold(self, data: bytes) -> bool:
        held = self._held
        if held is None:
            held = self._held = HeldBody(self._downstream.buffers)
        return held.add(data)

    def _forget_body(self) -> None:
        """The request's body is with the service: hold it no more."""
        self._forgotten = True
        self._release_held()
        self.exchange.forget_body()

    def _release_held(self) -> None:
        if self._whole:
            self._downstream.buffers.give(len(self._whole))
            self._whole = b""
        if self._held is not None:
            self._held.release()
