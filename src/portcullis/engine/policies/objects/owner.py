"""Objects: each caller gets its own, by a rule about one object that also holds for lists.

What
    A rule says which objects are whose: ``response.customer_id == identity.subject``. It is checked against the OpenAPI
    document when the file is read, and enforced where it can be: what it says of the request before the service is
    asked, what it says of the answer before the client sees it. Where the answer is a list the rule is about each item;
    those that are not the caller's are taken out, or the answer is refused. The language has paths (``request.path``,
    ``request.query``, ``request.header``, ``request.cookie``, ``request.body``, ``response``, ``identity``), ``==``,
    ``!=``, ``in``, ``not in``, ``and``, ``or``, ``not``, text, integers, ``true`` and ``false``, and ``[]`` for each
    item of a list; it can ask for [relations](../../relations.md) and [decision points](../../external-decisions.md)
    ([the language of rules](../../objects.md#the-language-of-rules)). Nothing is converted: ``"1"`` is
    not ``1``, nor is ``null`` the same as anything. What is missing, or can't be compared, is not the caller's.

    An operation that changes something has done so when it answers. A rule about the object then needs ``before``: the
    object is read from the service first, by an operation of the same document, and only then the request is sent.

    Whoever asks for an object of others gets the very answer that he would get for one that is not there; the service's
    own 404 and 410 are replaced by it too. Services are asked without conditions, ranges and content codings, and for
    JSON, so that there is always an object to look at; an answer below 400 that is no JSON, is too large or can't be
    decoded is refused likewise. Answers of 400 and above pass, unless their JSON shows an object of somebody else.

Why
    API1:2023 Broken Object Level Authorization, the first of the list: a caller changes an id in the path, in the body,
    in a filter, and gets what belongs to somebody else. One rule for an object and for lists of it, since a list that
    is filtered in another way than single objects are checked is how both are walked around. No existence oracle, since
    whoever learns which ids exist is half way there.

Config
    A rule alone, or a mapping with ``rule`` and, where needed: ``items``, where in the answer the object or the list of
    them is (``response.data.orders``; found in the document where there is only one way to read it); ``on_others``:
    ``filter`` them out of lists or ``refuse`` the answer; ``totals``: numbers of the answer that count the list
    (``response.total``, ``header.X-Total-Count``), which are set to how many are left, since they would tell how many
    others there are; ``not_found: false`` answers 403 instead of 404, and tells which objects exist; ``before``:
    ``{read: "GET /orders/{order_id}"}`` reads the object first, with ``with`` saying where variables of that path
    come from if not from the path of the call (``with: {order_id: request.body.order_id}``), and ``absent: allow`` to
    let requests for an object that is not there pass (a ``PUT`` that creates it); ``exempt_roles``: callers for whom
    the rule does not hold; ``enumeration``: after how many different refused objects of one consumer, and in which
    time, the record says ``objects.enumeration``, and with ``lock: true`` 429 is answered; ``mode``: ``enforce``,
    ``monitor`` or ``off``. A rule about the caller of a public operation is an error, unless a wider layer says it.
    What an API or a version says without a rule (``exempt_roles``) holds for its operations that have one.

When it fails
    404 ``objects.not_found``. In the record: ``objects.not_owner`` (the rule does not hold), ``objects.undecided`` (a
    value is missing, null, or of another kind), ``objects.unreadable``, ``objects.absent`` (the service said so), and
    ``objects.enumeration``, each with the comparison and its values. With ``not_found: false`` the caller gets 403
    ``objects.forbidden``, as it does for ``objects.list_refused``. ``objects.list_filtered`` is a modification. 429
    ``objects.locked`` with ``Retry-After``; 503 ``objects.unavailable`` if the object could not be read first, or the
    counters could not be reached.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "GET /orders/{order_id}":
                objects: {owner: "response.customer_id == identity.subject"}
              "GET /orders":
                objects: {owner: {rule: "response.customer_id == identity.subject", totals: [response.total]}}
              "DELETE /orders/{order_id}":
                objects:
                  owner:
                    rule: response.customer_id == identity.subject
                    before: {read: "GET /orders/{order_id}"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import Place as Keys
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.names import OperationName, RoleName
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.values import Duration, Meaning
from portcullis.engine.decision import Refuse
from portcullis.engine.objects import codes
from portcullis.engine.objects.compiling import (
    READS,
    Parts,
    RuleCompiler,
    json_types,
    need_not_be_there,
    places_in_answers,
)
from portcullis.engine.objects.config_values import HEADER, RulePath, RuleText, place_in
from portcullis.engine.objects.declared import Place, place_of
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.objects.functions import Functions, all_functions
from portcullis.engine.objects.owner_answer_steps import ListPlan, response_body_step, response_head_step, wants_answer
from portcullis.engine.objects.owner_layers import is_for_others, is_public_above
from portcullis.engine.objects.owner_read_steps import ReadPlan, before_step
from portcullis.engine.objects.owner_request_steps import body_step, head_step
from portcullis.engine.objects.owning import Ownership
from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.placing import may_be_lists, number_at, objects_at
from portcullis.engine.objects.reading_first import ReadingError, read_plan, reading_operation
from portcullis.engine.objects.surroundings import Answers, Surroundings
from portcullis.engine.objects.syntax import Holds, Path, Rule, atoms_of
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policies.authorize.permissions import roles_of
from portcullis.engine.policies.objects import answers_are_closed, checks_of_answers, checks_of_request
from portcullis.engine.policy import Mode, Policy, Probe, Step

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


_CHANGED = "when {} answers, it has changed something already"

VariableName = Annotated[str, Meaning("a variable", "order_id")]
"""A variable of a path template."""


class BeforeConfig(Section):
    """The object is read before the request is sent."""

    read: OperationName
    """The operation by which it is read, a ``GET`` of the same document."""
    with_: dict[VariableName, RulePath] = Field({}, alias="with")
    """Where variables of its path come from; default: from the variable of the same name of the call."""
    absent: Literal["refuse", "allow"] = "refuse"
    """What becomes of a request for an object that is not there: 404, or it is sent on (where it creates one)."""


class EnumerationConfig(Section):
    """When a consumer is found to be trying ids."""

    after: int = Field(20, ge=2, le=1000)
    """So many different objects that were refused."""
    per: Duration = Field(60.0, ge=1.0, le=86400.0)
    """In this time."""
    lock: bool = False
    """Whether its further calls for objects of the API are refused then, for the same time."""


class OwnerConfig(Section):
    """Which objects are whose; a rule alone in the file is short for ``rule``."""

    rule: RuleText | None = None
    """The rule."""
    items: RulePath | None = None
    """Where in the answer the object or the list of them is; default: found in the document."""
    on_others: Literal["filter", "refuse"] = "filter"
    """What becomes of a list with objects of others in it: they are taken out, or it is refused."""
    totals: list[RulePath] = Field([], max_length=16)
    """Numbers of the answer that count the list: they are set to how many are left."""
    not_found: bool = True
    """Whether an object of others is told from none: ``true`` answers 404 to both, ``false`` 403 to others' objects."""
    before: BeforeConfig | None = None
    """The object is read before the request is sent: for operations that change something."""
    exempt_roles: list[RoleName] = Field([], max_length=64)
    """Callers with one of these roles get all objects."""
    enumeration: EnumerationConfig = EnumerationConfig()
    """When a consumer is found to be trying ids."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_rule(cls, value: object) -> object:
        return {"rule": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        short: dict[str, Any] = {"type": "string", "title": "Rule"}
        return {"anyOf": [short, schema], "description": schema.get("description", "")}


def compile_owner(
    config: OwnerConfig, context: OperationContext, functions: Functions | None = None
) -> tuple[Step, ...]:
    """The steps that enforce the rule at one operation. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    return _OwnerCompiler(config, context, all_functions() if functions is None else functions).steps()


class _OwnerCompiler:
    def __init__(self, config: OwnerConfig, context: OperationContext, functions: Functions) -> None:
        self._config = config
        self._context = context
        self._functions = functions
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        self._where = written_at(layers, "objects", "owner", "rule")[:-1]

    def steps(self) -> tuple[Step, ...]:
        if self._config.rule is None:
            if is_for_others(self._context):
                return ()
            self._fail(
                "rule", "there is no rule about whose the objects are", "response.customer_id == identity.subject"
            )
        rule = parse(self._config.rule)
        if self._context.settings.public and _speaks_of_callers(rule):
            if not is_public_above(self._context):
                return ()
            message = "whoever calls a public operation is nobody, and nothing is his"
            self._fail("rule", message, "remove the rule, or say authenticate: [...] here")
        try:
            return self._steps(rule)
        except RuleError as error:
            self._fail("rule", f"{place_in(error)}, {error.message}", error.hint)

    def _steps(self, rule: Rule) -> tuple[Step, ...]:
        config, context = self._config, self._context
        read = self._read_operation()
        answers = self._answers(rule, read)
        surroundings = self._surroundings(rule, answers)
        compiler = RuleCompiler(
            rule, context, surroundings, self._functions, at=answers.at, reads_first=read is not None
        )
        closed = answers_are_closed(context)
        parts = compiler.parts(absent_is_none=read is None and closed and need_not_be_there(answers.places, answers.at))
        owned = Ownership(
            rule=rule,
            source=f"#{join('', *map(str, self._where))}",
            enumeration=Enumeration(
                context.ports.counters,
                context.ports.clock,
                context.api_name,
                config.enumeration.after,
                round(config.enumeration.per),
                config.enumeration.lock,
            ),
            hides=config.not_found,
            exempt=frozenset(name for name in roles_of(context) if self._is_exempt(name)),
        )
        if parts.response is None:
            self._refuse_idle(read)
        plan = self._list_plan(answers) if read is None and parts.response is not None else None
        first = None if read is None or config.before is None else self._read_plan(read, config.before)
        return tuple(self._arranged(owned, parts, plan, first))

    def _arranged(
        self, owned: Ownership, parts: Parts, plan: ListPlan | None, first: ReadPlan | None
    ) -> Iterator[Step]:
        monitor = self._config.mode == "monitor"
        accept = None if plan is None else json_types(self._context.operation)
        if parts.head is not None or accept is not None or owned.enumeration.locks:
            yield Step(POLICY.name, "head", head_step(owned, parts.head, accept), monitor)
        if parts.body:
            yield Step(POLICY.name, "body", body_step(owned, parts.body), monitor)
        if parts.response is not None and first is not None:
            yield Step(POLICY.name, "before", before_step(owned, parts.response, first), monitor)
        if parts.response is not None and plan is not None:
            yield Step(POLICY.name, "response_head", response_head_step(owned, monitor=monitor), monitor)
            run = response_body_step(owned, parts.response, plan)
            unread = Refuse(owned.code(codes.UNREADABLE))
            yield Step(POLICY.name, "response_body", run, monitor, wants=wants_answer, unread=unread)

    def _is_exempt(self, role: str) -> bool:
        return not roles_of(self._context).included(role).isdisjoint(self._config.exempt_roles)

    # What the rule finds

    def _surroundings(self, rule: Rule, answers: Answers) -> Surroundings:
        context = self._context
        checks = checks_of_request(context) if self._reads_requests(rule) else None
        names: Mapping[str, str] = {} if checks is None else checks.names

        def place(name: str) -> Place:
            if checks is None:
                raise LookupError(name)
            return place_of(checks.checker, name)

        why_unread = "" if checks is not None else "validate.request is off for it, which reads requests"
        return Surroundings(
            rule, context.operation, names, place, answers, roles=roles_of(context), why_unread=why_unread
        )

    def _reads_requests(self, rule: Rule) -> bool:
        return self._config.before is not None or any(path.root == "request" for path in rule.paths())

    def _answers(self, rule: Rule, read: SpecOperation | None) -> Answers:
        operation = self._context.operation if read is None else read
        if not rule.paths("response"):
            return Answers()
        if read is None and operation.method not in READS:
            shows = "HEAD answers without it" if operation.method == "HEAD" else _CHANGED.format(operation.method)
            return Answers(why_none=f'{shows}; let the object be read first, with before: {{read: "GET ..."}}')
        places = places_in_answers(operation, checks_of_answers(self._context))
        if not places:
            return Answers(why_none=f"the document declares no JSON with a schema as an answer of {operation.name}")
        try:
            items = None if self._config.items is None else parse_path(self._config.items)
            return Answers(tuple(places), objects_at(rule, places, items))
        except RuleError as error:
            self._fail("rule" if self._config.items is None else "items", error.message, error.hint)

    def _list_plan(self, answers: Answers) -> ListPlan:
        config = self._config
        if config.totals and not may_be_lists(answers.places, answers.at):
            self._fail("totals", "there is no list that they could count", "remove totals")
        totals, fields = [], []
        for index, total in enumerate(config.totals):
            if total.startswith(HEADER):
                fields.append(total.removeprefix(HEADER).lower().encode("latin-1", "replace"))
                continue
            try:
                totals.append(number_at(parse_path(total), answers.places))
            except RuleError as error:
                self._fail("totals", error.message, error.hint, index)
        return ListPlan(config.on_others == "filter", tuple(totals), tuple(fields))

    # Reading first

    def _read_operation(self) -> SpecOperation | None:
        before = self._config.before
        if before is None:
            return None
        try:
            return reading_operation(self._context.document, before.read)
        except ReadingError as error:
            self._fail("before", str(error), error.hint, error.key)

    def _read_plan(self, read: SpecOperation, before: BeforeConfig) -> ReadPlan:
        unread = Answers(why_none="it is what is read")
        try:
            return read_plan(
                self._context,
                read,
                before.with_,
                lambda rule: self._surroundings(rule, unread),
                absent_passes=before.absent == "allow",
            )
        except ReadingError as error:
            self._fail("before", str(error), error.hint, error.key)

    # Errors

    def _refuse_idle(self, read: SpecOperation | None) -> None:
        """Say what does nothing with a rule that does not look at answers."""
        config = self._config
        if read is not None:
            self._fail(
                "before", "the rule does not look at what would be read", "speak of response in it, or remove before"
            )
        for key, is_set in (("items", config.items is not None), ("totals", bool(config.totals))):
            if is_set:
                self._fail(key, "the rule does not look at answers", f"remove {key}")

    def _fail(self, key: str, message: str, hint: str = "", *below: str | int) -> NoReturn:
        where: Keys = (*self._where, key, *below)
        raise ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])


def _speaks_of_callers(rule: Rule) -> bool:
    asks = any(isinstance(atom, Holds) and not isinstance(atom.operand, Path) for atom in atoms_of(rule.condition))
    return asks or bool(rule.paths("identity"))


POLICY = Policy(
    phase="objects",
    key="owner",
    config=OwnerConfig,
    codes=(
        codes.NOT_FOUND,
        codes.FORBIDDEN,
        codes.NOT_OWNER,
        codes.UNDECIDED,
        codes.UNREADABLE,
        codes.ABSENT,
        codes.ENUMERATION,
        codes.LIST_REFUSED,
        codes.LIST_FILTERED,
        codes.LOCKED,
        codes.UNAVAILABLE,
    ),
    probes=(
        Probe("an object of somebody else", "foreign_object", codes.NOT_OWNER),
        Probe("one object after the other", "enumerate_objects", codes.ENUMERATION),
    ),
    compile=compile_owner,
)
