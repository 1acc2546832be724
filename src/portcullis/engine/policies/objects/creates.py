"""Ownership from creation: whoever creates an object is related to it from then on.

What
    When the service answers that it has created an object, the gateway keeps a tuple: ``order:17#owner@user:alice``.
    The object is named by the answer, the subject is the caller. The tuple is there before the client gets the answer,
    so its next request finds the object its own, in whichever worker. Rules ask for it by ``related("order",
    request.path.order_id, "owner")``; [the page on relations](../../relations.md) has the rest.

    A POST (or PATCH) has created if it is answered with 200 to 299, a PUT only if it is answered with 201: what it
    replaces it has not created (RFC 9110 9.3.4). Where somebody else has that relation to the object already nothing is
    kept, and the answer is refused: a service that gives a repeated id the object of somebody else has not created it.
    What nobody is related to belongs to whoever is answered with its id: where clients choose ids, let none set them.

    Before the service is asked, it is made sure that a tuple could be kept.

Why
    API1:2023 Broken Object Level Authorization. Many objects do not say whose they are, and many services do not tell.
    Who created one is known when it is created, and nobody has to be taught to say so.

Config
    ``object``: the type of the objects, and where their ids are in the answer (``"order:{response.id}"``; of a list,
    ``"order:{response.items[].id}"``); ``relation``: what the caller becomes, a relation of that type in the file's
    ``relations``; ``mode``: ``enforce``, ``monitor`` (keep what can be kept, let pass whatever happens) or ``off``. The
    answers must be declared in the OpenAPI document, with the id in them.

When it fails
    503 ``objects.unavailable`` before the service is asked, where relations can't be kept at the moment: nothing was
    created. 403 ``objects.forbidden`` for callers that are nobody in particular (in the record: ``objects.nobody``).
    502 ``objects.not_kept`` where the service has answered, and the object can't be kept: it is not named, or whoever
    keeps relations has gone away meanwhile. The record has the tuple, so it can be added by ``portcullis relations
    add``. It is not 503, which would have the client try again and create another one. ``objects.taken`` in the record:
    somebody else is related to the object.

Example
    .. code-block:: yaml

        relations:
          user: [partners]
          order: {owner: [user]}
        apis:
          shop:
            operations:
              "POST /orders":
                objects: {creates: {object: "order:{response.id}", relation: owner}}
              "GET /orders/{order_id}":
                objects: {owner: 'related("order", request.path.order_id, "owner")'}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from portcullis.engine.authentication.callers import CallerTypes, UntoldCallersError
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.names import Name
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.wording import suggest
from portcullis.engine.decision import Refuse
from portcullis.engine.objects import codes
from portcullis.engine.objects.compiling import json_types, places_in_answers
from portcullis.engine.objects.declared import Kind
from portcullis.engine.objects.syntax import Path, written
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policies.objects import checks_of_answers
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.relations.creating import NOBODY, NOT_KEPT, TAKEN, Creation, heading, keeping, preparing
from portcullis.engine.relations.object_names import ObjectName, ObjectNameText, parse_object_name
from portcullis.engine.relations.of_operation import caller_types, relation_model

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_STATUSES: Final = {"POST": range(200, 300), "PATCH": range(200, 300), "PUT": range(201, 202)}
"""With which statuses a method has created something."""
_IDS: Final[frozenset[Kind]] = frozenset(("text", "integer"))


class CreatesConfig(Section):
    """What callers become related to by creating it."""

    object: ObjectNameText
    """The objects, named by what the answer says: ``order:{response.id}``."""
    relation: Name
    """The relation that the caller has to them from then on."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_creates(config: CreatesConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that keep who created what; none where the mode is ``off``. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    creation = _Compiler(config, context).creation()
    statuses, monitor = creation.statuses, config.mode == "monitor"
    return (
        Step(POLICY.name, "head", preparing(creation), monitor),
        Step(POLICY.name, "response_head", heading(creation), monitor),
        Step(
            POLICY.name,
            "response_body",
            keeping(creation),
            monitor,
            wants=lambda response: response.status in statuses,
            unread=Refuse(NOT_KEPT),
        ),
    )


class _Compiler:
    def __init__(self, config: CreatesConfig, context: OperationContext) -> None:
        self._config = config
        self._context = context
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        self._where = written_at(layers, "objects", "creates")

    def creation(self) -> Creation:
        context, operation = self._context, self._context.operation
        if operation.method not in _STATUSES:
            self._fail("", f"{operation.method} creates nothing", f"it is for {', '.join(_STATUSES)}")
        name = parse_object_name(self._config.object)
        callers = self._callers(name.type)
        self._check_declared(name)
        return Creation(
            name=name,
            relation=f"{name.type}#{self._config.relation}",
            callers=callers,
            questions=context.ports.questions,
            statuses=_STATUSES[operation.method],
            accept=json_types(operation),
            source=f"#{join('', *map(str, self._where))}",
        )

    def _callers(self, type_: str) -> CallerTypes:
        """Who can call; each of them must be one who may stand in the tuple."""
        model, relation = relation_model(self._context), self._config.relation
        if type_ not in model.relations:
            names = list(model.relations)
            hint = suggest(type_, names, "declared") if names else 'declare it in "relations"'
            self._fail("object", f"there is no type {type_}", hint)
        if relation not in model.relations[type_]:
            hint = suggest(relation, list(model.relations[type_]), "it has")
            self._fail("relation", f"{type_} has no relation {relation}", hint)
        try:
            callers = caller_types(self._context)
        except UntoldCallersError as error:
            self._fail("", str(error), "")
        if not callers.names:
            self._fail("", "whoever calls a public operation is nobody, to whom nothing can belong", "remove creates")
        kinds = model.direct_kinds(type_, relation)
        for name in sorted(callers.names):
            if name not in kinds:
                message = f"callers here are of the type {name}, and no {name} can be {relation} of {type_}"
                self._fail("relation", message, f"{type_}: {{{relation}: [{name}]}}")
        return callers

    def _check_declared(self, name: ObjectName) -> None:
        """Each part of the name must be what answers say; of all lists only one may be spoken of."""
        context = self._context
        places = places_in_answers(context.operation, checks_of_answers(context))
        if not places:
            message = f"the document declares no JSON with a schema as an answer of {context.operation.name}"
            self._fail("object", message, "say in the document what it answers")
        self._check_lists(name.paths)
        for path in name.paths:
            if path.root != "response":
                self._fail("object", f"{path} is no part of the answer", "order:{response.id}")
            for status, place in places:
                below = place.below(path.steps)
                if below is None:
                    hint = suggest(str(path.steps[-1]) if path.steps else "", place.names, "declared")
                    self._fail("object", f"{path} is not declared in the answer {status}", hint)
                kinds = below.meaning.kinds
                if kinds is not None and kinds.isdisjoint(_IDS):
                    self._fail("object", f"{path} is {below.meaning.words}, which is no id", "text, or an integer")

    def _check_lists(self, paths: Sequence[Path]) -> None:
        lists = {path.list_steps for path in paths if path.list_steps is not None}
        if len(lists) > 1:
            self._fail("object", "the parts of an id are in one list", "order:{response.items[].id}")
        for steps in lists:
            if not all(isinstance(step, str) for step in steps):
                message = f"{written('response', steps)} is a list in a list"
                self._fail("object", message, "objects are found in one list of the answer")

    def _fail(self, key: str, message: str, hint: str) -> NoReturn:
        where = (*self._where, key) if key else self._where
        raise ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])


POLICY = Policy(
    phase="objects",
    key="creates",
    config=CreatesConfig,
    codes=(codes.UNAVAILABLE, codes.FORBIDDEN, NOBODY, NOT_KEPT, TAKEN),
    probes=(Probe("an answer that does not name what was created", "malformed_response", NOT_KEPT),),
    compile=compile_creates,
)
