"""The answer's side of an exchange: the service's answer looked at and changed, and what every answer is given."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

import msgspec

from portcullis.engine.body_codings import response_decoder, undecoded
from portcullis.engine.codings import CodingError
from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.exchange.outcome import NO_DECISION, AnswerChanges, Outcome
from portcullis.engine.policy import Step
from portcullis.engine.response import ResponseView

_DECODED: Final = Modify(remove_fields=frozenset({b"content-encoding"}))


class ResponseSide(Outcome, eq=False, gc=False):
    """An exchange from the service's answer on."""

    def decide_response(self, response: ResponseView) -> Refuse | None:
        """Run the steps that need only the head of the service's answer, and settle whether it is held back whole."""
        operation = response.request.operation
        refusal = self._run_response(operation.response_head_steps, response)
        if refusal is not None or not response.has_body:
            return refusal
        for step in operation.response_body_steps:
            if step.wants is None or step.wants(response):
                self.holds_response = True
                return None
        return None

    def refuse_response(self, refusal: Refuse, response: ResponseView) -> Refuse | None:
        """Refuse an answer that can't be held back whole; ``None`` if all who want it whole are only monitored.

        A step may have its own word for an answer of the service that can't be read; that the gateway is short of
        memory is no word about the answer.
        """
        steps = response.request.operation.response_body_steps
        wanting = tuple(step for step in steps if step.wants is None or step.wants(response))
        for step in wanting if refusal.code.phase == "upstream" else ():
            if step.unread is not None and not step.monitor:
                refusal = msgspec.structs.replace(step.unread, finding=refusal.finding)
                return self.refuse(refusal, step.policy)
        return self.refused_by_all(wanting, refusal)

    def decide_response_body(self, response: ResponseView, body: bytes) -> Refuse | Awaitable[Refuse | None] | None:
        """Run the steps that need the answer's whole body. Decoded, it is what the client gets."""
        operation = response.request.operation
        coding = response.headers.get(b"content-encoding")
        if coding is not None:
            try:
                body = response_decoder(coding, body, operation.max_response)
            except CodingError as error:
                return self.refuse_response(undecoded(error, of_response=True), response)
            answer = self.answer = self.answer or AnswerChanges()
            answer.body = body
            answer.fields += (_DECODED,)
        response.body = body
        response.document = msgspec.UNSET
        return self._run_body(operation.response_body_steps, response)

    def overdue_response(self, response: ResponseView) -> Refuse | Awaitable[Refuse | None] | None:
        """The step that is waited for has not decided in time, so it has failed. Go on as decide_response_body does."""
        if self.awaited is None:
            raise RuntimeError("no step is waited for")
        step, rest = self.awaited
        return self.undecided(step, NO_DECISION) or self._run_body(rest, response)

    def conclude(self, response: ResponseView) -> AnswerChanges | None:
        """Run the steps that have a say in whatever the client is answered; ``None``: nothing is changed."""
        steps = response.request.operation.answer_steps
        if steps:
            self._run_response(steps, response)
        return self.answer

    def _run_response(self, steps: tuple[Step, ...], response: ResponseView) -> Refuse | None:
        for step in steps:
            try:
                refusal = self._apply_response(step, step.run(response, self.facts), response)
            except Exception as error:  # noqa: BLE001 - whatever a step raises, the answer must not pass
                refusal = self.failed(step, error)
            if refusal is not None:
                return refusal
        return None

    def _run_body(self, steps: tuple[Step, ...], response: ResponseView) -> Refuse | Awaitable[Refuse | None] | None:
        """As :meth:`_run_response`; these steps may wait."""
        for index, step in enumerate(steps):
            try:
                decision = step.run(response, self.facts)
                if decision is not None and isinstance(decision, Awaitable):
                    return self._wait_for(step, decision, steps[index + 1 :], response)
                refusal = self._apply_response(step, decision, response)
            except Exception as error:  # noqa: BLE001 - as in _run_response
                refusal = self.failed(step, error)
            if refusal is not None:
                return refusal
        return None

    async def _wait_for(
        self, step: Step, pending: Awaitable[Refuse | Modify | None], rest: tuple[Step, ...], response: ResponseView
    ) -> Refuse | None:
        """Await the decision of ``step``, apply it, and go on with the rest."""
        self.awaited = (step, rest)
        try:
            refusal = self._apply_response(step, await pending, response)
        except Exception as error:  # noqa: BLE001 - as in _run_response
            refusal = self.failed(step, error)
        if refusal is not None:
            return refusal
        decision = self._run_body(rest, response)
        return decision if decision is None or isinstance(decision, Refuse) else await decision

    def _apply_response(self, step: Step, decision: Refuse | Modify | None, response: ResponseView) -> Refuse | None:
        facts = self.facts
        if decision is None:
            if step.allowed is not None:
                facts.verdicts.append(step.allowed)
            return None
        if isinstance(decision, Refuse):
            return self.refused(step, decision)
        if not isinstance(decision, Modify):
            raise TypeError("a step for the answer decides None, Refuse or Modify")
        if step.monitor:
            response.document = msgspec.UNSET  # it may have been changed by the one who asks for it
        else:
            self._modify_answer(decision, response)
        if decision.code is not None:
            facts.modified(step.policy, decision, "would_modify" if step.monitor else "modify")
        return None

    def _modify_answer(self, change: Modify, response: ResponseView) -> None:
        answer = self.answer = self.answer or AnswerChanges()
        if change.body is not None:
            if response.body is None:
                raise ValueError("a step that does not need the answer's body can't replace it")
            answer.body = response.body = change.body
            response.document = change.document
        if change.set_fields or change.remove_fields or change.default_fields:
            if change.body is not None:  # mounts remember fields, which must not keep a body
                change = Modify(change.set_fields, change.remove_fields, default_fields=change.default_fields)
            answer.fields += (change,)
