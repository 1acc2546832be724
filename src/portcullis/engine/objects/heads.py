"""A ``HEAD`` beside a ``GET``: whether an object is there, how long it is and its ``ETag``, without the object.

All of that would be told of an object that the rule of the ``GET`` keeps from the caller, and of fields that it hides.
So where the ``GET`` has a rule, or hides fields, the ``HEAD`` of the same path must have something of its own to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.tree import pointer
from portcullis.engine.openapi.operations import SpecOperation

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def get_beside(context: OperationContext) -> SpecOperation | None:
    """The ``GET`` whose answers the operation tells of without their bodies; ``None`` if it is no ``HEAD``."""
    operation = context.operation
    if operation.method != "HEAD":
        return None
    beside = (each for each in context.document.operations if each.path == operation.path and each.method == "GET")
    return next(beside, None)


def check_head(context: OperationContext) -> None:
    """Raise :class:`ConfigurationError` for a ``HEAD`` that tells what the ``GET`` of its path keeps from callers."""
    get = get_beside(context)
    if get is not None and not context.settings.public and (found := list(_untold(context, get))):
        raise ConfigurationError(found)


def _untold(context: OperationContext, get: SpecOperation) -> Iterator[Diagnostic]:
    # Settings are made of what policies declare, and so can't be loaded before these.
    from portcullis.engine.config.merge import effective  # noqa: PLC0415

    theirs = effective(context.api, context.api.versions[context.version], get.name).objects
    mine, name = context.settings.objects, context.operation.name
    if theirs is None:
        return
    owner, own = theirs.owner, None if mine is None else mine.owner
    says_nothing = own is None or (own.rule is None and own.mode != "off")
    if says_nothing and owner is not None and owner.rule is not None and owner.mode != "off":
        message = f"it tells which objects are there, and {get.name} has a rule about whose they are"
        hint = f'say it here too: owner: {{rule: ..., before: {{read: "{get.name}"}}}}, or owner: {{mode: off}}'
        yield _diagnostic(context, f"{name}: {message}", hint)
    fields, shown = theirs.fields, None if mine is None else mine.fields
    if fields is not None and fields.response and fields.mode != "off" and shown is None:
        message = f"it tells how long answers are, and {get.name} hides fields of them"
        yield _diagnostic(context, f"{name}: {message}", "say here too which: fields: {response: ...}, or {mode: off}")


def _diagnostic(context: OperationContext, message: str, hint: str) -> Diagnostic:
    return Diagnostic("", 0, 0, pointer((*context.where, "objects")), message, hint)
