"""The answering half of a stream: the service's answer looked at, changed and passed on.

Everything of it that the client is told goes through :meth:`Answering._pass_on`; the gateway's own words are
:mod:`.ending`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from portcullis.engine.codes import UPSTREAM_TOO_LARGE
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.grpc.answers import passed, status_in
from portcullis.engine.response import ResponseView
from portcullis.mounts.forwarding import DROPPED_FROM_RESPONSES, FieldRenderer, render_fields
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.reverse_proxy.ending import Ending
from portcullis.mounts.reverse_proxy.long_answer import LongAnswer
from portcullis.mounts.reverse_proxy.roles import NO_BODY

if TYPE_CHECKING:
    from portcullis.engine.websocket.rules import StreamRules
    from portcullis.mounts.http1.fields import Fields

DECISION_SECONDS: Final = 10.0
"""How long a step that waits may take to decide; after that it has failed, and so refuses unless it is monitored."""
_NOTHING: Final[frozenset[bytes]] = frozenset()
# What a body that was decoded or changed is no longer described by.
_OF_THE_BODY: Final = Modify(
    remove_fields=frozenset({b"accept-ranges", b"content-digest", b"content-md5", b"digest", b"repr-digest"})
)

_Answer = tuple[ResponseHead, ResponseView, FieldRenderer]
"""A service's answer: its head, what steps see of it, and what renders its fields."""


class Answering(Ending, eq=False):
    """One exchange, as far as its answer goes.

    ``_answer``: the service's, while it is held back; ``_settling``: it is whole, and steps that wait decide about it;
    ``_lengthless``: how long the body would be that HEAD asks about is not known; ``_trailers``: what follows the
    answer, on the wire.
    """

    _answer: _Answer | None = None
    _settling: bool = False
    _lengthless: bool = False
    _trailers: bytes = b""

    def response(self, head: ResponseHead, renderer: FieldRenderer, pieces: list[bytes], ended: bool) -> None:
        """The head of the service's answer, what renders its fields, and what of its body came along."""
        exchange = self.exchange
        exchange.upstream_status = head.status
        if exchange.request.operation.trailers:
            exchange.grpc_status = status_in(head.fields)
        if self._whole or self._held is not None:
            self._forget_body()  # it is answered
        if ended:
            self._service_done()
        request = exchange.request
        operation = request.operation
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if (
            not operation.response_head_steps
            and not operation.response_body_steps
            and not operation.answer_steps
            and operation.compression is None
        ):
            self._pass_on(head, renderer.render(head.fields, head.headers, _NOTHING), body, ended)
            return
        view = ResponseView(request, head.status, head.fields, head.headers, not head.bodyless)
        refusal = exchange.decide_response(view)
        if refusal is not None:
            self.refuse(refusal)
        elif not exchange.holds_response:
            self._pass_on(head, self._changed_fields(head, view, renderer, len(body) if ended else None), body, ended)
        elif ended:
            self._check((head, view, renderer), body)
        else:
            self._answer = (head, view, renderer)
            self._hold_answer(self._answer, body, False)

    def response_body(self, pieces: list[bytes], ended: bool, trailers: Fields | None = None) -> None:
        """More of the service's answer; ``trailers``: what followed its end."""
        if ended:
            self._service_done()
            if trailers is not None and self.exchange.request.operation.trailers:
                self._take_trailers(trailers)
        if self._answer is not None:
            self._hold_answer(self._answer, b"".join(pieces), ended)
            return
        if (encoder := self._encoder) is not None:
            data = b"".join(pieces)
            pieces = [encoder.finish(data) if ended else encoder.encode(data)]
        self.exchange.bytes_out += sum(map(len, pieces))
        if self._watch is not None and not self._watch.passes():
            return
        self._downstream.answer_body(pieces, ended, self._trailers)
        if ended:
            self._finish()

    def _take_trailers(self, trailers: Fields) -> None:
        """What follows the answer of a call of gRPC: how it ended."""
        self.exchange.grpc_status = status_in(trailers)
        self._trailers = render_fields(passed(trailers), DROPPED_FROM_RESPONSES)

    def _hold_answer(self, answer: _Answer, data: bytes, ended: bool) -> None:
        """More of an answer that is held back until it is whole."""
        maximum = self.exchange.request.operation.max_response
        if not self._hold(data):
            self._pass_unseen(answer, self._downstream.buffers.full(), data, ended)
        elif (held := self._held) is None or held.size > maximum:
            self._pass_unseen(answer, _answer_too_large(maximum), b"", ended)
        elif ended:
            self._answer = None
            self._check(answer, held.whole())

    def _check(self, answer: _Answer, body: bytes) -> None:
        """A whole answer, which some steps want so."""
        exchange = self.exchange
        view = answer[1]
        maximum = exchange.request.operation.max_response
        if len(body) > maximum:
            self._pass_unseen(answer, _answer_too_large(maximum), body, True)
            return
        decision = exchange.decide_response_body(view, body)
        if decision is None or isinstance(decision, Refuse):
            self._checked(answer, body, decision)
        else:
            # Whoever gets the connection next is not to be touched; what the client still sends is of no use any more.
            self._connection = None
            self._settling = True
            if self._held is None or not self._held.size:
                self._hold(body)
            self._task = self._gateway.spawn(self._settle(answer, body, decision))

    async def _settle(self, answer: _Answer, body: bytes, decision: Awaitable[Refuse | None]) -> None:
        """Wait for the steps that have not decided yet about a whole answer."""
        pending: Refuse | Awaitable[Refuse | None] | None = decision
        while pending is not None and not isinstance(pending, Refuse):
            try:
                async with asyncio.timeout(DECISION_SECONDS):
                    pending = await pending
            except TimeoutError:
                pending = self.exchange.overdue_response(answer[1])
        self._task = None
        if self._done:
            return
        try:
            self._checked(answer, body, pending)
        except Exception as error:  # noqa: BLE001 - nobody looks at what becomes of this task
            self.crashed(error)

    def _checked(self, answer: _Answer, body: bytes, refusal: Refuse | None) -> None:
        """All steps have decided about a whole answer."""
        if refusal is not None:
            self.refuse(refusal)
            return
        head, view, renderer = answer
        changes = self.exchange.answer
        if changes is not None and changes.body is not None:
            body = changes.body
        fields = self._changed_fields(head, view, renderer, len(body))
        if self._held is not None:
            self._release_held()
        self._pass_on(head, fields, body, True)

    def _pass_unseen(self, answer: _Answer, refusal: Refuse, data: bytes, ended: bool) -> None:
        """An answer that can't be held back is refused, unless all who want it whole are only monitored.

        ``data``: what came of it and is not held.
        """
        head, view, renderer = answer
        self._answer = None
        end = self.exchange.refuse_response(refusal, view)
        if end is not None:
            self.refuse(end)
            return
        body = data if self._held is None else self._held.whole() + data
        self._release_held()
        length = len(body) if ended else None
        self._pass_on(head, self._changed_fields(head, view, renderer, length), body, ended)

    def _changed_fields(
        self, head: ResponseHead, view: ResponseView, renderer: FieldRenderer, whole: int | None
    ) -> bytes:
        """The fields of the service's answer as the client gets them, on the wire; ``whole``: its length, if known."""
        changes = self.exchange.conclude(view)
        fields = () if changes is None else changes.fields
        if changes is not None and changes.body is not None:
            fields += (_OF_THE_BODY,)
            etag = head.headers.get(b"etag")
            is_told = etag is not None and not any(b"etag" in change.remove_fields for change in changes.fields)
            if etag is not None and is_told and not etag.startswith(b"W/"):
                fields += (Modify(set_fields=((b"etag", b"W/" + etag),)),)  # RFC 9110 8.8.1: not byte for byte the same
        if (compression := view.request.operation.compression) is not None:
            told, self._encoder = self._gateway.encoders.begin(compression, self.exchange, head, fields, whole)
            fields += told
        if head.bodyless:
            self._lengthless = any(b"content-length" in each.remove_fields for each in fields)
        if not fields:
            return renderer.render(head.fields, head.headers, _NOTHING)
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
        encoder = self._encoder
        if encoder is not None:
            body = encoder.finish(body) if ended else encoder.encode(body) if body else b""
        exchange.bytes_out = len(body)
        self.answered = True
        if not ended and (rules := exchange.request.operation.stream) is not None and self._watch is None:
            self._lasts_long(rules)
        length = head.content_length if encoder is None else None
        if head.bodyless:
            length = NO_BODY
            announced = None if self._lengthless or head.status == 204 else head.headers.get(b"content-length")
            if announced is not None:
                fields += b"content-length: %b\r\n" % announced
        elif ended:
            length = len(body)
        if self._trailers:  # of an answer that was held until it was whole
            self._downstream.answer(head.status, head.reason, fields, None, body, False)
            self._downstream.answer_body([], True, self._trailers)
        else:
            self._downstream.answer(head.status, head.reason, fields, length, body, ended)
        if ended:
            self._finish()

    def _lasts_long(self, rules: StreamRules) -> None:
        """From now on other bounds hold than for exchanges that are soon over."""
        self._watch = LongAnswer(self._gateway, self.exchange, rules, self.refuse)
        if self._connection is not None:
            self._connection.prolong(rules.idle_ns)


def _answer_too_large(maximum: int) -> Refuse:
    return Refuse(UPSTREAM_TOO_LARGE, finding=Finding("/response/body", allowed=f"at most {maximum} bytes"))
