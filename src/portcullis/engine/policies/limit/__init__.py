"""The phase ``limit``: how much may this caller use?

A *plan* is a set of limits with a name. An operation's ``limit`` says which plan holds (one for all, or the calling
consumer's own) and whose requests are counted together. This module finds plan and caller; each kind of limit, a
module beside it, counts. A kind's ``compile(config, scope)`` gives a :data:`Meter`.

**What is counted together.** One counter for each place of the file where ``plan`` is written: a plan named by an API
is counted over all its operations and versions, one named by a version over that version, one named by an operation
for that operation alone. A narrower ``limit`` that names no plan (``{mode: monitor}``) goes on with the wider one's
counter. Different APIs never share a counter, nor do different plans.

**Whose requests.** ``by: consumer`` counts a consumer's requests over all its credentials, ``by: credential`` each
credential's, ``by: address`` each client address's, where IPv6 addresses are counted by /64
(:mod:`portcullis.engine.client_address`). Who has no consumer (or credential) is counted by the subject that it
proved, and who proved nothing by its address, under the same plan.

**Who has no plan.** With ``{of: consumer}`` a caller without a plan gets ``default_plan``; where there is none, or
where the consumer's plan is not in the file, it is refused: ``limit.no_plan``. A plan without a limit of some kind
does not limit in that way; ``unlimited: {}`` is a plan.

If the counters can't be reached ``on_store_failure`` decides: ``refuse`` (``limit.store_unavailable``) or ``allow``;
the record tells either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from portcullis.engine.client_address import counted_as
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.tree import pointer
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Policy, Step, StepFunction, policies_of
from portcullis.engine.ports import Clock, Counters, CounterStoreError
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.config.model import LimitSettings
    from portcullis.engine.operation import OperationContext

NO_PLAN: Final = Code("limit.no_plan", 403, "There is no plan for this caller")
STORE_UNAVAILABLE: Final = Code("limit.store_unavailable", 503, "Usage can't be counted at the moment")

Meter = Callable[[bytes, Facts], Refuse | None]
"""Counts one request of a caller (the bytes that name it in counters) and decides. Raises ``CounterStoreError``."""
Subject = Callable[[RequestView, Facts], bytes]

_MAX_PREFIX: Final = 256
_MAX_SUBJECT: Final = 200


class Scope(msgspec.Struct, frozen=True):
    """What a kind counts for: one plan at one place of the file.

    ``plan``: its name; ``counter``: what the keys of its counters begin with; ``advertise``: whether callers are told
    about their limits (not in ``monitor`` mode, where these do not hold).
    """

    plan: str
    counter: bytes
    advertise: bool
    counters: Counters
    clock: Clock


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that limit one operation. Raises :class:`ConfigurationError` for a plan that is not in the file."""
    settings = context.settings.limit
    if settings is None or settings.mode == "off":
        return ()
    _check_plans(settings, context)
    monitor = settings.mode == "monitor"
    return tuple(
        Step(policy.name, "head", _step(policy, settings, _meters(policy, settings, context)), monitor)
        for policy in policies_of("limit")
    )


def _step(policy: Policy, settings: LimitSettings, meters: Mapping[str, Meter | None]) -> StepFunction:
    default = settings.plan if isinstance(settings.plan, str) else settings.default_plan or ""
    of_consumer = not isinstance(settings.plan, str)
    subject = _SUBJECTS[settings.by]
    lets_pass = settings.on_store_failure == "allow"

    def limit(request: RequestView, facts: Facts) -> Refuse | None:
        plan = default
        if of_consumer and (consumer := facts.identity.consumer) is not None:
            plan = consumer.plan or default
        try:
            meter = meters[plan]
        except KeyError:
            return _no_plan(plan)
        if meter is None:
            return None
        try:
            return meter(subject(request, facts), facts)
        except CounterStoreError as error:
            refusal = Refuse(STORE_UNAVAILABLE, finding=Finding(found=shorten(str(error))))
            if not lets_pass:
                return refusal
            facts.refused(policy.name, refusal, "error")
            return None

    return limit


def _no_plan(plan: str) -> Refuse:
    found = f"plan {shorten(plan, 80)}, which is not in the file" if plan else "no plan, and no default_plan"
    return Refuse(NO_PLAN, finding=Finding(found=found, allowed="a consumer with a plan of the file"))


def _meters(policy: Policy, settings: LimitSettings, context: OperationContext) -> dict[str, Meter | None]:
    """What counts, by name of the plan; ``None`` where the plan has no limit of this kind."""
    plans: Mapping[str, Any] = context.configuration.plans
    if isinstance(settings.plan, str):
        plans = {settings.plan: plans[settings.plan]}
    advertise = settings.mode == "enforce"
    return {name: _meter(policy, name, getattr(plan, policy.key), advertise, context) for name, plan in plans.items()}


def _meter(
    policy: Policy, plan: str, config: object | None, advertise: bool, context: OperationContext
) -> Meter | None:
    if config is None:
        return None
    scope = Scope(
        plan=plan,
        counter=_counter(policy.key, *_counted_at(context), plan),
        advertise=advertise,
        counters=context.ports.counters,
        clock=context.ports.clock,
    )
    meter: Meter = policy.compile(config, scope)
    return meter


def _counted_at(context: OperationContext) -> tuple[str, str, str]:
    """API, version and operation of the narrowest place where the plan is written; empty: all of them."""
    api, version, operation = context.api_name, context.version, context.operation.name
    of_version = context.api.versions[version]
    for settings, place in (
        (of_version.operations.get(operation), (api, version, operation)),
        (context.api.operations.get(operation), (api, "", operation)),
        (of_version, (api, version, "")),
    ):
        if settings is not None and settings.limit is not None and settings.limit.plan is not None:
            return place
    return (api, "", "")


def _counter(*names: str) -> bytes:
    """The names as one, readable and unambiguous; where that is too long, their digest."""
    prefix = "".join(f"{quote(name, safe=' {}:')}/" for name in names).encode()
    return prefix if len(prefix) <= _MAX_PREFIX else blake2b(prefix, digest_size=32).hexdigest().encode() + b"/"


@lru_cache(maxsize=4096)
def _subject(kind: str, name: str) -> bytes:
    subject = f"{kind}/{name}".encode()
    if len(subject) <= _MAX_SUBJECT:
        return subject
    return f"{kind}#{blake2b(subject, digest_size=32).hexdigest()}".encode()


def _by_consumer(request: RequestView, facts: Facts) -> bytes:
    consumer = facts.identity.consumer
    return _by_subject(request, facts) if consumer is None else _subject("consumer", consumer.name)


def _by_credential(request: RequestView, facts: Facts) -> bytes:
    credential = facts.identity.credential
    return _subject("credential", credential) if credential else _by_subject(request, facts)


def _by_subject(request: RequestView, facts: Facts) -> bytes:
    identity = facts.identity
    return _subject(identity.method, identity.subject) if identity.subject else _by_address(request, facts)


def _by_address(request: RequestView, _facts: Facts) -> bytes:
    return _subject("address", counted_as(request.client))


_SUBJECTS: Final[Mapping[str, Subject]] = {
    "consumer": _by_consumer,
    "credential": _by_credential,
    "address": _by_address,
}


def _check_plans(settings: LimitSettings, context: OperationContext) -> None:
    plans = context.configuration.plans
    known = ", ".join(sorted(plans)) or "none is declared yet"
    errors = [
        _mistake(context, key, f"there is no plan {name!r}", f"plans: {known}")
        for key, name in (("plan", settings.plan), ("default_plan", settings.default_plan))
        if isinstance(name, str) and name not in plans
    ]
    if settings.plan is None:
        hint = "name one, or {of: consumer}, or say mode: off"
        errors.append(_mistake(context, "plan", "a limit without a plan limits nothing", hint))
    elif context.settings.public and not isinstance(settings.plan, str) and settings.default_plan is None:
        hint = "set default_plan, or name a plan for this operation"
        errors.append(
            _mistake(context, "plan", "callers of a public operation are no consumers and have no plan", hint)
        )
    if errors:
        raise ConfigurationError(errors)


def _mistake(context: OperationContext, key: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic("", 0, 0, pointer((*context.where, "limit", key)), message, hint)
