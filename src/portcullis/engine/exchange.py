"""The life of one exchange as the engine sees it: routed, decided phase by phase, recorded.

A mount makes an :class:`Exchange` when a request head has arrived, then calls, in this order and until one of
them refuses (or answers):

:meth:`Exchange.decide_head`           the head steps
:meth:`Exchange.begin_body`            says whether the body is held back whole (``holds_body``), scanned as it streams
                                       (``scans_body``), or passes as it is
:meth:`Exchange.decide_body`           the body steps, where it was held back
:meth:`Exchange.scan_body`             the stream steps, for each piece that streams
:meth:`Exchange.decide_response`       the response head steps; ``holds_response`` says whether the answer is held back
:meth:`Exchange.decide_response_body`  the response body steps
:meth:`Exchange.conclude`              the answer steps, whoever answers

It carries the request to the upstream with the changes that steps asked for (``set_fields``, ``removed_fields``,
``query``, ``body``), the answer to the client with those to it (``answer``), and at the end asks for
:meth:`Exchange.record`.

Steps of a pipeline run one after another. A step that fails, or decides something that can't be applied, refuses
(fail closed); a step in ``monitor`` mode never ends an exchange, neither by refusing nor by failing. A step for the
request may return an awaitable: then ``decide_*`` returns one too, and the mount awaits it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from functools import lru_cache
from typing import Final

import msgspec

from portcullis.engine.body_codings import request_decoder, response_decoder, undecoded
from portcullis.engine.codes import CLIENT_ABORTED, INTERNAL
from portcullis.engine.codings import CodingError, Decoder
from portcullis.engine.decision import Answer, Finding, Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.operation import Operation
from portcullis.engine.policy import BodyScanner, Decision, Step
from portcullis.engine.record import Record, Timestamps
from portcullis.engine.redaction import redact_target
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

_timestamps = Timestamps()
_NOTHING_REMOVED: Final[frozenset[bytes]] = frozenset()
_DECISIONS: Final = (Refuse, Modify, Answer)
_CONTENT_ENCODING: Final = frozenset({b"content-encoding"})
_DIGESTS: Final = frozenset({b"content-digest", b"content-md5", b"digest"})
"""What is said of a body's bytes as they were (RFC 9530), coding and all."""
_ENCODED: Final = _CONTENT_ENCODING | _DIGESTS
_DECODED: Final = Modify(remove_fields=_CONTENT_ENCODING)

End = Refuse | Answer
"""What ends an exchange before the service is asked."""


class AnswerChanges(msgspec.Struct, eq=False, gc=False):
    """What steps changed in the answer to the client.

    ``fields``: the modifications that concern header fields, in order; ``body``: instead of what the service sent, if
    not ``None``.
    """

    fields: tuple[Modify, ...] = ()
    body: bytes | None = None


class Exchange(msgspec.Struct, eq=False, gc=False):
    """One request and what becomes of it. ``arrived_ns`` is of the shared monotonic clock, ``arrived`` Unix seconds."""

    request: RequestView
    request_id: str
    trace_id: str
    arrived_ns: int
    arrived: float
    facts: Facts = msgspec.field(default_factory=Facts)
    refusal: Refuse | None = None
    set_fields: dict[bytes, bytes] | None = None
    removed_fields: frozenset[bytes] = _NOTHING_REMOVED
    query: str | None = None
    body: bytes | None = None
    holds_body: bool = False
    unreadable: bool = False
    scanners: list[tuple[Step, BodyScanner]] | None = None
    decoder: Decoder | None = None
    holds_response: bool = False
    answer: AnswerChanges | None = None
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    upstream: str = ""
    upstream_status: int = 0
    upstream_ns: int = 0

    def decide_head(self) -> End | Awaitable[End | None] | None:
        """Run the steps that need only the head. The request must have been routed."""
        return self._run(self.request.operation.head_steps)

    @property
    def scans_body(self) -> bool:
        """Whether each piece of the body must pass :meth:`scan_body` before it is sent on."""
        return self.scanners is not None

    def begin_body(self) -> Refuse | None:
        """Settle how the body is read. The head must have been allowed."""
        request = self.request
        operation = request.operation
        if not request.has_body:
            self.holds_body = bool(operation.body_steps)
            return None
        steps = operation.body_steps
        for step in steps:
            if step.wants is None or step.wants(request):
                self.holds_body = True
                break
        else:
            steps = self._open_scanners(operation.stream_steps) if operation.stream_steps else ()
        coding = request.headers.get(b"content-encoding")
        if coding is not None and (self.holds_body or self.scanners):
            return self._begin_decoding(coding, steps)
        return self.refusal

    def _begin_decoding(self, coding: bytes, steps: tuple[Step, ...]) -> Refuse | None:
        try:
            self.decoder = request_decoder(coding, self.request.operation.max_body)
        except CodingError as error:
            self.scanners = None
            self.unreadable = True  # it passes only if all who would read it are monitored
            return self._refused_by_all(steps, undecoded(error)) or self.refusal
        if not self.holds_body and _all_monitored(steps):
            # Once decoded bytes are on their way there is no way back, should the rest be broken.
            self.decoder = self.scanners = None
        elif self.decoder is not None:
            self.removed_fields = _union(_ENCODED, self.removed_fields)
        return self.refusal

    def _refused_by_all(self, steps: tuple[Step, ...], refusal: Refuse) -> Refuse | None:
        """Refuse what none of ``steps`` could read, unless all of them are only monitored."""
        if _all_monitored(steps):
            self.facts.refused(steps[0].policy, refusal, "would_refuse")
            return None
        return self.refuse(refusal)

    def decide_body(self, body: bytes) -> End | Awaitable[End | None] | None:
        """Run the steps that need the whole body."""
        steps = self.request.operation.body_steps
        decoder = self.decoder
        if decoder is not None:
            try:
                body = decoder.feed(body) + decoder.end()
            except CodingError as error:
                self.removed_fields -= _ENCODED
                return self._refused_by_all(steps, undecoded(error))
            self.body = body
        elif self.unreadable:
            return None
        self.request.body = body
        return self._run(steps)

    def scan_body(self, data: bytes, *, ended: bool) -> bytes | Refuse:
        """What is sent on of the next piece of a body that streams, or why it must end here."""
        try:
            if self.decoder is not None:
                data = self.decoder.feed(data)
                if ended:
                    data += self.decoder.end()
        except CodingError as error:
            return self.refuse(undecoded(error))
        scanners = self.scanners or ()
        for pair in tuple(scanners):
            refusal = self._scan(*pair, data, ended=ended)
            if refusal is not None:
                return self.refuse(refusal)
        return data

    def _scan(self, step: Step, scanner: BodyScanner, data: bytes, *, ended: bool) -> Refuse | None:
        try:
            found = scanner.feed(data) if data else None
            if ended and found is None:
                found = scanner.end()
            refusal: Refuse | None = found and self._refused(step, found)
        except Exception as error:  # noqa: BLE001 - as in _run
            found = refusal = self._failed(step, error)
            if refusal is None:
                self._close_scanner(scanner)
            return refusal
        if found is not None:
            self._close_scanner(scanner)  # a monitored step has said what it had to say
        elif ended and step.allowed is not None:
            self.facts.verdicts.append(step.allowed)
        return refusal

    def _close_scanner(self, scanner: BodyScanner) -> None:
        self.scanners = [pair for pair in self.scanners or () if pair[1] is not scanner]

    def decide_response(self, response: ResponseView) -> Refuse | None:
        """Run the steps that need only the head of the service's answer, and settle whether it is held back whole."""
        operation = response.request.operation
        self.answer = AnswerChanges()
        refusal = self._run_response(operation.response_head_steps, response)
        if refusal is not None or not response.has_body:
            return refusal
        for step in operation.response_body_steps:
            if step.wants is None or step.wants(response):
                self.holds_response = True
                return None
        return None

    def refuse_response(self, refusal: Refuse, operation: Operation) -> Refuse | None:
        """Refuse an answer that can't be held back whole; ``None`` if all who want it whole are only monitored."""
        return self._refused_by_all(operation.response_body_steps, refusal)

    def decide_response_body(self, response: ResponseView, body: bytes) -> Refuse | None:
        """Run the steps that need the answer's whole body. Decoded, it is what the client gets."""
        operation = response.request.operation
        answer = self.answer = self.answer or AnswerChanges()
        coding = response.headers.get(b"content-encoding")
        if coding is not None:
            try:
                body = response_decoder(coding, body, operation.max_response)
            except CodingError as error:
                return self.refuse_response(undecoded(error, of_response=True), operation)
            answer.body = body
            answer.fields += (_DECODED,)
        response.body = body
        return self._run_response(operation.response_body_steps, response)

    def conclude(self, response: ResponseView) -> AnswerChanges | None:
        """Run the steps that have a say in whatever the client is answered; ``None``: nothing is changed."""
        steps = response.request.operation.answer_steps
        if steps:
            if self.answer is None:
                self.answer = AnswerChanges()
            self._run_response(steps, response)
        return self.answer

    def forget_body(self) -> None:
        """Hold the request's body no more: it has been sent on."""
        self.body = self.request.body = None

    def refuse(self, refusal: Refuse, policy: str = "") -> Refuse:
        """End the exchange with ``refusal``; the first one stays. ``policy``: who refused, if it was a policy."""
        if self.refusal is None:
            self.refusal = refusal
            self.facts.refused(policy or refusal.code.phase, refusal, "refuse")
        return self.refusal

    def _open_scanners(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Ask ``steps`` for what scans this body; says which of them do."""
        scanners: list[tuple[Step, BodyScanner]] = []
        for step in steps:
            try:
                scanner = step.run(self.request, self.facts)
            except Exception as error:  # noqa: BLE001 - as in _run
                self._failed(step, error)
                continue
            if scanner is not None:
                scanners.append((step, scanner))
            elif step.allowed is not None:
                self.facts.verdicts.append(step.allowed)
        self.scanners = scanners or None
        return tuple(step for step, _ in scanners)

    def _run(self, steps: tuple[Step, ...]) -> End | Awaitable[End | None] | None:
        request, facts = self.request, self.facts
        for index, step in enumerate(steps):
            try:
                decision = step.run(request, facts)
                if decision is None:
                    if step.allowed is not None:
                        facts.verdicts.append(step.allowed)
                    continue
                if not isinstance(decision, _DECISIONS):
                    return self._wait(step, decision, steps[index + 1 :])
                end: End | None = self._apply(step, decision)
            except Exception as error:  # noqa: BLE001 - whatever a step raises, the exchange must not pass
                end = self._failed(step, error)
            if end is not None:
                return end
        return None

    async def _wait(self, step: Step, pending: Awaitable[Decision], rest: tuple[Step, ...]) -> End | None:
        """Await the decision of ``step``, apply it, and go on with the rest."""
        end: End | None
        try:
            end = self._apply(step, await pending)
        except Exception as error:  # noqa: BLE001 - as in _run
            end = self._failed(step, error)
        if end is not None:
            return end
        decision = self._run(rest)
        return decision if decision is None or isinstance(decision, Refuse | Answer) else await decision

    def _refused(self, step: Step, refusal: Refuse) -> Refuse | None:
        if step.monitor:
            self.facts.refused(step.policy, refusal, "would_refuse")
            return None
        return self.refuse(refusal, step.policy)

    def _apply(self, step: Step, decision: Decision) -> End | None:
        if isinstance(decision, Refuse):
            return self._refused(step, decision)
        if isinstance(decision, Answer):
            return None if step.monitor else decision
        if isinstance(decision, Modify):
            if not step.monitor:
                self._modify(decision)
            self.facts.modified(step.policy, decision, "would_modify" if step.monitor else "modify")
        elif decision is not None:
            raise TypeError("a step decides None, Refuse, Modify or Answer")
        if step.allowed is not None:
            self.facts.verdicts.append(step.allowed)
        return None

    def _run_response(self, steps: tuple[Step, ...], response: ResponseView) -> Refuse | None:
        facts = self.facts
        for step in steps:
            try:
                decision = step.run(response, facts)
                if decision is None:
                    refusal = None
                    if step.allowed is not None:
                        facts.verdicts.append(step.allowed)
                elif isinstance(decision, Modify):
                    if not step.monitor:
                        self._modify_answer(decision, response)
                    facts.modified(step.policy, decision, "would_modify" if step.monitor else "modify")
                    refusal = None
                elif isinstance(decision, Refuse):
                    refusal = self._refused(step, decision)
                else:
                    raise TypeError("a step for the answer decides None, Refuse or Modify")  # noqa: TRY301
            except Exception as error:  # noqa: BLE001 - as in _run
                refusal = self._failed(step, error)
            if refusal is not None:
                return refusal
        return None

    def _modify_answer(self, change: Modify, response: ResponseView) -> None:
        answer = self.answer = self.answer or AnswerChanges()
        if change.body is not None:
            if response.body is None:
                raise ValueError("a step that does not need the answer's body can't replace it")
            answer.body = response.body = change.body
        if change.set_fields or change.remove_fields or change.default_fields:
            answer.fields += (change,)

    def _modify(self, change: Modify) -> None:
        """Note what ``change`` asks for: of two that concern the same field, the later one counts."""
        if change.body is not None:
            if self.request.body is None:
                raise ValueError("a step that does not need the body can't replace it")
            self.body = self.request.body = change.body
            self.removed_fields = _union(_DIGESTS, self.removed_fields)
        if change.remove_fields:
            # The very object where it is the only one: mounts remember what they rendered for it.
            gone = self.removed_fields
            self.removed_fields = _union(change.remove_fields, gone) if gone else change.remove_fields
            if self.set_fields:
                self.set_fields = {k: v for k, v in self.set_fields.items() if k not in change.remove_fields}
        if change.set_fields:
            self.set_fields = {**(self.set_fields or {}), **dict(change.set_fields)}
            self.removed_fields |= self._written_alike(change.set_fields)
        if change.query is not None:
            self.query = change.query

    def _written_alike(self, fields: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
        """Names in the request that a service may take for one of ``fields``.

        CGI and WSGI read ``x_consumer`` and ``x-consumer`` as the same variable (RFC 3875 4.1.18): a client must not
        be able to say something beside what a step says.
        """
        names = {name.replace(b"_", b"-") for name, _ in fields}
        return {name for name, _ in self.request.fields if name.replace(b"_", b"-") in names}

    def _failed(self, step: Step, error: Exception) -> Refuse | None:
        """A step that could not be evaluated refuses, and only the record learns what went wrong."""
        refusal = self.internal_error(error)
        self.facts.refused(step.policy, refusal, "error")
        if step.monitor:
            return None
        self.refusal = self.refusal or refusal
        return self.refusal

    @staticmethod
    def internal_error(error: Exception) -> Refuse:
        """The refusal of what failed with ``error``: only the record learns what it was, and where."""
        return Refuse(
            INTERNAL, finding=Finding(found=type(error).__name__, allowed="a decision", source=_raised_in(error))
        )

    def record(self, now_ns: int) -> Record:
        """The record of the exchange, which ended at ``now_ns``."""
        request, facts, refusal = self.request, self.facts, self.refusal
        identity = facts.identity
        consumer = identity.consumer
        operation = request.operation
        total = max(0, now_ns - self.arrived_ns) // 1000
        upstream = min(total, self.upstream_ns // 1000)
        return Record(
            _timestamps.format(self.arrived),
            self.request_id,
            self.trace_id,
            request.client,
            request.method,
            redact_target(request.target),
            "allow" if refusal is None else "abort" if refusal.code is CLIENT_ABORTED else "refuse",
            self.status,
            request.host,
            operation.api,
            operation.version,
            operation.name,
            consumer.name if consumer is not None else "",
            identity.subject,
            identity.credential,
            refusal.code.name if refusal is not None else "",
            facts.verdicts,
            self.upstream,
            self.upstream_status,
            self.bytes_in,
            self.bytes_out,
            total,
            upstream,
            total - upstream,
        )


def _raised_in(error: Exception) -> str:
    """Module and line that raised ``error``: never its message, which may quote the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"


@lru_cache(maxsize=1024)
def _union(some: frozenset[bytes], others: frozenset[bytes]) -> frozenset[bytes]:
    """Both together: the same object each time, since mounts remember what they rendered without these fields."""
    return some | others


def _all_monitored(steps: tuple[Step, ...]) -> bool:
    return all(step.monitor for step in steps)
