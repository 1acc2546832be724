"""The phase ``objects``: is it the caller's, and which of its fields may the caller see or set?

A kind's ``compile(config, context)`` gives the steps of one operation. It runs twice: on the request, once this has
passed all phases before, and on the service's answer. Of an answer, what is not the caller's is taken out before
anything else looks at it; fields that the caller does not see are hidden after the answer was validated, since an
answer without them is not what its document declares.

What the OpenAPI document declares is what objects are known by, as ``validate`` reads it: a rule of an operation whose
requests are not validated can't speak of them. Where objects or fields of answers are looked at, shared caches may not
keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.objects.caching import keep_from_caches, keep_from_shared_caches
from portcullis.engine.objects.heads import check_head
from portcullis.engine.policies.protect import headers
from portcullis.engine.policies.validate import request, response
from portcullis.engine.policy import Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.openapi.document import Checks
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps for the objects of one operation. Raises :class:`ConfigurationError`."""
    check_head(context)
    settings = context.settings.objects
    steps: list[Step] = []
    for policy in policies_of("objects"):
        config = getattr(settings, policy.key, None)
        if config is None and policy.key == "fields" and context.document.field_marks.roots:
            config = policy.config_in(settings)  # the document itself says something of fields
        if config is not None:
            steps.extend(policy.compile(config, context))
    looking = [step for step in steps if step.needs == "response_body"]
    if looking:
        monitor = all(step.monitor for step in looking)
        keep = keep_from_shared_caches if headers.say_no_store(context) else keep_from_caches
        steps.insert(0, Step(looking[0].policy, "response_head", keep, monitor))
    return tuple(steps)


def checks_of_request(context: OperationContext) -> Checks | None:
    """What the requests of an operation are read and checked by; ``None`` if nothing reads them."""
    config: request.RequestValidationConfig = request.POLICY.config_in(context.settings.validate_)
    if config.mode == "off" or context.operation.unsupported:
        return None
    return request.request_checks(config, context)


def checks_of_answers(context: OperationContext) -> Checks:
    """What answers of the document are declared to be."""
    config: response.ResponseValidationConfig = response.POLICY.config_in(context.settings.validate_)
    return response.response_checks(config, context)


def answers_are_validated(context: OperationContext) -> bool:
    """Whether no answer passes that is not what its document declares."""
    config: response.ResponseValidationConfig = response.POLICY.config_in(context.settings.validate_)
    return config.mode == "enforce"


def answers_are_closed(context: OperationContext) -> bool:
    """Whether no field passes in an answer that its document does not declare."""
    config: response.ResponseValidationConfig = response.POLICY.config_in(context.settings.validate_)
    return config.mode == "enforce" and config.on_undeclared != "allow"
