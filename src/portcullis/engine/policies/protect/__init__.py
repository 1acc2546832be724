"""The phase ``protect``: what leaves the gateway is safe for whoever reads it.

A kind's ``compile(config, context)`` gives the steps of one operation. Protection is on unless the file turns it off:
where it says nothing, each kind is compiled with its defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that protect the answers of one operation. Raises :class:`ConfigurationError`."""
    settings = context.settings.protect
    steps: list[Step] = []
    for policy in policies_of("protect"):
        steps.extend(policy.compile(policy.config_in(settings), context))
    return tuple(steps)
