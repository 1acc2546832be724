"""The step by which a rule is enforced on an object that is read from the service before the request is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.owning import GONE, Ownership, Part, decided, judge_answer, refuse_first, unreadable_head
from portcullis.engine.policy import FirstRead
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView


class ReadPlan(msgspec.Struct, frozen=True):
    """How an object is read before the request is sent.

    ``target``: path and query to ask the service for, ``None`` where the values for it are missing or no good;
    ``absent_passes``: a request for an object that is not there is sent on.
    """

    target: Callable[[Given], str | None]
    accept: bytes
    absent_passes: bool = False


def before_step(
    owned: Ownership, part: Part, plan: ReadPlan
) -> Callable[[RequestView, Facts], FirstRead | Refuse | None]:
    """Has the object read, and decides by what the service says of it."""
    unread = Refuse(codes.UNAVAILABLE)

    def judge_object(response: ResponseView, facts: Facts) -> Refuse | Awaitable[Refuse | None] | None:
        if response.status in GONE:
            return None if plan.absent_passes else owned.absent(response.status)
        if response.status >= 400:
            finding = Finding("/before/status", str(response.status), "an answer below 400", owned.source)
            return msgspec.structs.replace(unread, finding=finding)
        if (refusal := unreadable_head(owned, response)) is not None:
            return refusal

        def decide(given: Given) -> Refuse | None:
            judged = judge_answer(owned, part, given, response)
            if isinstance(judged, Refuse):
                return judged
            if judged.first is not None:
                return refuse_first(owned, part, given, judged.first)
            return None if judged.passed else owned.absent(response.status)

        return decided(owned, decide, Given(response.request, facts))

    def read(request: RequestView, facts: Facts) -> FirstRead | Refuse | None:
        if owned.spares(facts):
            return None
        target = plan.target(Given(request, facts))
        if target is None:
            return owned.unreadable("/path", "values that no object can be read by", "plain values")
        return FirstRead(target, plan.accept, judge_object, unread)

    return read
