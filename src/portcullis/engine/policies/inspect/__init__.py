"""The phase ``inspect``: does a request hold an attack on what stands behind the gateway?

A kind's ``compile(config, context)`` gives the steps of one operation. Inspection is on where the file asks for it:
what is free text to one service is code to another, and only who knows the service can say which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that inspect calls of one operation. Raises :class:`ConfigurationError`."""
    settings = context.settings.inspect
    steps: list[Step] = []
    for policy in policies_of("inspect") if settings is not None else ():
        config = getattr(settings, policy.key)
        if config is not None:
            steps.extend(policy.compile(config, context))
    return tuple(steps)
