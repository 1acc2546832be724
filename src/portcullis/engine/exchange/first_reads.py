"""What is read of the service before the request is sent to it, and what that decides."""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from portcullis.engine.body_codings import response_decoder, undecoded
from portcullis.engine.codings import CodingError
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange.outcome import Outcome
from portcullis.engine.policy import FirstRead, Step
from portcullis.engine.response import ResponseView


class FirstReads(Outcome, eq=False, gc=False):
    """An exchange between its last decision about the request alone and the request on its way."""

    def first_read(self) -> FirstRead | Refuse | None:
        """What has to be read next; ``None``: nothing more, so the request may be sent. All else has let it pass."""
        steps = self.request.operation.before_steps
        while self.reads < len(steps):
            step = steps[self.reads]
            self.reads += 1
            try:
                found = step.run(self.request, self.facts)
            except Exception as error:  # noqa: BLE001 - whatever a step raises, the exchange must not pass
                refusal = self.failed(step, error)
            else:
                if isinstance(found, FirstRead):
                    self.reading = (step, found)
                    return found
                refusal = self._said(step, found)
            if refusal is not None:
                return refusal
        return None

    def decide_first_read(self, response: ResponseView, body: bytes) -> Refuse | Awaitable[Refuse | None] | None:
        """Decide by what the service said: ``response``, with its whole ``body`` as it came."""
        coding = response.headers.get(b"content-encoding")
        if coding is not None:
            try:
                body = response_decoder(coding, body, self.request.operation.max_response)
            except CodingError as error:
                return self.first_read_failed(undecoded(error, of_response=True).finding)
        response.body = body
        step, read = self._read()
        try:
            found = read.judge(response, self.facts)
        except Exception as error:  # noqa: BLE001 - as above
            return self.failed(step, error)
        return self._said(step, found) if found is None or isinstance(found, Refuse) else self._await_first(step, found)

    async def _await_first(self, step: Step, pending: Awaitable[Refuse | None]) -> Refuse | None:
        """Await what ``step`` says of what was read."""
        self.awaited = (step, ())
        try:
            found = await pending
        except Exception as error:  # noqa: BLE001 - as above
            return self.failed(step, error)
        return self._said(step, found)

    def first_read_failed(self, finding: Finding | None) -> Refuse | None:
        """The service gave no answer, or none that can be read; ``finding`` says why."""
        step, read = self._read()
        return self.refused(step, msgspec.structs.replace(read.unread, finding=finding))

    def _said(self, step: Step, found: Refuse | None) -> Refuse | None:
        """What ``step`` said, as it counts."""
        if found is not None:
            return self.refused(step, found)
        if step.allowed is not None:
            self.facts.verdicts.append(step.allowed)
        return None

    def _read(self) -> tuple[Step, FirstRead]:
        """What is being read, which is over now."""
        reading, self.reading = self.reading, None
        if reading is None:
            raise RuntimeError("nothing is being read of the service")
        return reading
