"""Decisions of others: a policy decision point says whether a call may be made.

What
    Asks a policy decision point that the file names under ``decision_points``: OpenID AuthZEN's Authorization API, Open
    Policy Agent or OpenFGA. The question is always the same, whether a *subject* may do an *action* with a *resource*,
    and no part of it is a credential. The subject is the caller: a type, its name, and what is known of it (identity,
    issuer, consumer, roles, scopes). By default the action is the method of the call and the resource the route, with
    the values of its path. Answers are remembered by each worker for a stated time, a no for a shorter one; nothing is
    asked of callers that anything else has refused already. [What is sent in each
    protocol](../../external-decisions.md#what-is-asked) is on a page of its own.

    Decisions about objects in answers, or in bodies, are for rules: ``decided("opa", "read", "order", response.id)`` in
    ``objects.owner``.

Why
    API5:2023 Broken Function Level Authorization: many organisations keep their policies in one place, with owners,
    tests and reviews of their own. A gateway that asks there grants what is granted there, also for services that would
    forget to. No answer is never a yes.

Config
    The name of a decision point, or ``by`` with one and, where needed: ``action``, what the caller wants to do (of
    OpenFGA, a relation); ``resource``, what with, named by values of the path (``"order:{request.path.order_id}"``).
    OpenFGA needs both. ``claims``: names of claims that are sent with the caller, none by default; ``address: true``
    sends the caller's address as ``context.address``; ``mode``: ``enforce``, ``monitor`` (ask, record, let pass) or
    ``off``. How long answers are waited for and remembered is said at the decision point.

When it fails
    403 ``authorize.decision``, without a reason; the record names the question. 503 ``authorize.decision_unavailable``
    where there was no answer: the decision point is away, too slow, or says something else than yes or no; the record
    says which.

Example
    .. code-block:: yaml

        decision_points:
          opa: {kind: opa, url: "https://opa.internal/v1/data/shop/allow", token: "env:OPA_TOKEN"}
          fga: {kind: openfga, url: "https://fga.internal", store: 01ARZ3NDEKTSV4RRFFQ69G5FAV}
        apis:
          shop:
            authorize: {decision: opa}
            operations:
              "DELETE /orders/{order_id}":
                authorize:
                  decision: {by: fga, action: can_delete, resource: "order:{request.path.order_id}"}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portcullis.engine.authentication.callers import UntoldCallersError
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.names import DecisionPointName
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.wording import suggest
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.decision_points.asking import DecisionPoint, NoDecisionError, UnknownPointError, decision_point
from portcullis.engine.decision_points.questions import Entity, Question
from portcullis.engine.decision_points.subjects import subject_reader
from portcullis.engine.facts import Facts
from portcullis.engine.objects.syntax import Path
from portcullis.engine.objects.targets import variables_of
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import Mode, Policy, Probe, Step, StepFunction
from portcullis.engine.relations.object_names import ObjectName, ObjectNameText, parse_object_name
from portcullis.engine.request import RequestView
from portcullis.engine.served_paths import ServedPaths

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

DENIED: Final = Code("authorize.decision", 403, "The call is not allowed")
UNAVAILABLE: Final = Code(
    "authorize.decision_unavailable", 503, "Whether the call is allowed can't be found out at the moment"
)

_PLACE: Final = ("authorize", "decision")
_ROUTE: Final = "route"

ResourceOf = Callable[[RequestView], Entity]


class DecisionConfig(Section):
    """Who decides; a name alone in the file is short for ``by``."""

    by: DecisionPointName
    """A decision point."""
    action: str | None = Field(None, min_length=1, max_length=128)
    """What the caller wants to do; default: the method."""
    resource: ObjectNameText | None = None
    """What with, such as ``order:{request.path.order_id}``; default: the route."""
    claims: list[str] = Field([], max_length=32)
    """Claims of the caller that are sent."""
    address: bool = False
    """Whether the caller's address is sent."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_point(cls, value: object) -> object:
        return {"by": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        short: dict[str, Any] = {**schema["properties"]["by"], "title": "By"}
        return {"anyOf": [short, schema], "description": schema.get("description", "")}


def compile_decision(config: DecisionConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that asks; none where the mode is ``off``. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    return (Step(POLICY.name, "head", _Compiler(config, context).step(), config.mode == "monitor"),)


class _Compiler:
    def __init__(self, config: DecisionConfig, context: OperationContext) -> None:
        self._config = config
        self._context = context
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        self._where = written_at(layers, *_PLACE)

    def step(self) -> StepFunction:
        config, context = self._config, self._context
        try:
            point = decision_point(config.by, context)
        except UnknownPointError as error:
            self._fail("by", str(error), error.hint)
        if point.config.kind == "openfga" and (config.action is None or config.resource is None):
            hint = 'say which: {by: ..., action: can_read, resource: "order:{request.path.order_id}"}'
            self._fail("", "openfga is asked for a relation to an object", hint)
        try:
            subject_of = subject_reader(point, context, config.claims)
        except UntoldCallersError as error:
            hint = f"say it in decision_points.{config.by}: subjects: {{{error.identity}: user}}"
            self._fail("", str(error), hint)
        resource_of = self._route() if config.resource is None else self._named(parse_object_name(config.resource))
        action, address = config.action or context.operation.method, config.address

        def question_of(request: RequestView, facts: Facts) -> Question | None:
            subject = subject_of(facts)
            if subject is None:
                return None
            return Question(subject, action, resource_of(request), {"address": request.client} if address else {})

        return _asking(point, question_of, f"#{join('', *map(str, self._where))}")

    def _route(self) -> ResourceOf:
        """The path of the operation as its document has it, with the values that the request has for it."""
        context = self._context
        route = ServedPaths(context.api, context.version, context.document).prefix_of(context.operation)
        name = route + context.operation.path
        known = {"api": context.api_name, "version": context.version}

        def resource_of(request: RequestView) -> Entity:
            values = request.path_values
            return Entity(_ROUTE, name, {**known, "path": dict(values)} if values else known)

        return resource_of

    def _named(self, name: ObjectName) -> ResourceOf:
        variables = variables_of(self._context.operation.path)
        parts: list[tuple[str, bool]] = []
        for part in name.parts:
            if isinstance(part, str):
                parts.append((part, False))
                continue
            variable = _variable(part)
            if variable is None:
                hint = "{request.path.order_id}; decisions about bodies and answers are for objects.owner"
                self._fail("resource", f"{part} is not known yet, only the path is", hint)
            if variable not in variables:
                message = f"{self._context.operation.name} has no variable {variable}"
                self._fail("resource", message, suggest(variable, variables, "it has"))
            parts.append((variable, True))

        def resource_of(request: RequestView) -> Entity:
            values = request.path_values
            return Entity(name.type, "".join([values[text] if is_variable else text for text, is_variable in parts]))

        return resource_of

    def _fail(self, key: str, message: str, hint: str) -> NoReturn:
        where = (*self._where, key) if key else self._where
        raise ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])


def _variable(path: Path) -> str | None:
    """The variable that ``path`` reads, if it is one of the request's path."""
    match path.root, path.steps:
        case "request", ("path", str(name)):
            return name
    return None


def _asking(
    point: DecisionPoint, question_of: Callable[[RequestView, Facts], Question | None], source: str
) -> StepFunction:
    allowed = f"a yes of {point.name}"
    nobody = Refuse(DENIED, finding=Finding("/identity", "nobody in particular", allowed, source))

    def denied(question: Question) -> Refuse:
        return Refuse(DENIED, finding=Finding("/identity", _said(question), allowed, source))

    async def ask(question: Question) -> Refuse | None:
        try:
            (decision,) = await point.ask([question])
        except NoDecisionError as error:
            return Refuse(UNAVAILABLE, finding=Finding("/identity", shorten(str(error)), allowed, source))
        return None if decision else denied(question)

    def decide(request: RequestView, facts: Facts) -> Refuse | Awaitable[Refuse | None] | None:
        question = question_of(request, facts)
        if question is None:
            return nobody
        known = point.remembered(question)
        if known is None:
            return ask(question)
        return None if known else denied(question)

    return decide


def _said(question: Question) -> str:
    subject, resource = question.subject, question.resource
    return shorten(f"{subject.type}:{subject.id} may not {question.action} {resource.type}:{resource.id}")


POLICY = Policy(
    phase="authorize",
    key="decision",
    config=DecisionConfig,
    codes=(DENIED, UNAVAILABLE),
    probes=(Probe("a caller to whom the decision point says no", "deny_decision", DENIED),),
    compile=compile_decision,
)
