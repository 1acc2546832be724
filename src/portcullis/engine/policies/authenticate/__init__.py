"""The phase ``authenticate``: who calls?

An operation lists what it accepts: identities, or several that are asked for together (``all_of``). The first of them
whose credential is in the request decides, for or against. If none is there the request is refused. Callers are told
one thing only, ``authenticate.failed`` with the challenges of all accepted identities: whether a credential was
missing, unknown, expired or revoked is for the record, since an attacker who can tell these apart can sort stolen
credentials. Where it can't be found out who calls, because whoever must be asked is away, the answer is
``authenticate.unavailable``, and never a grant.

A kind's ``compile(name, config, ports)`` gives an :class:`Authenticator`. Credentials are taken out of what is sent
upstream unless their identity says ``forward: true``, on public operations too: the service has no use for them,
and what it does not get it can't log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from portcullis.engine.authentication.deciding import all_of, first_present_decides, further_steps, still_proven
from portcullis.engine.authentication.proof import Authenticator, Standing
from portcullis.engine.authentication.withholding import withholding
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.policy import Policy, Step, policies_of

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that authenticate one operation. Raises :class:`ConfigurationError` if it has no authentication."""
    settings = context.settings
    credentials = tuple(_identities(context))
    if settings.public:
        return withholding("authenticate.public", credentials)
    if settings.authenticate is None or not settings.authenticate.any_of:
        raise _mistake(
            context.where,
            "operation has no authentication",
            "list identities (authenticate: [partners]) or say public: true",
        )
    accepted = _accepted(context)
    names = {authenticator.policy for authenticator in accepted}
    policy = names.pop() if len(names) == 1 else "authenticate"
    monitor = settings.authenticate.mode == "monitor"
    # What is withheld does not depend on the outcome, so that a monitored refusal leaks nothing either.
    decides = Step(policy, "head", first_present_decides(accepted), monitor)
    return (*withholding(policy, credentials), decides, *further_steps(accepted))


def standing_of(context: OperationContext) -> Standing | None:
    """What looks again whether a caller of the operation still is who was let in; ``None`` where nobody is asked."""
    settings = context.settings
    if settings.public or settings.authenticate is None or settings.authenticate.mode == "monitor":
        return None
    return still_proven(_accepted(context))


def credential_query_names(context: OperationContext) -> frozenset[str]:
    """Query parameters that carry credentials of this operation; no document has to declare them."""
    names = (authenticator.query for authenticator in _identities(context))
    return frozenset(name for name in names if name is not None)


def credential_header_names(context: OperationContext) -> tuple[str, ...]:
    """Header fields that carry credentials of this operation, lower-case."""
    return tuple(field.decode() for authenticator in _identities(context) for field in authenticator.fields)


def withheld_query_names(context: OperationContext) -> frozenset[str]:
    """Those of :func:`credential_query_names` that are taken out of what is sent upstream."""
    withheld = (authenticator for authenticator in _identities(context) if not authenticator.forward)
    return frozenset(authenticator.query for authenticator in withheld if authenticator.query is not None)


def forwarded_fields(context: OperationContext) -> frozenset[bytes]:
    """Header fields (lower-case) that carry credentials of this operation, and are sent upstream."""
    return frozenset(field for each in _identities(context) if each.forward for field in each.fields)


def _identities(context: OperationContext) -> Iterator[Authenticator]:
    """Every identity that the operation lists, alone or together with others."""
    settings = context.settings.authenticate
    for entry in settings.any_of if settings is not None else ():
        for name in [entry] if isinstance(entry, str) else entry.all_of:
            yield _authenticator(context, name)


def _accepted(context: OperationContext) -> list[Authenticator]:
    """What the operation accepts, in order: the first that is present decides."""
    settings = context.settings.authenticate
    return [
        _authenticator(context, entry)
        if isinstance(entry, str)
        else all_of([_authenticator(context, name) for name in entry.all_of])
        for entry in (settings.any_of if settings is not None else ())
    ]


def _authenticator(context: OperationContext, name: str) -> Authenticator:
    """Identity ``name``, compiled once for all operations: it may hold a cache, and keys that change."""
    key = ("identities", name)
    if key not in context.shared:
        context.shared[key] = _compile_identity(context, name)
    authenticator: Authenticator = context.shared[key]
    return authenticator


def _compile_identity(context: OperationContext, name: str) -> Authenticator:
    identity = context.configuration.identities.get(name)
    if identity is None:
        known = ", ".join(sorted(context.configuration.identities)) or "none is declared yet"
        raise _mistake((*context.where, "authenticate"), f"there is no identity {name!r}", f"identities: {known}")
    kinds = [policy for policy in policies_of("authenticate") if getattr(identity, policy.key) is not None]
    if len(kinds) != 1:
        allowed = ", ".join(policy.key for policy in policies_of("authenticate"))
        raise _mistake(("identities", name), "an identity is of exactly one kind", f"one of: {allowed}")
    return _compile_kind(kinds[0], name, getattr(identity, kinds[0].key), context)


def _compile_kind(policy: Policy, name: str, config: object, context: OperationContext) -> Authenticator:
    authenticator: Authenticator = policy.compile(name, config, context.ports)
    return authenticator


def _mistake(where: tuple[str | int, ...], message: str, hint: str) -> ConfigurationError:
    return ConfigurationError([Diagnostic("", 0, 0, ".".join(map(str, where)), message, hint)])
