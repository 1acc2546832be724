"""The request's side of an exchange: its steps one after another, its body read, and what is sent on changed."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Final

from portcullis.engine.body_codings import request_decoder, undecoded
from portcullis.engine.codings import CodingError
from portcullis.engine.decision import Answer, Modify, Refuse
from portcullis.engine.exchange.outcome import NO_DECISION, End, Outcome, all_monitored, union
from portcullis.engine.policy import BodyScanner, Decision, Step

_DECISIONS: Final = (Refuse, Modify, Answer)
_DIGESTS: Final = frozenset({b"content-digest", b"content-md5", b"digest", b"repr-digest"})
"""What is said of a body's bytes as they were (RFC 9530), coding and all."""
_ENCODED: Final = frozenset({b"content-encoding"}) | _DIGESTS


class RequestSide(Outcome, eq=False, gc=False):
    """An exchange until its request is sent on, or ended."""

    def decide_head(self) -> End | Awaitable[End | None] | None:
        """Run the steps that need only the head. The request must have been routed."""
        return self._run(self.request.operation.head_steps)

    def overdue(self) -> End | Awaitable[End | None] | None:
        """The step that is waited for has not decided in time: it has failed. Go on as :meth:`decide_head` does."""
        if self.awaited is None:
            raise RuntimeError("no step is waited for")
        step, rest = self.awaited
        end = self.undecided(step, NO_DECISION)
        return self._run(rest) if end is None else end

    @property
    def scans_body(self) -> bool:
        """Whether each piece of the body must pass :meth:`scan_body` before it is sent on."""
        return self.scanners is not None

    def begin_body(self) -> Refuse | None:
        """Settle how the body is read. The head must have been allowed."""
        request = self.request
        operation = request.operation
        if not request.has_body:
            self.holds_body = bool(operation.body_steps or operation.wire_steps)
            return None
        steps = operation.body_steps
        for step in (*operation.wire_steps, *steps) if operation.wire_steps else steps:
            if step.wants is None or step.wants(request):
                self.holds_body = True
                break
        else:
            steps = self._open_scanners(operation.stream_steps) if operation.stream_steps else ()
        coding = request.headers.get(b"content-encoding")
        if coding is not None and steps and (self.holds_body or self.scanners):
            return self._begin_decoding(coding, steps)
        return self.refusal

    def _begin_decoding(self, coding: bytes, steps: tuple[Step, ...]) -> Refuse | None:
        try:
            self.decoder = request_decoder(coding, self.request.operation.max_body)
        except CodingError as error:
            self.scanners = None
            self.unreadable = True  # it passes only if all who would read it are monitored
            return self.refused_by_all(steps, undecoded(error)) or self.refusal
        if not self.holds_body and all_monitored(steps):
            # Once decoded bytes are on their way there is no way back, should the rest be broken.
            self.decoder = self.scanners = None
        elif self.decoder is not None:
            self.removed_fields = union(_ENCODED, self.removed_fields)
        return self.refusal

    def decide_body(self, body: bytes) -> End | Awaitable[End | None] | None:
        """Run the steps that need the whole body: first those that need it as it was sent."""
        steps = self.request.operation.body_steps
        if (wire := self.request.operation.wire_steps) and (refusal := self._decide_wire(wire, body)) is not None:
            return refusal
        decoder = self.decoder
        if decoder is not None:
            try:
                body = decoder.feed(body) + decoder.end()
            except CodingError as error:
                self.removed_fields -= _ENCODED
                return self.refused_by_all(steps, undecoded(error))
            self.body = body
        elif self.unreadable:
            return None
        self.request.body = body
        return self._run(steps)

    def _decide_wire(self, steps: tuple[Step, ...], body: bytes) -> Refuse | None:
        self.request.body = body
        for step in steps:
            try:
                found = step.run(self.request, self.facts)
                if found is not None and not isinstance(found, Refuse):
                    raise TypeError("a step for the body as it was sent decides None or Refuse")  # noqa: TRY301
                refusal = found and self.refused(step, found)
            except Exception as error:  # noqa: BLE001 - as in _run
                refusal = self.failed(step, error)
            if refusal is not None:
                return refusal
        return None

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

    @property
    def held_by_scanners(self) -> int:
        """Bytes that are kept of a body that streams, beside what was sent on."""
        return sum([scanner.held for _, scanner in self.scanners or ()])

    def _scan(self, step: Step, scanner: BodyScanner, data: bytes, *, ended: bool) -> Refuse | None:
        try:
            found = scanner.feed(data) if data else None
            if ended and found is None:
                found = scanner.end()
            refusal: Refuse | None = found and self.refused(step, found)
        except Exception as error:  # noqa: BLE001 - as in _run
            found = refusal = self.failed(step, error)
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

    def forget_body(self) -> None:
        """Hold the request's body no more: it has been sent on."""
        self.body = self.request.body = None

    def _open_scanners(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Ask ``steps`` for what scans this body; says which of them do."""
        scanners: list[tuple[Step, BodyScanner]] = []
        for step in steps:
            try:
                scanner = step.run(self.request, self.facts)
            except Exception as error:  # noqa: BLE001 - as in _run
                self.failed(step, error)
                continue
            if scanner is not None:
                scanners.append((step, scanner))
            elif step.allowed is not None:
                self.facts.verdicts.append(step.allowed)
        self.scanners = scanners or None
        return tuple(step for step, _ in scanners)

    def _run(self, steps: tuple[Step, ...]) -> End | Awaitable[End | None] | None:
        request, facts = self.request, self.facts
        verdicts = facts.verdicts
        for index, step in enumerate(steps):
            try:
                decision = step.run(request, facts)
                if decision is None:
                    if (verdict := step.allowed) is not None:
                        verdicts.append(verdict)
                    continue
                if not isinstance(decision, _DECISIONS):
                    return self._wait(step, decision, steps[index + 1 :])
                end: End | None = self._apply(step, decision)
            except Exception as error:  # noqa: BLE001 - whatever a step raises, the exchange must not pass
                end = self.failed(step, error)
            if end is not None:
                return end
        return None

    async def _wait(self, step: Step, pending: Awaitable[Decision], rest: tuple[Step, ...]) -> End | None:
        """Await the decision of ``step``, apply it, and go on with the rest."""
        self.awaited = (step, rest)
        end: End | None
        try:
            end = self._apply(step, await pending)
        except Exception as error:  # noqa: BLE001 - as in _run
            end = self.failed(step, error)
        if end is not None:
            return end
        decision = self._run(rest)
        return decision if decision is None or isinstance(decision, Refuse | Answer) else await decision

    def _apply(self, step: Step, decision: Decision) -> End | None:
        if isinstance(decision, Modify):
            if not step.monitor:
                self._modify(decision)
            if decision.code is not None:
                self.facts.modified(step.policy, decision, "would_modify" if step.monitor else "modify")
        elif isinstance(decision, Refuse):
            return self.refused(step, decision)
        elif isinstance(decision, Answer):
            return None if step.monitor else decision
        elif decision is not None:
            raise TypeError("a step decides None, Refuse, Modify or Answer")
        if step.allowed is not None:
            self.facts.verdicts.append(step.allowed)
        return None

    def _modify(self, change: Modify) -> None:
        """Note what ``change`` asks for: of two that concern the same field, the later one counts."""
        if change.body is not None:
            if self.request.body is None:
                raise ValueError("a step that does not need the body can't replace it")
            self.body = self.request.body = change.body
            self.removed_fields = union(_DIGESTS, self.removed_fields)
        if change.remove_fields:
            # The very object where it is the only one: mounts remember what they rendered for it.
            gone = self.removed_fields
            self.removed_fields = union(change.remove_fields, gone) if gone else change.remove_fields
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
