"""The steps by which a rule is enforced: on the request, on an object that is read first, on the service's answer.

Whatever is not plainly allowed is refused: a value that is missing, an answer that is not JSON, counters that can't be
reached. A refusal says to the caller what it would be told of an object that does not exist; so the service's own word
for that, a 404 or 410, is replaced by the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from portcullis.engine import media_type
from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.deciding import AwaitedError, Decider, Given, QuestionError, Truth
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.objects.explaining import explain, pointer_of
from portcullis.engine.objects.json_text import edited
from portcullis.engine.objects.selecting import Judged, Way, counted, judge
from portcullis.engine.objects.syntax import Rule, Step
from portcullis.engine.policy import FirstRead
from portcullis.engine.ports import CounterStoreError
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError

OfRequest: TypeAlias = Refuse | Modify | None
OfAnswer: TypeAlias = Refuse | Modify | None
_Decision = TypeVar("_Decision")
GONE: Final = (404, 410)

# With these a service could answer in a way that can't be checked, or that tells whether an object is there.
_ASKED_WITHOUT: Final = frozenset(
    {
        *(b"accept-encoding", b"range", b"if-range"),
        *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    }
)
_PLAIN_ACCEPTS: Final = frozenset({b"*/*", b"application/json"})
_AS_WHOLE: Final = Modify(remove_fields=_ASKED_WITHOUT)
_PROBLEM: Final = b"application/problem+json"
_VALIDATORS: Final = frozenset({b"etag", b"last-modified"})
"""They tell when something of the whole list has changed."""
_LONGEST_TYPE: Final = 256
_ONE_WAY: Final = "JSON that reads one way only"


class Part(msgspec.Struct, frozen=True):
    """A part of a rule that is decided at once. ``at``: the steps to the objects it is about, ``None``: there are none.

    ``absent_is_none``: where a field on the way to them is not there, there are no objects.
    """

    decider: Decider
    at: tuple[Step, ...] | None = None
    absent_is_none: bool = False


class Ownership(msgspec.Struct, frozen=True):
    """What the steps of one operation go by.

    ``source``: where the rule is written; ``hides``: callers are not told an object of others from none; ``exempt``:
    roles for which the rule does not hold.
    """

    rule: Rule
    source: str
    enumeration: Enumeration
    hides: bool = True
    exempt: frozenset[str] = frozenset()

    def spares(self, facts: Facts) -> bool:
        """Whether the rule does not hold for the caller."""
        return bool(self.exempt) and not self.exempt.isdisjoint(facts.identity.roles)

    def code(self, code: Code) -> Code:
        """``code`` as the caller may learn it."""
        return code if self.hides else codes.told_apart(code)

    def refuse(self, given: Given, decider: Decider, value: Any, way: Way, truth: Truth) -> Refuse:
        """The refusal of the object ``value`` at ``way`` of its document."""
        finding = explain(self.rule, decider, given, value, way, self.source)
        code = codes.UNDECIDED if truth is None else codes.NOT_OWNER
        request = given.request
        key = f"{request.path}?{request.query} {finding.found}".encode()
        try:
            if self.enumeration.refused(given.facts, key):
                code = codes.ENUMERATION
        except CounterStoreError:
            pass  # it is refused anyway
        return Refuse(self.code(code), finding=finding)

    def unreadable(self, pointer: str, found: str, allowed: str) -> Refuse:
        """The refusal of what can't be read."""
        return Refuse(self.code(codes.UNREADABLE), finding=Finding(pointer, found, allowed, self.source))

    def unavailable(self, error: Exception) -> Refuse:
        """What the rule asks can't be found out at the moment, so nothing is let pass."""
        return Refuse(codes.UNAVAILABLE, finding=Finding(found=shorten(str(error)), source=self.source))

    def absent(self, status: int) -> Refuse:
        """The service has no such object: what it says of that is not told apart from a refusal."""
        return Refuse(codes.ABSENT, finding=Finding("/response/status", str(status), "", self.source))


# On the request


def head_step(
    owned: Ownership, part: Part | None, accept: bytes | None
) -> Callable[[RequestView, Facts], OfRequest | Awaitable[OfRequest]]:
    """Decides what the request's head is enough for. ``accept``: what the service is asked for, where that matters."""

    def decide(given: Given) -> OfRequest:
        if owned.enumeration.locks and (locked := _locked(owned, given.facts)) is not None:
            return locked
        if part is not None:
            truth = part.decider.check(given, None)
            if truth is not True:
                return owned.refuse(given, part.decider, None, (), truth)
        return None if accept is None else _asked_as_whole(given.request, accept)

    def step(request: RequestView, facts: Facts) -> OfRequest | Awaitable[OfRequest]:
        return None if owned.spares(facts) else _decided(owned, decide, Given(request, facts))

    return step


def body_step(
    owned: Ownership, parts: Sequence[Part]
) -> Callable[[RequestView, Facts], OfRequest | Awaitable[OfRequest]]:
    """Decides what the request's body is needed for. Of a list in it each item has to pass."""

    def decide(given: Given) -> OfRequest:
        given.whole = given.facts.document
        if given.whole is UNREAD:
            return owned.unreadable("/body", "nothing that could be read", "a body")
        for part in parts:
            refusal = _of_body(owned, part, given)
            if refusal is not None:
                return refusal
        return None

    def step(request: RequestView, facts: Facts) -> OfRequest | Awaitable[OfRequest]:
        return None if owned.spares(facts) else _decided(owned, decide, Given(request, facts))

    return step


def _decided(
    owned: Ownership, decide: Callable[[Given], _Decision], given: Given
) -> _Decision | Refuse | Awaitable[_Decision | Refuse]:
    """What ``decide`` says, at once or when the questions of the rule are answered; a refusal if they are not."""
    try:
        return decide(given)
    except AwaitedError:
        return _settled(owned, decide, given)
    except QuestionError as error:
        return owned.unavailable(error)


async def _settled(owned: Ownership, decide: Callable[[Given], _Decision], given: Given) -> _Decision | Refuse:
    while True:
        try:
            await given.learn()
            return decide(given)
        except AwaitedError:
            continue  # what was learned leads to more questions
        except QuestionError as error:
            return owned.unavailable(error)


def _of_body(owned: Ownership, part: Part, given: Given) -> Refuse | None:
    decider = part.decider
    if part.at is None:
        truth = decider.check(given, None)
        return None if truth is True else owned.refuse(given, decider, None, (), truth)
    judged = judge(given.whole, part.at, decider.bind(given), strict=True)
    given.must_know()
    if judged.missing is not None:
        return owned.unreadable(pointer_of("/body", judged.missing), "no list", "a list")
    return None if judged.first is None else _refuse_first(owned, part, given, judged.first)


def _refuse_first(owned: Ownership, part: Part, given: Given, way: Way) -> Refuse:
    value = given.whole
    for step in way:
        value = value[step]
    return owned.refuse(given, part.decider, value, way, part.decider.check(given, value))


def _locked(owned: Ownership, facts: Facts) -> Refuse | None:
    try:
        taken = owned.enumeration.is_locked(facts)
    except CounterStoreError as error:
        return owned.unavailable(error)
    if taken is None:
        return None
    seconds = -(-taken.retry_after_ns // 10**9)
    allowed = f"fewer than {owned.enumeration.after} refused objects in {owned.enumeration.per} s"
    fields = ((b"retry-after", b"%d" % seconds),)
    return Refuse(codes.LOCKED, finding=Finding("/identity", "", allowed, owned.source), fields=fields)


def _asked_as_whole(request: RequestView, accept: bytes) -> Modify | None:
    """Ask the service for an answer that can be read, whatever the client asks for."""
    headers = request.headers
    asked = headers.get(b"accept")
    if asked is not None and asked not in _PLAIN_ACCEPTS and asked != accept:
        return Modify(remove_fields=_ASKED_WITHOUT, set_fields=((b"accept", accept),))
    return None if _ASKED_WITHOUT.isdisjoint(headers) else _AS_WHOLE


# On an object that is read first


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
        if (refusal := _unreadable_head(owned, response)) is not None:
            return refusal

        def decide(given: Given) -> Refuse | None:
            judged = _judged(owned, part, given, response)
            if isinstance(judged, Refuse):
                return judged
            if judged.first is not None:
                return _refuse_first(owned, part, given, judged.first)
            return None if judged.passed else owned.absent(response.status)

        return _decided(owned, decide, Given(response.request, facts))

    def read(request: RequestView, facts: Facts) -> FirstRead | Refuse | None:
        if owned.spares(facts):
            return None
        target = plan.target(Given(request, facts))
        if target is None:
            return owned.unreadable("/path", "values that no object can be read by", "plain values")
        return FirstRead(target, plan.accept, judge_object, unread)

    return read


# On the answer


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
        return _unreadable_head(owned, response)

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
            judged = _judged(owned, part, given, response)
            if isinstance(judged, Refuse):
                return judged
            if judged.single is not None:
                return _refuse_first(owned, part, given, judged.single)
            if judged.first is not None and not plan.filters:
                refusal = _refuse_first(owned, part, given, judged.first)
                return Refuse(codes.LIST_REFUSED, finding=refusal.finding)
            return _without_others(owned, plan, response, judged)

        return _decided(owned, decide, Given(response.request, facts))

    return check_body


def _without_others(owned: Ownership, plan: ListPlan, response: ResponseView, judged: Judged) -> Modify | None:
    document, edit = judged.document, judged.edit
    for total in plan.totals:
        document, edit = counted(document, edit, total, judged.passed)
    fields = tuple((name, b"%d" % judged.passed) for name in plan.total_fields if name in response.headers)
    if edit is None:
        return Modify(set_fields=fields) if fields else None
    finding = Finding("/response/body", f"{judged.refused} objects of others", "the caller's own", owned.source)
    return Modify(
        body=edited(response.body or b"", edit),
        document=document,
        set_fields=fields,
        remove_fields=_VALIDATORS if judged.refused else frozenset(),
        code=codes.LIST_FILTERED if judged.refused else None,
        finding=finding if judged.refused else None,
    )


def _judged(owned: Ownership, part: Part, given: Given, response: ResponseView) -> Judged | Refuse:
    try:
        given.whole = response.value()
    except MalformedJsonError as error:
        return owned.unreadable("/response/body", shorten(str(error)), _ONE_WAY)
    judged = judge(given.whole, part.at or (), part.decider.bind(given), absent_is_none=part.absent_is_none)
    given.must_know()
    if judged.missing is not None:
        return owned.unreadable(pointer_of("/response/body", judged.missing), "no objects", "objects")
    return judged


def _judged_error(owned: Ownership, part: Part, given: Given, response: ResponseView) -> Refuse | None:
    """An error, such as a conflict, may show the object that it is about: refused if that is plainly somebody else's.

    One in which the rule finds nothing to go by is an error like any other.
    """
    try:
        given.whole = response.value()
    except MalformedJsonError as error:
        return owned.unreadable("/response/body", shorten(str(error)), _ONE_WAY)
    bound = part.decider.bind(given)
    passes = (lambda value: bound(value) is not False) if callable(bound) else bound is not False
    judged = judge(given.whole, part.at or (), passes, absent_is_none=True)
    given.must_know()
    return None if judged.first is None else _refuse_first(owned, part, given, judged.first)


def _unreadable_head(owned: Ownership, response: ResponseView) -> Refuse | None:
    """The refusal of an answer that shows no object by its head."""
    if response.status >= 300:
        return owned.unreadable("/response/status", str(response.status), "an object")
    if not response.has_body:
        return owned.unreadable("/response/body", "no body", "an object")
    field = response.headers.get(b"content-type")
    if field is None or not is_json(field):
        shown = "none" if field is None else shorten(field.decode("latin-1"))
        return owned.unreadable("/response/header/content-type", shown, "JSON")
    return None


def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type says JSON, which is UTF-8 (RFC 8259 8.1) whatever else is said."""
    return len(content_type) <= _LONGEST_TYPE and _is_json(content_type)


@lru_cache(maxsize=256)
def _is_json(content_type: bytes) -> bool:
    try:
        actual = media_type.parse_once(content_type.decode("latin-1"))
    except ValueError:
        return False
    return actual.is_json and actual.parameter("charset") in (None, "utf-8")
