"""``related("order", request.path.order_id, "owner")``: whether the caller has a relation to an object.

Answered by the relations that the gateway keeps, in the worker itself. What would have to be looked for too far is
undecided, like a value that can't be an id; that relations can't be read is no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.engine.authentication.callers import UntoldCallersError
from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.declared import Kind, Meaning
from portcullis.engine.objects.functions import Function
from portcullis.engine.objects.given import Arguments, Ask, Given, QuestionError, Truth
from portcullis.engine.objects.syntax import Call, Constant, Rule
from portcullis.engine.ports import RelationStoreError
from portcullis.engine.relations.checking import RelationLimitError, RelationWorkError
from portcullis.engine.relations.object_names import as_part
from portcullis.engine.relations.of_operation import caller_types, relation_model
from portcullis.engine.relations.tuples import is_id

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_TEXT: Final = Meaning(frozenset[Kind](("text",)))
_ID: Final = Meaning(frozenset[Kind](("text", "integer")))


def check_call(rule: Rule, call: Call, context: OperationContext) -> None:
    """Raise :class:`~portcullis.engine.objects.tokens.RuleError` unless callers can have the relation that is named."""
    type_, _, relation = call.arguments
    for argument, what in ((type_, "type"), (relation, "relation")):
        if not isinstance(argument, Constant):
            raise rule.error(argument, f"the {what} is written in the rule", FUNCTION.example)
    if not isinstance(type_, Constant) or not isinstance(relation, Constant):
        raise TypeError(call)
    model = relation_model(context)
    if type_.value not in model.relations:
        names = list(model.relations)
        hint = suggest(str(type_.value), names, "declared") if names else 'declare it in "relations"'
        raise rule.error(type_, f"there is no type {type_.value}", hint)
    name, relations = str(type_.value), model.relations[str(type_.value)]
    if relation.value not in relations:
        hint = suggest(str(relation.value), list(relations), "it has") if relations else f"{name} has no relations"
        raise rule.error(relation, f"{name} has no relation {relation.value}", hint)
    try:
        callers = caller_types(context)
    except UntoldCallersError as error:
        raise rule.error(call, str(error)) from None
    for kind in sorted(callers.names):
        if not model.path(name, str(relation.value), kind).nodes:
            message = f"callers here are of the type {kind}, and no {kind} can be {relation.value} of {name}"
            raise rule.error(relation, message, f"say in relations who can: {name}: {{{relation.value}: [{kind}]}}")


def compile_related(context: OperationContext) -> Ask:
    """What answers at one operation."""
    model, callers, relations = relation_model(context), caller_types(context), context.ports.relations

    def ask(given: Given, arguments: Arguments) -> Truth:
        type_, object_id, relation = arguments
        facts = given.facts
        kind, subject_id, named = callers.of(facts), facts.identity.subject, as_part(object_id)
        if kind is None or named is None or not is_id(named) or not is_id(subject_id):
            return None
        try:
            return relations.check(model.path(type_, relation, kind), named, subject_id, given.work)
        except RelationLimitError:
            return None
        except (RelationStoreError, RelationWorkError) as error:
            raise QuestionError(str(error)) from error

    return ask


FUNCTION: Final = Function(
    "related",
    (("type", _TEXT), ("id", _ID), ("relation", _TEXT)),
    'related("order", request.path.order_id, "owner")',
    compile_related,
    check_call,
)
