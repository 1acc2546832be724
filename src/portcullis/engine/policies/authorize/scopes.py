"""Scopes: what a credential may be used for.

What
    An operation asks for scopes that a credential must carry to call it: those that its OpenAPI document asks for
    (``security``), and those that the file names. A key gets its scopes when it is made:
    ``portcullis keys create acme --scope orders:read``; a key made without any carries none. A token has those that its
    issuer gave it.

Why
    API5:2023 Broken Function Level Authorization. A key that leaks from a reporting job should not be able to
    place orders: give each key what its job needs, and name here what each operation needs. Where the document says
    so already, nobody has to say it again, and nobody can forget to.

Config
    A list of scopes (RFC 6749 3.3), all of which are needed; or ``all_of`` with such a list, ``from_document`` and
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``.

    The scopes of the document are asked for unless ``from_document: false`` or ``mode: off`` says otherwise, also
    where the file says nothing. Its alternatives count as the specification means them (OpenAPI, Security Requirement
    Object): the first that the caller meets lets it pass. An alternative concerns callers who were proven by what it
    names: if a document takes a token with ``orders:read`` or an API key, a token needs that scope and a key needs
    none. A caller who was proven by nothing that the document names needs the scopes of one alternative. What the file
    lists is needed besides.

    A caller who passed monitored authentication is anonymous and has no scopes. An operation that says
    ``public: true`` asks for none, whatever its API or its document asks for.

When it fails
    403 ``authorize.missing_scope``; the caller is told which scopes the operation needs (who has a token also by the
    challenge of RFC 6750 3.1), the record also which ones the credential has, and where they are asked for.

Example
    .. code-block:: yaml

        apis:
          shop:
            operations:
              "POST /orders":
                authorize: {scopes: [orders:write]}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field

from portcullis.engine.authorization.alternatives import ScopeAlternatives, Wanted, kinds_of, wording
from portcullis.engine.codes import Code
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import ListedSection
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.openapi.pointer import join
from portcullis.engine.openapi.security import Security
from portcullis.engine.policy import Mode, Policy, Probe, Step, StepFunction
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

MISSING_SCOPE: Final = Code("authorize.missing_scope", 403, "The credential does not allow this call")

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")  # scope-token of RFC 6749 3.3


def check_scope(value: str) -> str:
    """``value`` if it is a scope (RFC 6749 3.3, at most 128 characters); raises ``ValueError``."""
    if not _SCOPE.fullmatch(value):
        raise ValueError("a scope is printable ASCII without spaces, quotes and backslashes: orders:read")
    return value


class ScopesConfig(ListedSection):
    """Scopes that a credential must carry; a plain list in the file is short for ``all_of``."""

    all_of: list[Annotated[str, AfterValidator(check_scope)]] = Field([], min_length=1, max_length=64)
    """Scopes, all of which are needed."""
    from_document: bool = True
    """Whether the scopes that the OpenAPI document asks for are needed as well."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def compile_scopes(config: ScopesConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that asks for the scopes; none where nothing is asked for."""
    asked = context.operation.security if config.from_document else None
    if config.mode == "off" or not (config.all_of or asked):
        return ()
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    source = f"#{join('', *written_at(layers, 'authorize', 'scopes'))}"
    always = frozenset(config.all_of)
    if asked is None:
        step = _asking_all(always, source)
    else:
        document = context.document.reference(asked.pointer)
        step = _asking_one_of(always, asked, source, document)
    return (Step(POLICY.name, "head", step, config.mode == "monitor"),)


def _asking_all(required: frozenset[str], source: str) -> StepFunction:
    def authorize(_request: RequestView, facts: Facts) -> Refuse | None:
        identity = facts.identity
        return None if required <= identity.scopes else _refusal(identity, (required,), source)

    return authorize


def _asking_one_of(always: frozenset[str], asked: Security, source: str, document: str) -> StepFunction:
    """Ask for the scopes ``always``, which the file names at ``source``, and for what the document asks."""
    alternatives = ScopeAlternatives(asked.alternatives, always)
    by_method: dict[str, Wanted] = {}

    def authorize(_request: RequestView, facts: Facts) -> Refuse | None:
        identity = facts.identity
        wanted = by_method.get(identity.method)
        if wanted is None or identity.also:
            wanted = alternatives.wanted(identity)
            if not identity.also:  # one entry for each method of authentication
                by_method[identity.method] = wanted
        scopes = identity.scopes
        for needed in wanted:
            if needed <= scopes:
                return None
        return _refusal(identity, wanted, document if always <= scopes else source)

    return authorize


def _refusal(identity: Identity, wanted: Wanted, source: str) -> Refuse:
    detail = f"This call needs a credential with {wording(wanted)}." if wanted else ""
    found = " ".join(sorted(identity.scopes)) or "no scopes"
    allowed = " or ".join(", ".join(sorted(scopes)) for scopes in wanted) or "nothing: the document can't be read"
    finding = Finding("/identity/scopes", shorten(found), shorten(allowed), source)
    return Refuse(MISSING_SCOPE, detail, finding, _challenge(identity, wanted))


def _challenge(identity: Identity, wanted: Wanted) -> tuple[tuple[bytes, bytes], ...]:
    """What RFC 6750 3.1 tells whoever came with a token that is good for something else."""
    if "token" not in kinds_of(identity) or not wanted:
        return ()
    scopes = " ".join(sorted(scope for scope in wanted[0] if _SCOPE.fullmatch(scope)))
    return ((b"www-authenticate", f'Bearer error="insufficient_scope", scope="{scopes}"'.encode()),)


POLICY = Policy(
    phase="authorize",
    key="scopes",
    config=ScopesConfig,
    codes=(MISSING_SCOPE,),
    probes=(Probe("a key that carries no scopes", "drop_scopes", MISSING_SCOPE),),
    compile=compile_scopes,
)
