"""Whose it is, as all steps that enforce a rule decide it: what is refused, and what is said then.

Whatever is not plainly allowed is refused: a value that is missing, an answer that is not JSON, counters that can't be
reached. A refusal says to the caller what it would be told of an object that does not exist; so the service's own word
for that, a 404 or 410, is replaced by the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from portcullis.engine import media_type
from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.objects.explaining import explain, pointer_of
from portcullis.engine.objects.given import AwaitedError, Given, QuestionError, Truth
from portcullis.engine.objects.selecting import Judged, Way, judge
from portcullis.engine.objects.syntax import Rule, Step
from portcullis.engine.ports import CounterStoreError
from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError

_Decision = TypeVar("_Decision")
GONE: Final = (404, 410)
ONE_WAY: Final = "JSON that reads one way only"
_LONGEST_TYPE: Final = 256


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


def decided(
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


def refuse_first(owned: Ownership, part: Part, given: Given, way: Way) -> Refuse:
    """The refusal of the object at ``way`` of the document that is looked at."""
    value = given.whole
    for step in way:
        value = value[step]
    return owned.refuse(given, part.decider, value, way, part.decider.check(given, value))


def judge_answer(owned: Ownership, part: Part, given: Given, response: ResponseView) -> Judged | Refuse:
    """What ``part`` says of the objects in an answer; a refusal if they are not to be found there."""
    try:
        given.whole = response.value()
    except MalformedJsonError as error:
        return owned.unreadable("/response/body", shorten(str(error)), ONE_WAY)
    judged = judge(given.whole, part.at or (), part.decider.bind(given), absent_is_none=part.absent_is_none)
    given.must_know()
    if judged.missing is not None:
        return owned.unreadable(pointer_of("/response/body", judged.missing), "no objects", "objects")
    return judged


def unreadable_head(owned: Ownership, response: ResponseView) -> Refuse | None:
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
