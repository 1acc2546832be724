"""Relations as an operation meets them: what the file declares, and who its callers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.authentication.callers import CallerTypes, UntoldCallersError
from portcullis.engine.relations.model import RelationModel

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

_KEY = ("relations",)


def relation_model(context: OperationContext) -> RelationModel:
    """The relations of the configuration, made once for all operations."""
    if _KEY not in context.shared:
        context.shared[_KEY] = RelationModel(context.configuration.relations)
    model: RelationModel = context.shared[_KEY]
    return model


def caller_types(context: OperationContext) -> CallerTypes:
    """The types of the callers of an operation. Raises :class:`UntoldCallersError`, which says where to tell it."""
    try:
        return CallerTypes(context, relation_model(context).callers)
    except UntoldCallersError as error:
        hint = f"say it in relations, as in user: [{error.identity}]"
        raise UntoldCallersError(error.identity, f"{error}; {hint}") from None
