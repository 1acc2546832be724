"""JSON web tokens: a signed statement of an issuer you trust, such as your identity provider's access tokens.

What
    Reads a token after ``Bearer`` in ``Authorization`` (RFC 6750), checks that the issuer signed it, that it is for
    you, and that it holds now, and takes the caller from its claims. It goes by RFC 8725: the algorithms are pinned by
    the file and by the keys, and what a token says of itself chooses nothing more than one key among those known.
    ``none`` is no algorithm, a public key is never taken for a shared secret, and what a token's header points to
    (``jku``, ``x5u``, ``jwk``, ``x5c``) is never looked at. ``iss``, ``aud`` and ``exp`` must be there and right;
    ``nbf``, ``iat``, ``jti``, ``typ`` and ``crit`` are checked where they are. Tokens are read within bounds (16 KiB,
    one spelling of base64url, no key twice in their JSON). The consumer is ``<identity>:<subject>``, so that limits
    count each caller; its roles and scopes come from claims.

    Keys are fetched by the control process: through the issuer's discovery document (``jwks: auto``, OpenID Connect
    Discovery or RFC 8414, whose issuer must be exactly yours), from a URL, or read from a file. They are fetched again
    every ``keys.refresh``, sooner where the answer's ``max-age`` says so, and when a token names an unknown key, but
    then at most once in ``keys.refetch``; the call waits for that. What a well-formed answer no longer lists is
    refused from then on, in every worker. While the issuer is away, is slow, or answers with anything else (more than
    1 MiB, no JSON, no ``keys``) the old keys hold, for ``keys.keep`` at most and also through a restart. Keys that
    could never be fetched mean refusal.

    Not used are keys that are weak (RSA below 2,048 bits, ROCA), for encryption, published with their secret part, or
    of a name that several have; the log says so once.

Why
    API2:2023 Broken Authentication. Accepting any algorithm, skipping the audience, and letting calls through while
    there are no keys are how token checks fail in practice.

Config
    ``issuer`` and ``audience`` are what ``iss`` and ``aud`` must say. ``jwks`` says where the keys are: ``auto``, a
    URL, or ``{file: keys.json}`` (a JWK set, or one public key in PEM); or ``secret`` names a secret shared with the
    issuer, then tokens are signed by HMAC; never both. ``algorithms`` narrows what is accepted; by default it is what
    each key says it is for, ``RS256`` for RSA keys that don't say, the algorithm of its curve for others, and ``HS256``
    for a secret. ``profile: rfc9068`` asks for access tokens of that profile (``typ: at+jwt`` and its claims); ``typ``
    for any other type. ``jti: once`` lets each token be used once, over all workers of the machine. Tokens bound to
    a client certificate (RFC 8705, ``cnf`` with ``x5t#S256``) pass with that certificate only, on a listener that asks
    for one. Tokens bound to another key are refused, since nobody proved to have it; ``bound: accept`` takes all of
    them as bearer tokens. Tokens in a JWE envelope are opened with ``decrypt``. Several identities of this kind, also
    of one issuer with different audiences, may stand at one operation. A ``mode`` is set where the identity is used.

    ``dpop: required`` takes only tokens that are bound to a key of the caller (RFC 9449, ``cnf`` with ``jkt``), by the
    scheme ``DPoP`` and with a proof of its own for each call: signed by that key, for that method, URL and token, not
    older than ``dpop.max_age``, and used once, over all workers of the machine. ``dpop: allowed`` also takes tokens
    that are bound to nothing, after ``Bearer``; one that is bound never passes there. Where a balancer hides the public
    scheme or host, ``dpop.htu`` lists the origins that callers see. ``dpop.nonce`` has callers put a nonce of the
    gateway into their proofs, so that none can be made in advance.

    ``lockout: {per_address: {failures: 20}}`` locks addresses out that present what no issuer signed (no token at all,
    a wrong signature, an unknown key or algorithm). No signature can be guessed, so this is against noise, and the work
    that verifying makes; tokens that are old, or for others, do not count.

When it fails
    401 ``authenticate.failed`` with the challenge ``Bearer realm="<identity>"``, always the same. The record says
    which of the codes below it was, what was found and what would have been right. 503 ``authenticate.unavailable``
    where there are no keys to go by: never fetched, older than ``keys.keep``, or a key that may be new while the issuer
    can't be asked; or where it can't be counted whether a token is used for the first time. With ``dpop`` the challenge
    is ``DPoP realm="<identity>", algs="..."``; a proof that is fine but for its nonce is told so
    (``error="use_dpop_nonce"``, and ``DPoP-Nonce`` with the one to use). 429 ``authenticate.locked_out`` for an address
    that is locked out.

Example
    .. code-block:: yaml

        identities:
          staff:
            jwt:
              issuer: https://id.example.com
              audience: shop
              jwks: auto
              roles: {claim: realm_access.roles, map: {shop-clerk: clerk}}
        roles: {clerk: ["orders:read"]}
        apis:
          shop:
            authenticate: [staff]
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from portcullis.engine.authentication.dpop import DPOP_CODES, Dpop, check_place
from portcullis.engine.authentication.jose.errors import (
    BAD_SIGNATURE,
    MALFORMED_TOKEN,
    REFUSED_ALGORITHM,
    TOKEN_CODES,
    UNDECRYPTABLE_TOKEN,
    UNKNOWN_SIGNER,
)
from portcullis.engine.authentication.jose.key_source import KeySource
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS, SECRET_ALGORITHMS, SignatureAlgorithm
from portcullis.engine.authentication.lockout import LOCKED_OUT, AddressLockout, behind_lockout
from portcullis.engine.authentication.proof import ABSENT, DUPLICATE_CREDENTIAL, MISSING, Authenticator, Outcome
from portcullis.engine.authentication.token_place import check_cookie_name, check_credential_field, present_token
from portcullis.engine.config.names import FieldName, FilePath, PlanName, RoleName, check_url
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning, SecretReference, Size
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

AUTO: Final = "auto"
_CLAIM: Final = re.compile(r"[\x21-\x7e]{1,200}")
_ISSUER: Final = re.compile(r"[\x21-\x7e]{1,500}")


def _check_claim(value: str) -> str:
    if not _CLAIM.fullmatch(value):
        raise ValueError("the name of a claim, or a path to one such as realm_access.roles")
    return value


def _check_issuer(value: str) -> str:
    if not _ISSUER.fullmatch(value):
        raise ValueError("what the claim iss says, such as https://id.example.com")
    return value


def _check_place(value: str) -> str:
    if value == AUTO:
        return value
    try:
        return check_url(value)
    except ValueError as error:
        raise ValueError(f"{AUTO} (the issuer's discovery document says where), or {error}") from None


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


KeyPlace = Annotated[str, AfterValidator(_check_place), Meaning("auto or a URL", "auto")]
ClaimPath = Annotated[str, AfterValidator(_check_claim), Meaning("the path of a claim", "realm_access.roles")]
Texts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=500), Meaning("text", "shop")]],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    Field(min_length=1, max_length=32),
]
Secrets = Annotated[
    list[SecretReference],
    BeforeValidator(_listed, json_schema_input_type=SecretReference | list[SecretReference]),
    Field(min_length=1, max_length=4),
]


class KeyFile(Section):
    """A file with the issuer's public keys."""

    file: FilePath
    """A JWK set, or one public key in PEM; read again at a reload."""


class KeyFetching(Section):
    """How keys are fetched."""

    refresh: Annotated[Duration, Field(ge=0.5, le=86400.0)] = 300.0
    """How often at least (Envoy: 5m); a shorter ``max-age`` of the answer is respected down to 10 seconds."""
    refetch: Annotated[Duration, Field(ge=0.1, le=3600.0)] = 10.0
    """How long at least between two fetches because of tokens that name an unknown key."""
    keep: Annotated[Duration, Field(ge=1.0, le=2592000.0)] = 86400.0
    """How long keys are used while the issuer can't be reached."""


_GUESSES: Final = frozenset({MALFORMED_TOKEN, BAD_SIGNATURE, REFUSED_ALGORITHM, UNKNOWN_SIGNER, UNDECRYPTABLE_TOKEN})
_NO_GUESSES: Final = frozenset({*TOKEN_CODES, *DPOP_CODES}) - _GUESSES
"""Refusals of tokens that an issuer did sign, or may have."""


class RolesClaim(Section):
    """Roles from a claim."""

    claim: ClaimPath
    """Where the issuer's roles or groups are: ``roles``, ``realm_access.roles``, ``groups``."""
    map: dict[Annotated[str, Meaning("the issuer's name", "shop-clerk")], RoleName] | None = None
    """From the issuer's names to names of ``roles``; others are left out. Without it the names are the same."""


class Decryption(Section):
    """Tokens in an encrypted envelope (JWE)."""

    key: Secrets
    """Private key in PEM or as a JSON web key; while it is replaced, the new one and the old one."""


class JwtConfig(Section):
    """A JSON web token of an issuer you trust."""

    issuer: Annotated[str, AfterValidator(_check_issuer), Meaning("an issuer", "https://id.example.com")]
    """What ``iss`` must be, to the letter."""
    audience: Texts
    """For whom tokens must be made out: ``aud`` has one of these. An issuer's tokens for others must not pass here
    (RFC 8725 3.9)."""
    jwks: KeyPlace | KeyFile | None = None
    """Where the issuer's public keys are: ``auto`` (its discovery document), a URL, or ``{file: keys.json}``."""
    secret: Secrets | None = None
    """A secret shared with the issuer, for HS256 and its kin; while it is replaced, the new one and the old one."""
    algorithms: list[SignatureAlgorithm] | None = Field(None, min_length=1)
    """Signature algorithms that are accepted; default: what each key is for."""
    typ: str | None = Field(None, min_length=1, max_length=100)
    """What ``typ`` must be; default: ``JWT``, ``at+jwt`` or nothing."""
    profile: Literal["rfc9068"] | None = None
    """``rfc9068``: access tokens by that profile, and no other tokens."""
    require: list[ClaimPath] = []
    """Claims that must be there besides ``iss``, ``aud`` and ``exp``."""
    leeway: Annotated[Duration, Field(ge=0.0, le=600.0)] = 30.0
    """By how much the issuer's clock may differ (Envoy and Spring: 60s)."""
    max_age: Annotated[Duration, Field(ge=1.0)] | None = None
    """How long after ``iat`` tokens are accepted, whatever ``exp`` says."""
    jti: Literal["once"] | None = None
    """``once``: each token is accepted once."""
    subject: ClaimPath = "sub"
    """Claim that says who the caller is."""
    scopes: ClaimPath | None = None
    """Claim with the scopes, as one text or a list; default: ``scope``, else ``scp``."""
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
    bound: Literal["refuse", "accept"] = "refuse"
    """What becomes of tokens that are bound to a key (``cnf``) which nobody proved to have: ``accept`` takes them as
    bearer tokens, also those bound to a certificate that is not there."""
    dpop: Dpop | None = None
    """Tokens that are bound to a key of the caller (RFC 9449): ``required``, ``allowed``, or how; default: refused."""
    decrypt: Decryption | None = None
    """Keys to open encrypted tokens with; by default they are refused."""
    keys: KeyFetching = KeyFetching()
    """How keys are fetched."""
    lockout: AddressLockout | None = None
    """Lock-out of addresses that present what no issuer signed; by default there is none."""
    cache: Size = Field(32 * 1024 * 1024, le=1024 * 1024 * 1024)
    """Memory of one worker for tokens that were verified, each until its end; 0: every token is verified anew."""

    @property
    def key_source(self) -> KeySource | None:
        """Where its keys are to be fetched; ``None`` where there are none to fetch."""
        if not isinstance(self.jwks, str):
            return None
        named = None if self.algorithms is None else tuple(sorted(self.algorithms))
        url = "" if self.jwks == AUTO else self.jwks
        return KeySource(self.issuer, url, named, self.keys.refresh, self.keys.refetch, self.keys.keep)

    @model_validator(mode="after")
    def _has_keys_of_one_kind(self) -> Self:
        if (self.jwks is None) == (self.secret is None):
            raise ValueError("say where the keys are, once: jwks (auto, a URL or a file) or secret")
        named = set(self.algorithms or ())
        if self.secret is None and (wrong := named & SECRET_ALGORITHMS):
            why = "with public keys anyone could sign by it, as the key is no secret (RFC 8725 2.1)"
            raise ValueError(f"{min(wrong)} is for a shared secret: {why}")
        if self.secret is not None and (wrong := named & PUBLIC_ALGORITHMS):
            raise ValueError(f"{min(wrong)} is for public keys: with secret it is HS256, HS384 or HS512")
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.jwks == AUTO:
            try:
                check_url(self.issuer)
            except ValueError as error:
                raise ValueError(f"with jwks: auto the issuer is asked for its keys, so it is {error}") from None
        if "keys" in self.model_fields_set and not isinstance(self.jwks, str):
            raise ValueError("keys says how keys are fetched: only with jwks: auto or a URL")
        if self.typ is not None and self.profile is not None:
            raise ValueError("the profile says the typ: remove one of them")
        if self.header is None and self.cookie is None:
            raise ValueError("say where the token is: header or cookie")
        if self.dpop is not None and self.bound == "accept":
            raise ValueError("dpop asks for proofs, and bound: accept for none: remove one of them")
        return self

    @model_validator(mode="after")
    def _has_dpop_where_it_can_be(self) -> Self:
        check_place(self.dpop, self.header, self.cookie)
        return self


def compile_jwt(name: str, config: JwtConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for keys that can't be used."""
    authenticator = _authenticator(name, config, ports)
    return behind_lockout(authenticator, f"#/identities/{name}/jwt", name, config.lockout, ports, _NO_GUESSES)


def _authenticator(name: str, config: JwtConfig, ports: Ports) -> Authenticator:
    # What verifies takes a while to load, and is needed only where tokens are.
    from portcullis.engine.authentication.certificate_binding import confirmed  # noqa: PLC0415
    from portcullis.engine.authentication.jwt_building import judge_of  # noqa: PLC0415

    header = None if config.header is None else config.header.lower().encode()
    cookie = None if config.cookie is None else config.cookie.encode()
    present = present_token(header, cookie)
    judge = judge_of(name, config, ports).judge
    if config.dpop is not None:
        from portcullis.engine.authentication.dpop_judge import bound_tokens  # noqa: PLC0415

        return bound_tokens(POLICY.name, name, config.dpop, present, judge, ports, forward=config.forward)
    pointer = f"/header/{header.decode()}" if header is not None else f"/cookie/{config.cookie}"
    source, bearer = f"#/identities/{name}/jwt", config.bound == "accept"

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        token = present(request)
        if token is None:
            return ABSENT
        if not isinstance(token, bytes):
            return token
        outcome = judge(token, pointer)
        return outcome if bearer else confirmed(outcome, request, pointer, source)

    return Authenticator(
        POLICY.name,
        prove,
        f'Bearer realm="{name}"'.encode(),
        fields=() if header is None else (header,),
        cookie=config.cookie,
        forward=config.forward,
        repeats=config.jti is None,
    )


POLICY = Policy(
    phase="authenticate",
    key="jwt",
    config=JwtConfig,
    codes=(MISSING, DUPLICATE_CREDENTIAL, *TOKEN_CODES, *DPOP_CODES, LOCKED_OUT),
    probes=(
        Probe("a call without its token", "remove_credential", MISSING),
        Probe("a token with a character that is none of base64url", "corrupt_credential", MALFORMED_TOKEN),
        Probe("a token given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_jwt,
)
