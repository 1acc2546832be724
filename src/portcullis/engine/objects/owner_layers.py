"""Where the file says whose objects are: for one operation, or for a version or an API as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcullis.engine.config.model import OperationSettings
    from portcullis.engine.operation import OperationContext


def is_for_others(context: OperationContext) -> bool:
    """Whether what the file says without a rule is for operations that have one, of which this is none."""
    api, name = context.api, context.operation.name
    narrow = [api.operations, *(version.operations for version in api.versions.values())]
    if any(_says_owner(operations.get(name)) for operations in narrow):
        return False
    layers = [*api.versions.values(), *(settings for operations in narrow for settings in operations.values())]
    return any(_says_rule(layer) for layer in layers)


def is_public_above(context: OperationContext) -> bool:
    """Whether the layer that says that the operation is public says, or is wider than one that says, whose they are."""
    version, operation = context.api.versions[context.version], context.operation.name
    for layer in (version.operations.get(operation), context.api.operations.get(operation), version, context.api):
        if _says_owner(layer):
            return True
        if layer is not None and layer.public:
            return False
    return False


def _says_owner(settings: OperationSettings | None) -> bool:
    return settings is not None and settings.objects is not None and settings.objects.owner is not None


def _says_rule(settings: OperationSettings) -> bool:
    owner = None if settings.objects is None else settings.objects.owner
    return owner is not None and owner.rule is not None
