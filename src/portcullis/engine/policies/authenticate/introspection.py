"""Introspection: tokens that only their issuer can read, who is asked about each of them (RFC 7662).

What
    Reads a token after ``Bearer`` in ``Authorization`` (RFC 6750) and asks the issuer's introspection endpoint whether
    it holds, for whom and until when. The token may be of any kind; nothing in it is read. What the issuer answers is
    gone by for ``cache.active``, and never beyond the token's ``exp``; **so long a token that was revoked may still
    pass**, and no longer. That a token does not hold is remembered for ``cache.inactive``. The control process asks,
    once for all who come with one token at a time, with its own credentials, which no worker has. The consumer is
    ``<identity>:<subject>``, so that limits count each caller; its roles and scopes come from the answer.

    Only ``active: true`` is a yes. ``exp``, ``nbf`` and ``iat`` are checked here too, ``iss``, ``aud``, ``client_id``
    and ``scope`` where the file names what they must be; then they must be there.

Why
    API2:2023 Broken Authentication. An opaque token tells a thief nothing and ends when its issuer says so. A gateway
    that lets calls through while nobody can be asked, or takes any answer with a status of 200 for a yes, undoes both.

Config
    ``endpoint``: where to ask. ``client``: who the gateway is there, by ``id`` and a ``secret`` (sent as HTTP Basic, or
    in the form with ``method: client_secret_post``), or a private ``key`` that signs an assertion for each call (RFC
    7523). ``issuer``, ``audience``, ``clients`` and ``require_scopes`` name what answers must say: name the
    ``audience`` unless the issuer tells tokens for others apart by itself. ``subject`` is the claim that says who the
    caller is; tokens of programs often have ``client_id`` and no ``sub``. ``cache`` says how long answers are gone by;
    ``active: 0s`` asks for every call. Tokens bound to a client certificate (RFC 8705) pass with that certificate only;
    those bound to another key (``cnf``, or the type ``DPoP``) are refused unless ``dpop`` asks for a proof with each
    call, as for the kind ``jwt``.

    ``lockout: {per_address: {failures: 20}}`` locks addresses out that present tokens which do not hold, before the
    issuer is asked about the next one: each that is made up costs a call of the issuer, and only so many are under way
    at a time. The issuer does not say whether a token was ever good, so a program that goes on with one that has ended
    is counted too.

    The first identity of an operation that finds a token decides, so one of kind ``jwt`` stands before one of this
    kind. How the gateway reaches the endpoint (a proxy, a private authority) is said in the section ``outgoing``. A
    ``mode`` is set where the identity is used.

When it fails
    401 ``authenticate.failed`` with the challenge ``Bearer realm="<identity>"``, always the same. The record says which
    of the codes below it was. 503 ``authenticate.unavailable`` where the endpoint is away, slow, refuses the gateway's
    own credentials or answers with anything else, or where too many wait for it already: never a grant. 429
    ``authenticate.locked_out`` for an address that is locked out.

Example
    .. code-block:: yaml

        identities:
          partners:
            introspection:
              endpoint: https://id.example.com/introspect
              client: {id: gateway, secret: "env:INTROSPECTION_SECRET"}
              audience: shop
        apis:
          shop:
            authenticate: [partners]
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.authentication.certificate_binding import confirmed
from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.dpop import DPOP_CODES, Dpop, check_place
from portcullis.engine.authentication.introspection_judge import INACTIVE_TOKEN, AnswerRules, IntrospectionJudge
from portcullis.engine.authentication.introspection_messages import ClientMethod, IntrospectionSource
from portcullis.engine.authentication.jose.errors import (
    BOUND_TOKEN,
    EXPIRED_TOKEN,
    FOREIGN_AUDIENCE,
    FOREIGN_ISSUER,
    INVALID_CLAIMS,
    MALFORMED_TOKEN,
    PREMATURE_TOKEN,
    WRONG_TOKEN_TYPE,
)
from portcullis.engine.authentication.key_loading import reveal
from portcullis.engine.authentication.lockout import LOCKED_OUT, AddressLockout, behind_lockout
from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    MISSING,
    UNAVAILABLE,
    Authenticator,
    Outcome,
)
from portcullis.engine.authentication.token_place import check_cookie_name, check_credential_field, present_token
from portcullis.engine.config.names import FieldName, PlanName, check_url
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning, SecretReference, Size
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate.jwt import ClaimPath, RolesClaim, Texts
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

_ISSUED: Final = frozenset(
    {FOREIGN_ISSUER, FOREIGN_AUDIENCE, WRONG_TOKEN_TYPE, EXPIRED_TOKEN, PREMATURE_TOKEN, INVALID_CLAIMS, BOUND_TOKEN}
    | set(DPOP_CODES)
)
"""Refusals of tokens that the issuer knows: no guesses."""
_CLIENT: Final = re.compile(r"[\x20-\x7e]{1,255}")
AssertionAlgorithm = Literal["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]


def _check_client(value: str) -> str:
    if not _CLIENT.fullmatch(value):
        raise ValueError("the name that the issuer gave the gateway, in printable ASCII (RFC 6749 A.1)")
    return value


class IntrospectionClient(Section):
    """Who the gateway is to the issuer."""

    id: Annotated[str, AfterValidator(_check_client), Meaning("a client's name", "gateway")]
    """The name that the issuer gave it (``client_id``)."""
    secret: SecretReference | None = None
    """Its secret there."""
    method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    """How the secret is sent: as HTTP Basic, or in the form."""
    key: SecretReference | None = None
    """Private key, in PEM or as a JSON web key, that signs an assertion instead of a secret (``private_key_jwt``)."""
    algorithm: AssertionAlgorithm = "RS256"
    """By which ``key`` signs."""
    kid: str | None = Field(None, min_length=1, max_length=255)
    """By what name the issuer knows the key."""
    audience: str | None = Field(None, min_length=1, max_length=500)
    """For whom the assertion is made out; default: the endpoint. Many issuers want their own name here."""

    @model_validator(mode="after")
    def _proves_itself_one_way(self) -> Self:
        if (self.secret is None) == (self.key is None):
            raise ValueError("say how the gateway proves who it is, once: secret or key")
        if self.key is None and self.model_fields_set & {"algorithm", "kid", "audience"}:
            raise ValueError("algorithm, kid and audience are of an assertion: only with key")
        if self.key is not None and "method" in self.model_fields_set:
            raise ValueError("method says how a secret is sent: only with secret")
        return self


class IntrospectionCache(Section):
    """How long answers are gone by, in each worker."""

    active: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 30.0
    """That a token holds; so long one that was revoked may still pass."""
    inactive: Annotated[Duration, Field(ge=0.0, le=300.0)] = 5.0
    """That it does not."""
    memory: Size = Field(16 * 1024 * 1024, le=1024 * 1024 * 1024)
    """Memory of one worker for answers that tokens hold."""


class IntrospectionConfig(Section):
    """A token that its issuer is asked about."""

    endpoint: Annotated[str, AfterValidator(check_url), Meaning("a URL", "https://id.example.com/introspect")]
    """Where the issuer is asked."""
    client: IntrospectionClient
    """Who the gateway is there."""
    issuer: str | None = Field(None, min_length=1, max_length=500)
    """What ``iss`` of an answer must be."""
    audience: Texts | None = None
    """For whom tokens must be made out: ``aud`` of an answer has one of these."""
    clients: Texts | None = None
    """To whom tokens must have been issued: ``client_id`` of an answer is one of these."""
    require_scopes: Texts | None = None
    """Scopes that every token must have; what operations ask for is said in ``authorize``."""
    require: list[ClaimPath] = []
    """What else must be in an answer."""
    leeway: Annotated[Duration, Field(ge=0.0, le=600.0)] = 30.0
    """By how much the issuer's clock may differ."""
    subject: ClaimPath = "sub"
    """What of an answer says who the caller is."""
    scopes: ClaimPath | None = None
    """What of an answer has the scopes; default: ``scope``."""
    roles: RolesClaim | None = None
    """Roles of the caller."""
    plan: PlanName | None = None
    """Plan of the callers, for ``limit: {plan: {of: consumer}}``."""
    header: Annotated[FieldName, AfterValidator(check_credential_field)] | None = "Authorization"
    """Header field with the token, after ``Bearer`` or (in fields of its own) alone; ``null`` for none."""
    cookie: Annotated[str, AfterValidator(check_cookie_name)] | None = None
    """Cookie that may carry it. Browsers send cookies unasked: only for APIs that no other site's page can call."""
    forward: bool = False
    """Whether the service behind the gateway gets the token too."""
    dpop: Dpop | None = None
    """Tokens that are bound to a key of the caller (RFC 9449): ``required``, ``allowed``, or how; default: refused."""
    lockout: AddressLockout | None = None
    """Lock-out of addresses that present tokens which do not hold; by default there is none."""
    cache: IntrospectionCache = IntrospectionCache()
    """How long answers are gone by."""
    recheck: Annotated[Duration, Field(ge=1.0, le=86400.0)] = 60.0
    """How often the issuer is asked again about a token while a WebSocket or a long answer that it opened lasts."""

    @property
    def introspection_source(self) -> IntrospectionSource:
        """Whom to ask, and how."""
        client = self.client
        if client.key is not None:
            audience = client.audience or self.endpoint
            secret = f"{client.key.kind}:{client.key.name}"
            how: ClientMethod = "private_key_jwt"
            return IntrospectionSource(
                self.endpoint, client.id, secret, how, client.algorithm, client.kid or "", audience
            )
        assert client.secret is not None  # the validator has seen to it
        return IntrospectionSource(
            self.endpoint, client.id, f"{client.secret.kind}:{client.secret.name}", client.method
        )

    @property
    def answer_rules(self) -> AnswerRules:
        """What is asked of answers."""
        return AnswerRules(
            self.issuer,
            frozenset(self.audience or ()),
            frozenset(self.clients or ()),
            frozenset(self.require_scopes or ()),
            frozenset(self.require),
            self.leeway,
            self.cache.active,
            self.cache.inactive,
        )

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.header is None and self.cookie is None:
            raise ValueError("say where the token is: header or cookie")
        check_place(self.dpop, self.header, self.cookie)
        return self


def compile_introspection(name: str, config: IntrospectionConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for a secret that is not there."""
    authenticator = _authenticator(name, config, ports)
    return behind_lockout(authenticator, f"#/identities/{name}/introspection", name, config.lockout, ports, _ISSUED)


def _authenticator(name: str, config: IntrospectionConfig, ports: Ports) -> Authenticator:
    client = config.client
    key, reference = ("secret", client.secret) if client.secret is not None else ("key", client.key)
    assert reference is not None, "the validator has seen to it"
    # Workers don't use it: the control process does. Where it is missing the start should say so, and not a call.
    reveal(("identities", name, "introspection", "client", key), reference, ports)
    header = None if config.header is None else config.header.lower().encode()
    cookie = None if config.cookie is None else config.cookie.encode()
    present = present_token(header, cookie)
    judge = IntrospectionJudge(
        f"#/identities/{name}/introspection",
        config.introspection_source.digest,
        config.answer_rules,
        ClaimMapping.of(name, POLICY.key, config, config.scopes).reader(),
        config.cache.memory if config.cache.active else 0,
        ports,
        confirms_certificates=True,
        confirms_keys=config.dpop is not None,
    ).judge
    if config.dpop is not None:
        from portcullis.engine.authentication.dpop_judge import bound_tokens  # noqa: PLC0415 - as for jwt

        return bound_tokens(POLICY.name, name, config.dpop, present, judge, ports, forward=config.forward)
    source = f"#/identities/{name}/introspection"
    pointer = f"/header/{header.decode()}" if header is not None else f"/cookie/{config.cookie}"

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        token = present(request)
        if token is None:
            return ABSENT
        return confirmed(judge(token, pointer), request, pointer, source) if isinstance(token, bytes) else token

    # A token that was revoked meanwhile is no guess: whoever looks again does so without the lock.
    return Authenticator(
        POLICY.name,
        prove,
        f'Bearer realm="{name}"'.encode(),
        fields=() if header is None else (header,),
        cookie=config.cookie,
        forward=config.forward,
        repeats=True,
        looks=lambda request, _seconds: prove(request, Facts()),
        recheck=config.recheck,
    )


POLICY = Policy(
    phase="authenticate",
    key="introspection",
    config=IntrospectionConfig,
    codes=(
        MISSING,
        DUPLICATE_CREDENTIAL,
        MALFORMED_TOKEN,
        INACTIVE_TOKEN,
        FOREIGN_ISSUER,
        FOREIGN_AUDIENCE,
        WRONG_TOKEN_TYPE,
        EXPIRED_TOKEN,
        PREMATURE_TOKEN,
        INVALID_CLAIMS,
        BOUND_TOKEN,
        *DPOP_CODES,
        UNAVAILABLE,
        LOCKED_OUT,
    ),
    probes=(
        Probe("a call without its token", "remove_credential", MISSING),
        Probe("a token with a character that no token has", "corrupt_credential", MALFORMED_TOKEN),
        Probe("a token given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_introspection,
)
