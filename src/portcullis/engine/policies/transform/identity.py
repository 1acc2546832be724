"""Who calls, told to the service: by a signed token that it can verify itself, by plain header fields, or both.

What
    Sends with each request of a caller that is known a header field with a short-lived token (a JWT of the gateway's
    own ``token_service``), or fields with parts of the identity. The token says ``iss`` (the token service), ``aud``,
    ``sub``, ``exp``, ``iat``, ``jti``, ``idp`` (the name of the identity that proved the caller), and where they are
    known ``scope``, ``roles``, ``idp_iss`` (whose token it was), ``credential`` (which key or token, by its id) and
    ``act`` (who acts for the caller). Its ``typ`` is ``identity+jwt``, and it is signed by keys of its own, which are
    published at ``<path>/identity-jwks``: neither does the gateway ever take it for an access token, nor can a service
    take an access token for it. Keys rotate as the token service's do. A worker signs once for an identity and sends
    the same token until half of its life is over.

    Fields of these names that a client sends are always taken out, in every spelling that a service may read as the
    same (``X_User``), also where nobody is known to call: on public operations, and where authentication is only
    monitored.

Why
    API2:2023 Broken Authentication: a service that believes a header believes whoever can reach it. A token it can
    verify holds also where somebody comes past the gateway, and where it is passed on to the next service.

Config
    ``token``: ``header`` (by default ``X-Identity``), ``audience`` (what the service is called) and ``lifetime``; needs
    the section ``token_service``. ``headers``: names of fields, each with ``subject``, ``consumer``, ``roles``,
    ``scopes``, ``issuer``, ``credential`` or ``identity`` (its name in the file); lists are separated by blanks, and
    values that are no visible ASCII are percent-encoded. A service may believe plain fields only where nobody but the
    gateway reaches it.

When it fails
    503 ``transform.identity_unavailable``: a worker has no key to sign with, since the control process has told of
    none yet.

Example
    .. code-block:: yaml

        token_service: {issuer: https://id.shop.example, audiences: [shop]}
        apis:
          shop:
            transform:
              identity:
                token: {audience: shop, lifetime: 60s}
                headers: {X-User: subject, X-Roles: roles}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.authentication.token_place import check_credential_field
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.names import FieldName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.policy import Policy, Probe, Step
from portcullis.engine.ports import Clock
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.declaring import LONGEST_LIFETIME, MOST_KEYS, Audience

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext
    from portcullis.engine.token_service.identity_tokens import IdentityTokens

FORGED: Final = Code("transform.forged_identity", 403, "The caller sent a field that only the gateway may write")
UNSIGNED: Final = Code("transform.identity_unavailable", 503, "The caller's identity can't be told right now")
Part = Literal["subject", "consumer", "roles", "scopes", "issuer", "credential", "identity"]


def _check_field(value: str) -> str:
    check_credential_field(value)
    if "_" in value or value.count("-") > _MAX_HYPHENS or value.lower() in ("authorization", "forwarded", "via"):
        raise ValueError(f"a field of its own, such as X-User: without _, and with at most {_MAX_HYPHENS} hyphens")
    return value


IdentityField = Annotated[FieldName, AfterValidator(_check_field)]
_MAX_HYPHENS: Final = 5
_MAX_REMEMBERED: Final = 16_384
"""Callers of one operation that one worker remembers, with a token each: some 2 KiB."""
_SAFE: Final = "".join(map(chr, range(0x21, 0x7F))).replace("%", "") + " "


class IdentityTokenConfig(Section):
    """A signed token."""

    header: IdentityField = "X-Identity"
    """Header field with the token, and nothing else in it."""
    audience: Audience
    """What ``aud`` says: what the service is called."""
    lifetime: Annotated[Duration, Field(ge=2.0, le=LONGEST_LIFETIME)] = 60.0
    """How long a token holds; each has at least half of it left when it is sent."""


class IdentityConfig(Section):
    """Who calls, told to the service."""

    token: IdentityTokenConfig | None = None
    """A signed token."""
    headers: dict[IdentityField, Part] = Field({}, max_length=16)
    """Header fields, and what of the identity each says."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        names = [name.lower() for name in self.headers]
        if self.token is not None:
            names.append(self.token.header.lower())
        if not names:
            raise ValueError("say how the service is told: token, headers or both")
        if len(set(names)) < len(names):
            raise ValueError("every header field says one thing")
        return self


def compile_identity(config: IdentityConfig, context: OperationContext) -> tuple[Step, ...]:
    """The step that tells the service who calls. Raises :class:`ConfigurationError`."""
    token = config.token
    fields = [*config.headers, *([token.header] if token is not None else [])]
    names = frozenset(name.lower().encode() for name in fields)
    spellings = frozenset(spelling for name in names for spelling in _spellings(name))
    removal = Modify(remove_fields=names)
    describe = _Descriptions(config, None if token is None else _tokens(token, context), context.ports.clock).of

    def tell(request: RequestView, facts: Facts) -> Modify | Refuse:
        identity = facts.identity
        change = removal if identity is ANONYMOUS else describe(identity)
        if change is None:
            return _UNSIGNED
        return change if spellings.isdisjoint(request.headers) else _against(change, spellings, request)

    return (Step(POLICY.name, "head", tell),)


class _Descriptions:
    """What services are told of callers, remembered until the token in it has half of its life left.

    It is remembered by the identity itself, which is the same object for each use of a key or a token.
    """

    def __init__(self, config: IdentityConfig, tokens: IdentityTokens | None, clock: Clock) -> None:
        self._parts = [(name.lower().encode(), _PARTS[part]) for name, part in config.headers.items()]
        self._tokens = tokens
        self._header = b"" if config.token is None else config.token.header.lower().encode()
        self._wall_s = clock.wall_s
        self._remembered: dict[int, tuple[Identity, float, Modify]] = {}

    def of(self, identity: Identity) -> Modify | None:
        """The fields that say who ``identity`` is; ``None`` where they can't be signed."""
        found = self._remembered.get(id(identity))
        if found is not None and found[0] is identity and self._wall_s() < found[1]:
            return found[2]
        fields = [(name, quote(part(identity), safe=_SAFE).encode()) for name, part in self._parts]
        until = math.inf
        if self._tokens is not None:
            signed = self._tokens.of(identity)
            if signed is None:
                return None
            until, token = signed
            fields.append((self._header, token))
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        change = Modify(set_fields=tuple(fields))
        self._remembered[id(identity)] = (identity, until, change)
        return change


def _spellings(name: bytes) -> Iterator[bytes]:
    """``name`` with ``_`` for any of its ``-``: many services read all of them as the same (RFC 3875 4.1.18)."""
    parts = name.split(b"-")
    for between in product((b"-", b"_"), repeat=len(parts) - 1):
        yield b"".join(part + mark for part, mark in zip(parts, (*between, b""), strict=True))


def _against(change: Modify, spellings: frozenset[bytes], request: RequestView) -> Modify:
    """``change`` where the client sent such fields itself, in whatever spelling: the record says so."""
    forged = sorted(spellings.intersection(request.headers))
    found = shorten(", ".join(name.decode("latin-1") for name in forged))
    finding = Finding(f"/header/{forged[0].decode('latin-1')}", found, "none of the client's")
    return Modify(change.set_fields, change.remove_fields.union(forged), code=FORGED, finding=finding)


def _tokens(config: IdentityTokenConfig, context: OperationContext) -> IdentityTokens:
    """What signs for one audience, the same for all operations. Raises :class:`ConfigurationError`."""
    service = context.configuration.token_service
    if service is None:
        hint = "add token_service: {issuer: https://id.shop.example, audiences: [...]}"
        raise _mistake(context, "there is no token service whose token it could be", hint)
    if config.lifetime > MOST_KEYS * service.signing.rotate_every:
        raise _mistake(context, "it holds too long for keys that rotate so often", "a shorter lifetime")
    key = ("identity tokens", config.audience, str(config.lifetime))
    if key not in context.shared:
        # What signs takes a while to load, and is needed only here.
        from portcullis.engine.token_service.identity_tokens import IdentityTokens  # noqa: PLC0415

        context.shared[key] = IdentityTokens(config.audience, config.lifetime, context.ports)
    tokens: IdentityTokens = context.shared[key]
    return tokens


def _mistake(context: OperationContext, message: str, hint: str) -> ConfigurationError:
    where = ".".join(map(str, (*context.where, "transform", "identity", "token")))
    return ConfigurationError([Diagnostic("", 0, 0, where, message, hint)])


_UNSIGNED: Final = Refuse(
    UNSIGNED,
    finding=Finding(found="no key to sign with", allowed="a key of the token service", source="#/token_service"),
)
_PARTS: Final[Mapping[Part, Callable[[Identity], str]]] = {
    "subject": lambda identity: identity.subject,
    "consumer": lambda identity: identity.consumer.name if identity.consumer is not None else "",
    "roles": lambda identity: " ".join(sorted(identity.roles)),
    "scopes": lambda identity: " ".join(sorted(identity.scopes)),
    "issuer": lambda identity: identity.issuer,
    "credential": lambda identity: identity.credential,
    "identity": lambda identity: identity.name or identity.method,
}

POLICY = Policy(
    phase="transform",
    key="identity",
    config=IdentityConfig,
    codes=(FORGED, UNSIGNED),
    probes=(Probe("a call that says itself who calls", "forge_identity", FORGED),),
    compile=compile_identity,
)
