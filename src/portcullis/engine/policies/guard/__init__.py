"""The phase ``guard``: what is known before anything is asked of the caller.

A kind's ``compile(config, context)`` gives the steps of one operation. They run first: nobody who is refused here
costs a look at a credential, or learns that an operation wants one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that guard one operation. Raises :class:`ConfigurationError`."""
    settings = context.settings.guard
    steps: list[Step] = []
    for policy in policies_of("guard") if settings is not None else ():
        config = getattr(settings, policy.key)
        if config is not None:
            steps.extend(policy.compile(config, context))
    return tuple(steps)
