"""The phase ``authorize``: may this caller call this operation at all?

A kind's ``compile(config, context)`` gives the steps of one operation. Callers of a public operation are nobody and
may do whatever it does: a narrower ``public: true`` ends what a wider layer asks of callers, while asking for
something on an operation that a wider (or the same) layer has made public is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that authorize calls of one operation. Raises :class:`ConfigurationError`."""
    settings = context.settings.authorize
    steps: list[Step] = []
    for policy in policies_of("authorize") if settings is not None else ():
        config = getattr(settings, policy.key)
        if config is not None:
            steps.extend(policy.compile(config, context))
    if steps and context.settings.public:
        _check_made_public_below(context)
        return ()
    return tuple(steps)


def _check_made_public_below(context: OperationContext) -> None:
    version, operation = context.api.versions[context.version], context.operation.name
    for layer in (version.operations.get(operation), context.api.operations.get(operation), version, context.api):
        if layer is not None and layer.authorize is not None:
            where = ".".join(map(str, (*context.where, "authorize")))
            message = "nothing can be asked of the callers of a public operation: they are nobody"
            hint = "remove authorize, or say authenticate: [...] here"
            raise ConfigurationError([Diagnostic("", 0, 0, where, message, hint)])
        if layer is not None and layer.public:
            return
