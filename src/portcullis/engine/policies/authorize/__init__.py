"""The phase ``authorize``: may this caller call this operation at all?

A kind's ``compile(config, context)`` gives the steps of one operation; all of them must let a caller pass. Callers of a
public operation are nobody and may do whatever it does: a narrower ``public: true`` ends what a wider layer asks of
callers, while asking for something on an operation that a wider (or the same) layer has made public is an error.
``every_caller: true`` ends it likewise, for callers who are somebody. What the document asks for is asked for also
where the file says nothing, and who holds roles that exclude each other, or is a service that the call graph does not
let call, is refused whatever is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.policies.authorize import decision, permissions, scopes, services
from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that authorize calls of one operation. Raises :class:`ConfigurationError`."""
    settings = context.settings.authorize
    if context.settings.public:
        if settings is not None and settings.model_fields_set:
            _check_made_public_below(context)
        return ()
    steps = list(permissions.exclusion(context))
    steps.extend(services.compile_services(getattr(settings, services.POLICY.key, None), context))
    if settings is not None and settings.every_caller:
        return tuple(steps)
    # Others are asked last, about callers whom nothing else has refused.
    for policy in sorted(policies_of("authorize"), key=lambda policy: policy is decision.POLICY):
        if policy is services.POLICY:
            continue  # who may call at all stands before what else is asked
        config = getattr(settings, policy.key, None)
        if config is None and policy is scopes.POLICY:
            config = policy.config_in(settings)
        if config is not None:
            steps.extend(policy.compile(config, context))
    return tuple(steps)


def _check_made_public_below(context: OperationContext) -> None:
    version, operation = context.api.versions[context.version], context.operation.name
    for layer in (version.operations.get(operation), context.api.operations.get(operation), version, context.api):
        if layer is not None and layer.authorize is not None and layer.authorize.model_fields_set:
            where = ".".join(map(str, (*context.where, "authorize")))
            message = "nothing can be asked of the callers of a public operation: they are nobody"
            hint = "remove authorize, or say authenticate: [...] here"
            raise ConfigurationError([Diagnostic("", 0, 0, where, message, hint)])
        if layer is not None and layer.public:
            return
