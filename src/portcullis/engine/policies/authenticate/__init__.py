"""The phase ``authenticate``: who calls?

An operation lists the identities it accepts; the first of them whose credential is in the request decides, for or
against. If none is there the request is refused. Callers are told one thing only, ``authenticate.failed`` with the
challenges of all accepted identities: whether a credential was missing, unknown, expired or revoked is for the
record, since an attacker who can tell these apart can sort stolen credentials.

A kind's ``compile(name, config, ports)`` gives an :class:`Authenticator`. Credentials are taken out of what is sent
upstream unless their identity says ``forward: true``, on public operations too: the service has no use for them,
and what it does not get it can't log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Policy, Step, StepFunction, policies_of
from portcullis.engine.query_credentials import without_credentials
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

FAILED: Final = Code("authenticate.failed", 401, "The caller could not be authenticated")
MISSING: Final = Code("authenticate.missing", 401, "No credential was presented", FAILED)
DUPLICATE_CREDENTIAL: Final = Code(
    "authenticate.duplicate_credential", 401, "More than one credential was presented", FAILED
)

Absent = Literal["absent"]
ABSENT: Final[Absent] = "absent"
Proof = Callable[[RequestView, Facts], Refuse | Absent | Awaitable[Refuse | None] | None]


class Authenticator(msgspec.Struct, frozen=True):
    """One identity, compiled.

    ``prove``: looks for the credential and says at once ``ABSENT`` where there is none; otherwise it establishes
    the identity and gives ``None``, or refuses, or gives an awaitable of either. ``challenge``: its
    ``WWW-Authenticate`` value (RFC 9110 11.6.1); ``field`` and ``query``: the header field (lower-case) and the
    query parameter its credential may be in; ``forward``: the service behind gets the credential too.
    """

    policy: str
    prove: Proof
    challenge: bytes
    field: bytes | None = None
    query: str | None = None
    forward: bool = False


def compile_phase(context: OperationContext) -> tuple[Step, ...]:
    """The steps that authenticate one operation. Raises :class:`ConfigurationError` if it has no authentication."""
    settings = context.settings
    if settings.public:
        return _withholding("authenticate.public", _authenticators(context))
    if settings.authenticate is None or not settings.authenticate.any_of:
        raise _mistake(
            context.where,
            "operation has no authentication",
            "list identities (authenticate: [partners]) or say public: true",
        )
    accepted = _authenticators(context)
    names = {authenticator.policy for authenticator in accepted}
    policy = names.pop() if len(names) == 1 else "authenticate"
    monitor = settings.authenticate.mode == "monitor"
    # What is withheld does not depend on the outcome, so that a monitored refusal leaks nothing either.
    return (*_withholding(policy, accepted), Step(policy, "head", _first_present_decides(accepted), monitor))


def credential_query_names(context: OperationContext) -> frozenset[str]:
    """Query parameters that carry credentials of this operation; no document has to declare them."""
    names = (authenticator.query for authenticator in _authenticators(context))
    return frozenset(name for name in names if name is not None)


def credential_header_names(context: OperationContext) -> tuple[str, ...]:
    """Header fields that carry credentials of this operation, lower-case."""
    fields = (authenticator.field for authenticator in _authenticators(context))
    return tuple(field.decode() for field in fields if field is not None)


def withheld_query_names(context: OperationContext) -> frozenset[str]:
    """Those of :func:`credential_query_names` that are taken out of what is sent upstream."""
    withheld = (authenticator for authenticator in _authenticators(context) if not authenticator.forward)
    return frozenset(authenticator.query for authenticator in withheld if authenticator.query is not None)


def forwarded_fields(context: OperationContext) -> frozenset[bytes]:
    """Header fields (lower-case) that carry credentials of this operation, and are sent upstream."""
    forwarded = (authenticator for authenticator in _authenticators(context) if authenticator.forward)
    return frozenset(authenticator.field for authenticator in forwarded if authenticator.field is not None)


def _first_present_decides(accepted: tuple[Authenticator, ...]) -> StepFunction:
    challenges = tuple((b"www-authenticate", authenticator.challenge) for authenticator in accepted)
    proofs = tuple(authenticator.prove for authenticator in accepted)
    missing = Refuse(
        MISSING,
        finding=Finding(allowed=", ".join(authenticator.challenge.decode() for authenticator in accepted)),
        fields=challenges,
    )

    def challenged(refusal: Refuse | None) -> Refuse | None:
        return None if refusal is None else Refuse(refusal.code, refusal.detail, refusal.finding, challenges)

    async def when_proven(pending: Awaitable[Refuse | None]) -> Refuse | None:
        return challenged(await pending)

    def authenticate(request: RequestView, facts: Facts) -> Refuse | Awaitable[Refuse | None] | None:
        for prove in proofs:
            answer = prove(request, facts)
            if answer is None:
                return None
            if isinstance(answer, Refuse):
                return challenged(answer)
            if not isinstance(answer, str):
                return when_proven(answer)
        return missing

    return authenticate


def _withholding(policy: str, authenticators: tuple[Authenticator, ...]) -> tuple[Step, ...]:
    """The step that takes credentials out of what is sent upstream, if there is anything to take out."""
    withheld = [authenticator for authenticator in authenticators if not authenticator.forward]
    fields = frozenset(authenticator.field for authenticator in withheld if authenticator.field is not None)
    names = frozenset(authenticator.query for authenticator in withheld if authenticator.query is not None)
    without_fields = Modify(remove_fields=fields) if fields else None

    def withhold_fields(_request: RequestView, _facts: Facts) -> Modify | None:
        return without_fields

    def withhold(request: RequestView, _facts: Facts) -> Modify | None:
        query = request.query
        kept = without_credentials(query, names)
        return without_fields if kept is query else Modify(remove_fields=fields, query=kept)

    if names:
        return (Step(policy, "head", withhold),)
    return (Step(policy, "head", withhold_fields),) if fields else ()


def _authenticators(context: OperationContext) -> tuple[Authenticator, ...]:
    settings = context.settings.authenticate
    return tuple(_authenticator(context, name) for name in settings.any_of) if settings is not None else ()


def _authenticator(context: OperationContext, name: str) -> Authenticator:
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
