"""Permissions: what the roles of a caller must allow.

What
    An operation names permissions; the caller's roles must give them. Roles are declared in ``roles``: with the
    permissions they give, the roles they inherit and the roles that exclude them. A consumer gets its roles when its
    key is made (``portcullis keys create acme --role clerk``), or by what an identity says of its callers.

Why
    API5:2023 Broken Function Level Authorization. Most functions that an attacker should not reach are reached by
    asking for them. Permissions say it where it can be reviewed: the operation asks, roles give, and
    ``portcullis explain --who-can 'DELETE /orders/{id}'`` lists who comes through.

Config
    A list of permissions, all of which are needed; or ``all_of``, ``any_of`` (one of them is needed) and ``mode``:
    ``enforce``, ``monitor`` (record, let pass) or ``off``. A permission that no role gives is an error, since nobody
    could call the operation. Roles that exclude each other (``exclusive_with``) refuse whoever holds both at every
    operation that is not public, whatever it asks for.

When it fails
    403 ``authorize.missing_permission``. The caller is told no more; the record has the roles that it holds, those
    that would do, and the place in the file that asks. A caller with roles that exclude each other is told the same.

Example
    .. code-block:: yaml

        roles:
          clerk: ["orders:read"]
          manager: {permissions: ["orders:*"], inherits: [clerk], exclusive_with: [auditor]}
          auditor: ["*:read"]
        apis:
          shop:
            operations:
              "DELETE /orders/{order_id}":
                authorize: {permissions: ["orders:delete"]}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pydantic import Field

from portcullis.engine.authorization.roles import Roles
from portcullis.engine.codes import Code
from portcullis.engine.config import wording
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.names import Permission
from portcullis.engine.config.section import ListedSection
from portcullis.engine.config.tree import pointer
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import Mode, Policy, Probe, Step, StepFunction
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

MISSING_PERMISSION: Final = Code("authorize.missing_permission", 403, "The caller may not make this call")
CONFLICTING_ROLES: Final = Code(
    "authorize.conflicting_roles", 403, "The roles of the caller exclude each other", MISSING_PERMISSION
)
ROLES: Final = "authorize.roles"
"""What refuses callers whose roles exclude each other, in records."""

_MOST_COMBINATIONS: Final = 4096
"""How many combinations of roles a worker remembers; issuers of tokens may know many."""


class PermissionsConfig(ListedSection):
    """Permissions that a caller's roles must give; a plain list in the file is short for ``all_of``."""

    all_of: list[Permission] = Field([], max_length=64)
    """Permissions, all of which are needed."""
    any_of: list[Permission] = Field([], max_length=64)
    """Permissions, one of which is needed."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_permissions(config: PermissionsConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that asks for the permissions.

    Raises :class:`ConfigurationError` for a permission that no role gives, and where none is named.
    """
    if config.mode == "off":
        return ()
    roles = roles_of(context)
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    where = written_at(layers, "authorize", "permissions")
    if mistakes := list(_mistakes(config, roles, where)):
        raise ConfigurationError(mistakes)
    granting = [roles.granting(permission) for permission in config.all_of]
    needed = ", ".join(config.all_of)
    if config.any_of:
        granting.append(frozenset().union(*(roles.granting(permission) for permission in config.any_of)))
        needed = " and ".join(filter(None, (needed, f"one of {', '.join(config.any_of)}")))
    allowed = f"{needed}, by {' or '.join(sorted(frozenset.intersection(*granting))) or 'several roles together'}"
    step = _asking(tuple(dict.fromkeys(granting)), shorten(allowed), f"#{join('', *where)}")
    return (Step(POLICY.name, "head", step, config.mode == "monitor"),)


def roles_of(context: OperationContext) -> Roles:
    """The roles of the configuration, made once for all operations."""
    key = ("roles",)
    if key not in context.shared:
        context.shared[key] = Roles(context.configuration.roles)
    roles: Roles = context.shared[key]
    return roles


def exclusion(context: OperationContext) -> tuple[Step, ...]:
    """The step that refuses callers whose roles exclude each other; none where no roles do."""
    roles = roles_of(context)
    if not roles.exclusive:
        return ()
    key = ("roles", "exclusion")
    if key not in context.shared:
        context.shared[key] = Step(ROLES, "head", _excluding(roles))
    step: Step = context.shared[key]
    return (step,)


def _asking(granting: tuple[frozenset[str], ...], allowed: str, source: str) -> StepFunction:
    """Refuse who holds no role of one of the sets ``granting``."""

    def refuse(held: frozenset[str]) -> Refuse:
        found = f"roles {', '.join(sorted(held))}" if held else "no roles"
        return Refuse(MISSING_PERMISSION, finding=Finding("/identity/roles", shorten(found), allowed, source))

    def ask_for_several(_request: RequestView, facts: Facts) -> Refuse | None:
        held = facts.identity.roles
        for sufficient in granting:
            if sufficient.isdisjoint(held):
                return refuse(held)
        return None

    if len(granting) > 1:
        return ask_for_several
    (sufficient,) = granting

    def ask(_request: RequestView, facts: Facts) -> Refuse | None:
        consumer = facts.identity.consumer
        if consumer is not None and not sufficient.isdisjoint(consumer.roles):
            return None
        return refuse(facts.identity.roles)

    return ask


def _excluding(roles: Roles) -> StepFunction:
    known: dict[frozenset[str], Refuse | None] = {}
    unknown = Refuse(CONFLICTING_ROLES)

    def find(held: frozenset[str]) -> Refuse | None:
        pair = roles.conflict(held)
        refusal = None
        if pair is not None:
            name, index = roles.declared_exclusive(pair)
            source = f"#{join('/roles', name, 'exclusive_with', index)}"
            finding = Finding("/identity/roles", shorten(" and ".join(pair)), "one of them", source)
            refusal = Refuse(CONFLICTING_ROLES, finding=finding)
        if len(known) >= _MOST_COMBINATIONS:
            known.clear()
        known[held] = refusal
        return refusal

    def exclude(_request: RequestView, facts: Facts) -> Refuse | None:
        held = facts.identity.roles
        if len(held) < 2:
            return None
        refusal = known.get(held, unknown)
        return find(held) if refusal is unknown else refusal

    return exclude


def _mistakes(config: PermissionsConfig, roles: Roles, where: Place) -> Iterator[Diagnostic]:
    """An error for each permission that no role gives, or for none being named."""
    if not config.all_of and not config.any_of:
        message = "no permission is named"
        yield Diagnostic("", 0, 0, pointer(where), message, "list those that are needed, or say mode: off")
    for key, permissions in (("all_of", config.all_of), ("any_of", config.any_of)):
        for index, permission in enumerate(permissions):
            if not roles.granting(permission):
                given = sorted({pattern for name in roles for pattern in roles.patterns(name)})
                hint = wording.suggest(permission, given, "given by roles") if given else 'declare roles in "roles"'
                place = pointer((*where, index) if key == "all_of" else (*where, key, index))
                yield Diagnostic("", 0, 0, place, f"no role gives {permission}: nobody could call this", hint)


POLICY = Policy(
    phase="authorize",
    key="permissions",
    config=PermissionsConfig,
    codes=(MISSING_PERMISSION, CONFLICTING_ROLES),
    probes=(Probe("a caller without roles", "drop_roles", MISSING_PERMISSION),),
    compile=compile_permissions,
)
