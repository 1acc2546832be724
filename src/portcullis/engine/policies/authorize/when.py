"""Conditions: a rule about who calls, what for, when and from where, that must be true.

What
    A rule in CEL, the Common Expression Language, that must be true for a call to pass (attribute-based access
    control). It speaks of ``identity`` (who calls: subject, scopes, roles, claims ...), ``request`` (what is asked
    for), ``api`` (which operation that is), ``context`` (when, and from where) and ``response`` (what the service
    answered). The page ``docs/conditions.md`` has all names and functions, and examples. A rule is parsed and its
    types are checked when the file is loaded: a name that does not exist, or a text that is compared with a number, is
    an error with its line and column.

    Parts that are joined with ``&&`` are asked as early as each can be: what can be told from the head of a request is,
    before a body is read and long before the service is called. A part that speaks of ``request.body`` waits for the
    whole body, which must be JSON; one that speaks of ``response`` is asked when the service has answered, and one that
    speaks of ``response.body`` has the answer held back until it is whole, up to ``max_response``, and asks the service
    for a whole answer without a content coding. By then the service has done what it was asked to: for calls that
    change something, say what you can of the request.

    A rule takes at most 100,000 steps (some 10 ms): loops over what a client or a service sent stop there, and refuse.

Why
    API1:2023 Broken Object Level Authorization and API5:2023 Broken Function Level Authorization: roles and scopes say
    what kind of call somebody may make, but not for which region, at which hour, for whose data, or how recently he has
    proven himself. Rules in the file are the same for every service, can be read by who has to answer for them, and are
    checked before they count.

Config
    A rule, or ``rule`` with one and ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``. The rule of a
    narrower level replaces that of a wider one: join both with ``&&`` where both must hold. Nothing can be asked of the
    callers of a public operation.

When it fails
    403 ``authorize.condition``, without a reason; the record names the part that was not true, and where the rule
    stands. A rule that can't be evaluated (a claim that is not there, a body that is not JSON, too many steps) refuses
    too: the record then has ``authorize.condition_failed`` and why.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "POST /refunds":
                authorize:
                  when: >-
                    'refunds' in identity.claims.permissions &&
                    request.body.amount <= 500 &&
                    context.time.getHours('Europe/Berlin') >= 8 &&
                    context.time.getHours('Europe/Berlin') < 18
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portcullis.engine.cel.checking import MAX_LENGTH
from portcullis.engine.cel.errors import EvaluationError, InvalidRuleError, TooCostlyError
from portcullis.engine.cel.rules import Clause, Rule, compile_rule
from portcullis.engine.cel.situation import Situation
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, TextDiagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policies.authorize.permissions import roles_of
from portcullis.engine.policy import Mode, Policy, Probe, ResponseStepFunction, Step, StepFunction
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

CONDITION: Final = Code("authorize.condition", 403, "The call is not allowed")
CONDITION_FAILED: Final = Code("authorize.condition_failed", 403, "The call is not allowed", CONDITION)

_PLACE: Final = ("authorize", "when")
_WHOLE: Final = frozenset({b"accept-encoding", b"range", b"if-range", b"if-none-match", b"if-modified-since"})
"""What makes a service answer with less than all, or in a coding."""


class WhenConfig(Section):
    """A rule that must be true; a plain text in the file is short for ``rule``."""

    rule: str = Field(min_length=1, max_length=MAX_LENGTH)
    """The rule, in CEL."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_rule(cls, value: object) -> object:
        return {"rule": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        text: dict[str, Any] = {**schema["properties"]["rule"], "title": "Rule"}
        return {"anyOf": [text, schema], "description": schema.get("description", "")}


def compile_when(config: WhenConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that ask the rule; none where the mode is ``off``. Raises :class:`ConfigurationError`."""
    rule = _shared_rule(config.rule, context)
    if config.mode == "off":
        return ()
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    source = "#" + join("", *written_at(layers, *_PLACE, "rule")[:-1])
    monitor = config.mode == "monitor"
    judge = _Judge(rule, source, context)
    steps: list[Step] = []
    if clauses := judge.clauses("head"):
        steps.append(Step(POLICY.name, "head", judge.of_request(clauses), monitor))
    if clauses := judge.clauses("body"):
        steps.append(Step(POLICY.name, "body", judge.of_request(clauses), monitor))
    if clauses := judge.clauses("response_head"):
        steps.append(Step(POLICY.name, "response_head", judge.of_answer(clauses), monitor))
    if clauses := judge.clauses("response_body"):
        steps += [
            Step(POLICY.name, "head", _ask_for_whole, monitor),
            Step(POLICY.name, "response_head", judge.of_answer_without_body(clauses), monitor),
            Step(POLICY.name, "response_body", judge.of_answer(clauses), monitor),
        ]
    return tuple(steps)


def _shared_rule(text: str, context: OperationContext) -> Rule:
    """The rule, which is compiled once for all operations that have it. Raises :class:`ConfigurationError`."""
    key = (POLICY.name, text)
    known = context.shared.get(key)
    if known is None:
        try:
            known = compile_rule(text)
        except InvalidRuleError as error:
            known = error
        context.shared[key] = known
    if isinstance(known, InvalidRuleError):
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        where = pointer(written_at(layers, *_PLACE, "rule"))
        raise ConfigurationError(
            TextDiagnostic("", 0, 0, where, problem.message, problem.hint, offset=problem.offset)
            for problem in known.problems
        )
    rule: Rule = known
    return rule


def _held(context: OperationContext) -> Callable[[frozenset[str]], frozenset[str]]:
    """What gives the roles that somebody holds by those he was given: with all that they inherit."""
    key = (POLICY.name, "", "roles")
    if key not in context.shared:
        roles = roles_of(context)
        context.shared[key] = lru_cache(maxsize=1024)(lambda given: given.union(*map(roles.included, given)))
    held: Callable[[frozenset[str]], frozenset[str]] = context.shared[key]
    return held


class _Judged(msgspec.Struct, frozen=True):
    """A clause, and what is said where it is not true."""

    is_true: Callable[[Situation], bool]
    refusal: Refuse
    finding: Finding


class _Judge:
    """Asks the clauses of one rule. ``source``: where the rule stands in the file."""

    def __init__(self, rule: Rule, source: str, context: OperationContext) -> None:
        self._rule = rule
        self._source = source
        self._wall_s = context.ports.clock.wall_s
        self._held = _held(context)

    def clauses(self, stage: Any) -> tuple[_Judged, ...]:
        """The clauses that are asked at ``stage``."""
        return tuple(self._judged(clause) for clause in self._rule.at(stage))

    def _judged(self, clause: Clause) -> _Judged:
        where = f"/{clause.names[0].replace('.', '/')}" if clause.names else ""
        finding = Finding(where, "false", shorten(clause.text), self._source)
        return _Judged(clause.is_true, Refuse(CONDITION, finding=finding), finding)

    def of_request(self, clauses: Sequence[_Judged]) -> StepFunction:
        """The step for ``clauses`` about a request."""
        slots, wall_s, held = self._rule.slots, self._wall_s, self._held

        def judge_request(request: RequestView, facts: Facts) -> Refuse | None:
            frame = [None] * slots
            return _judge(clauses, Situation(slots=frame, request=request, facts=facts, wall_s=wall_s, held=held))

        return judge_request

    def of_answer(self, clauses: Sequence[_Judged]) -> ResponseStepFunction:
        """The step for ``clauses`` about an answer."""
        slots, wall_s, held = self._rule.slots, self._wall_s, self._held

        def judge_answer(response: ResponseView, facts: Facts) -> Refuse | None:
            situation = Situation(
                slots=[None] * slots,
                request=response.request,
                facts=facts,
                wall_s=wall_s,
                held=held,
                response=response,
            )
            return _judge(clauses, situation)

        return judge_answer

    def of_answer_without_body(self, clauses: Sequence[_Judged]) -> ResponseStepFunction:
        """The step for ``clauses`` about the body of an answer that has none."""
        judge_answer = self.of_answer(clauses)

        def judge_head(response: ResponseView, facts: Facts) -> Refuse | Modify | None:
            return None if response.has_body else judge_answer(response, facts)

        return judge_head


def _judge(clauses: Sequence[_Judged], situation: Situation) -> Refuse | None:
    """Why the call does not pass, if it does not. One clause that is false is reason enough, whatever the others."""
    failed: tuple[_Judged, str] | None = None
    for clause in clauses:
        try:
            if not clause.is_true(situation):
                return clause.refusal
        except (EvaluationError, TooCostlyError) as error:
            failed = failed or (clause, str(error))
    if failed is None:
        return None
    clause, reason = failed
    found = shorten(f"it can't be evaluated: {reason}")
    return Refuse(CONDITION_FAILED, finding=msgspec.structs.replace(clause.finding, found=found))


def _ask_for_whole(request: RequestView, _facts: Facts) -> Modify | None:
    """Ask the service for an answer that can be read: a whole one, in no content coding."""
    return None if _WHOLE.isdisjoint(request.headers) else Modify(remove_fields=_WHOLE)


POLICY = Policy(
    phase="authorize",
    key="when",
    config=WhenConfig,
    codes=(CONDITION, CONDITION_FAILED),
    probes=(Probe("a caller who lacks what the rule asks for", "drop_scopes", CONDITION),),
    compile=compile_when,
)
