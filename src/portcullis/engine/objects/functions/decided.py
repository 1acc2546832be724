"""``decided("opa", "read", "order", response.id)``: whether a decision point lets the caller do that with an object.

The caller, the action and the object (its type and its id) are what it is asked for; answers are remembered as those to
``authorize.decision`` are. What a list asks for all of its objects is asked together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.engine.authentication.callers import UntoldCallersError
from portcullis.engine.decision_points.asking import DecisionPoint, NoDecisionError, UnknownPointError, decision_point
from portcullis.engine.decision_points.questions import Entity, Question
from portcullis.engine.decision_points.subjects import subject_reader
from portcullis.engine.facts import Facts
from portcullis.engine.objects.declared import Kind, Meaning
from portcullis.engine.objects.functions import Function
from portcullis.engine.objects.given import UNKNOWN, Arguments, Inquiry, QuestionError, Truth
from portcullis.engine.objects.syntax import Call, Constant, Rule
from portcullis.engine.relations.object_names import as_part

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_TEXT: Final = Meaning(frozenset[Kind](("text",)))
_ID: Final = Meaning(frozenset[Kind](("text", "integer")))


class _Asker(msgspec.Struct, frozen=True, eq=False):
    point: DecisionPoint
    subject_of: Callable[[Facts], Entity | None]


def check_call(rule: Rule, call: Call, context: OperationContext) -> None:
    """Raise :class:`~portcullis.engine.objects.tokens.RuleError` unless the decision point can be asked."""
    named = call.arguments[0]
    if not isinstance(named, Constant):
        raise rule.error(named, "the decision point is written in the rule", FUNCTION.example)
    try:
        subject_reader(decision_point(str(named.value), context), context)
    except UnknownPointError as error:
        raise rule.error(named, str(error), error.hint) from None
    except UntoldCallersError as error:
        hint = f"say it in decision_points.{named.value}: subjects: {{{error.identity}: user}}"
        raise rule.error(named, str(error), hint) from None


def compile_decided(context: OperationContext) -> Inquiry:
    """What answers at one operation. Which decision points can be asked there shows when rules ask for them."""
    askers: dict[str, _Asker] = {}

    def asker_of(name: str) -> _Asker:
        if name not in askers:
            point = decision_point(name, context)
            askers[name] = _Asker(point, subject_reader(point, context))
        return askers[name]

    def question_of(facts: Facts, arguments: Arguments) -> Question | None:
        name, action, type_, object_id = arguments
        subject, id_ = asker_of(name).subject_of(facts), as_part(object_id)
        return None if subject is None or id_ is None else Question(subject, action, Entity(type_, id_))

    def known(facts: Facts, arguments: Arguments) -> Any:
        question = question_of(facts, arguments)
        if question is None:
            return None
        answer = asker_of(arguments[0]).point.remembered(question)
        return UNKNOWN if answer is None else answer

    async def ask(facts: Facts, asked: Sequence[Arguments]) -> Sequence[Truth]:
        answers: list[Truth] = [None] * len(asked)
        together: dict[str, list[tuple[int, Question]]] = {}
        for number, arguments in enumerate(asked):
            question = question_of(facts, arguments)
            if question is not None:
                together.setdefault(arguments[0], []).append((number, question))
        for name, numbered in together.items():
            try:
                decisions = await asker_of(name).point.ask([question for _, question in numbered])
            except NoDecisionError as error:
                raise QuestionError(str(error)) from error
            for (number, _), decision in zip(numbered, decisions, strict=True):
                answers[number] = decision
        return answers

    return Inquiry(known, ask)


FUNCTION: Final = Function(
    "decided",
    (("decision point", _TEXT), ("action", _TEXT), ("type", _TEXT), ("id", _ID)),
    'decided("opa", "read", "order", response.id)',
    compile_decided,
    check_call,
)
