"""The phase ``transform``: what is sent to the service is changed, once everything has let the request pass.

A kind's ``compile(config, context)`` gives the steps of one operation. Kinds that the file does not name do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that transform one operation's requests. Raises :class:`ConfigurationError`."""
    settings = context.settings.transform
    steps: list[Step] = []
    for policy in policies_of("transform"):
        config = getattr(settings, policy.key, None)
        if config is not None:
            steps.extend(policy.compile(config, context))
    return tuple(steps)
