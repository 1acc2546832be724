"""From a rule of the file to what enforces it at one operation: its parts, where they are decided, and by what.

The parts of a rule that are joined by ``and`` are decided one by one, each as soon as what it looks at is there: what
the head of a request is enough for before its body is read, what the request is enough for before the service is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.engine.objects.checking import calls_in, check_rule
from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.declared import place_of
from portcullis.engine.objects.functions import Functions
from portcullis.engine.objects.given import Ask, Inquiry
from portcullis.engine.objects.owning import Part
from portcullis.engine.objects.placing import Places, listed_at, may_be_absent
from portcullis.engine.objects.surroundings import Surroundings
from portcullis.engine.objects.syntax import Condition, Path, Rule, Step, conjunction, conjuncts, paths_of
from portcullis.engine.openapi.checks import Checks
from portcullis.engine.openapi.operations import SpecOperation

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

READS: Final = frozenset({"GET", "QUERY"})
"""Methods that change nothing and answer with an object (RFC 9110 9.2.1): their answers can be looked at."""


class Parts(msgspec.Struct, frozen=True):
    """The parts of a rule, by where they are decided."""

    head: Part | None = None
    body: tuple[Part, ...] = ()
    response: Part | None = None


class RuleCompiler:
    """Compiles ``rule`` for the operation of ``context``, where it finds ``surroundings``.

    ``functions``: who answers its questions; ``at``: the steps to the objects in the answers that it speaks of;
    ``reads_first``: these are not the operation's own but those of one by which the object is read before. Raises
    :class:`~portcullis.engine.objects.tokens.RuleError`.
    """

    def __init__(
        self,
        rule: Rule,
        context: OperationContext,
        surroundings: Surroundings,
        functions: Functions,
        *,
        at: tuple[Step, ...],
        reads_first: bool,
    ) -> None:
        self._rule = rule
        self._surroundings = surroundings
        self._functions = functions
        self._at = at
        self._reads_first = reads_first
        check_rule(rule, surroundings.meaning, functions)
        calls = calls_in(rule)
        for call in calls:
            functions[call.name].check(rule, call, context)
        used = {call.name for call in calls}
        self._ask: Mapping[str, Ask | Inquiry] = {name: functions[name].compile(context) for name in used}

    def parts(self, *, absent_is_none: bool = False) -> Parts:
        """The parts. ``absent_is_none``: of a list in an answer that need not be there."""
        head: list[Condition] = []
        body: dict[tuple[Step, ...] | None, list[Condition]] = {}
        response: list[Condition] = []
        for condition in conjuncts(self._rule.condition):
            paths = paths_of(condition)
            in_body = [path for path in paths if _is_of_body(path)]
            if any(path.root == "response" for path in paths):
                if in_body and not self._reads_first:
                    message = f"{in_body[0]} is not known any more when the service answers"
                    raise self._rule.error(in_body[0], message, "join the two with and, or compare with the path")
                self._refuse_items(in_body)
                response.append(condition)
            elif in_body:
                at = listed_at(self._rule, "request", in_body)
                body.setdefault(None if at is None else at[1:], []).append(condition)
            else:
                head.append(condition)
        return Parts(
            head=self._part(head),
            body=tuple(self._made(conditions, at) for at, conditions in body.items()),
            response=self._made(response, self._at, absent_is_none=absent_is_none) if response else None,
        )

    def _refuse_items(self, in_body: Sequence[Path]) -> None:
        """What is decided about objects of an answer can't be about each item of the body as well."""
        for path in in_body:
            if path.list_steps is not None:
                message = f"{path} is of each item of the body, and what stands with it is of the object that is read"
                raise self._rule.error(path, message, "join the two with and, so that each is decided by itself")

    def _part(self, conditions: Sequence[Condition]) -> Part | None:
        return self._made(conditions, None) if conditions else None

    def _made(
        self, conditions: Sequence[Condition], at: tuple[Step, ...] | None, *, absent_is_none: bool = False
    ) -> Part:
        condition = conjunction(tuple(conditions))
        sources = {path: self._surroundings.source(path) for path in paths_of(condition)}
        return Part(Decider(condition, sources, self._ask), at, absent_is_none)


def _is_of_body(path: Path) -> bool:
    return path.root == "request" and path.steps[:1] == ("body",)


def places_in_answers(operation: SpecOperation, checks: Checks) -> Places:
    """What the JSON answers of ``operation`` with a status of 200 to 299 can be, by status."""
    declared = {response.status.upper(): response for response in operation.responses}
    good = [status for status in declared if status[0] == "2"] or [each for each in declared if each == "DEFAULT"]
    return [
        (status.lower(), place_of(checks.checker, checks.names[content.schema]))
        for status in good
        for content in declared[status].content
        if content.holds_json and content.schema in checks.names
    ]


def json_types(operation: SpecOperation) -> bytes:
    """The media types of JSON that ``operation`` answers with, as an Accept value."""
    ranges = [content.media_range for response in operation.responses for content in response.content]
    named = dict.fromkeys(str(each) for each in ranges if each.is_json and not each.is_range)
    named.pop("application/problem+json", None)
    return ", ".join(named or ["application/json"]).encode("latin-1")


def need_not_be_there(places: Places, at: tuple[Step, ...]) -> bool:
    """Whether the document says of each answer that it may lack what is ``at`` these steps."""
    return all(may_be_absent(place, at) for _, place in places)
