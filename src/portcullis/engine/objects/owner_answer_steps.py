"""The steps by which a rule is enforced on the service's answer: an object, a list, or an error that shows one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.json_text import edited
from portcullis.engine.objects.owning import (
    GONE,
    ONE_WAY,
    Ownership,
    Part,
    decided,
    is_json,
    judge_answer,
    refuse_first,
    unreadable_head,
)
from portcullis.engine.objects.selecting import Judged, counted, judge
from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError

OfAnswer: TypeAlias = Refuse | Modify | None
_PROBLEM: Final = b"application/problem+json"
_OF_THE_WHOLE: Final = frozenset({b"etag", b"last-modified", b"content-range"})
"""They tell when something of the whole list has changed, and how long it is (as PostgREST says)."""


class ListPlan(msgspec.Struct, frozen=True):
    """What becomes of lists with objects of others in them, and which numbers of the answer count them.

    ``totals``: ways to fields of the body; ``total_fields``: header fields.
    """

    filters: bool = True
    totals: tuple[tuple[str, ...], ...] = ()
    total_fields: tuple[bytes, ...] = ()


def response_head_step(owned: Ownership, *, monitor: bool) -> Callable[[ResponseView, Facts], Refuse | None]:
    """Refuses answers in which no object can be looked for."""
    hides = owned.hides and not monitor

    def check_head(response: ResponseView, facts: Facts) -> Refuse | None:
        if owned.spares(facts):
            return None
        if response.status >= 400:
            return owned.absent(response.status) if hides and response.status in GONE else None
        return unreadable_head(owned, response)

    return check_head


def wants_answer(response: ResponseView) -> bool:
    """Whether there may be an object in the answer: not in errors that are text or problem documents (RFC 9457)."""
    if response.status < 400:
        return True
    content_type = response.headers.get(b"content-type", b"")
    return is_json(content_type) and content_type.partition(b";")[0].strip().lower() != _PROBLEM


def response_body_step(
    owned: Ownership, part: Part, plan: ListPlan
) -> Callable[[ResponseView, Facts], OfAnswer | Awaitable[OfAnswer]]:
    """Lets pass the objects for which the rule holds."""

    def check_body(response: ResponseView, facts: Facts) -> OfAnswer | Awaitable[OfAnswer]:
        if owned.spares(facts) or not wants_answer(response):
            return None

        def decide(given: Given) -> OfAnswer:
            if response.status >= 400:
                return _judged_error(owned, part, given, response)
            judged = judge_answer(owned, part, given, response)
            if isinstance(judged, Refuse):
                return judged
            if judged.single is not None:
                return refuse_first(owned, part, given, judged.single)
            if judged.first is not None and not plan.filters:
                refusal = refuse_first(owned, part, given, judged.first)
                return Refuse(codes.LIST_REFUSED, finding=refusal.finding)
            return _without_others(owned, plan, response, judged)

        return decided(owned, decide, Given(response.request, facts))

    return check_body


def _without_others(owned: Ownership, plan: ListPlan, response: ResponseView, judged: Judged) -> Modify | None:
    document, edit = judged.document, judged.edit
    for total in plan.totals:
        document, edit = counted(document, edit, total, judged.passed)
    fields = tuple((name, b"%d" % judged.passed) for name in plan.total_fields if name in response.headers)
    if edit is None:
        return Modify(set_fields=fields) if fields else None
    found = f"{judged.refused} object{'s' * (judged.refused != 1)} of others"
    finding = Finding("/response/body", found, "the caller's own", owned.source)
    return Modify(
        body=edited(response.body or b"", edit),
        document=document,
        set_fields=fields,
        remove_fields=_OF_THE_WHOLE if judged.refused else frozenset(),
        code=codes.LIST_FILTERED if judged.refused else None,
        finding=finding if judged.refused else None,
    )


def _judged_error(owned: Ownership, part: Part, given: Given, response: ResponseView) -> Refuse | None:
    """An error, such as a conflict, may show the object that it is about: refused if that is plainly somebody else's.

    One in which the rule finds nothing to go by is an error like any other.
    """
    try:
        given.whole = response.value()
    except MalformedJsonError as error:
        return owned.unreadable("/response/body", shorten(str(error)), ONE_WAY)
    bound = part.decider.bind(given)
    passes = (lambda value: bound(value) is not False) if callable(bound) else bound is not False
    judged = judge(given.whole, part.at or (), passes, absent_is_none=True)
    given.must_know()
    return None if judged.first is None else refuse_first(owned, part, given, judged.first)
