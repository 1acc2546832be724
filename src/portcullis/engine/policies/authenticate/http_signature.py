"""HTTP message signatures: requests that the caller signs with a key of its own, by the standard for it (RFC 9421).

What
    Reads ``Signature-Input`` and ``Signature``, finds a signature by a key of the file, and checks that it covers what
    it must, that it is fresh and that it is right. Covered must be the method, the host, the path and the query
    (``@method``, ``@authority``, ``@path``, ``@query``, or ``@target-uri`` in place of the last three), what else
    ``required`` names, and for requests with a body ``content-digest`` (RFC 9530, SHA-256 or SHA-512), which is checked
    before anything else looks at the body; the body is held back for that. ``created`` and ``nonce`` must be there;
    a nonce is good once, over all workers of the machine. ``expires`` is respected, ``alg`` must be the key's own: what
    a signature says of itself chooses nothing. Of several signatures of a request one must be good; those with keys of
    others, such as of a proxy on the way, are passed over. The consumer is ``<identity>:<subject>``.

    Components may have the parameters ``key`` and ``bs``, and ``@query-param`` its ``name``; others (``sf``, ``tr``,
    ``req``) are refused, and so are fields that are not there and parameters that are there twice.

Why
    API2:2023 Broken Authentication. Where each request is signed there is nothing to steal on the way, and nothing can
    be changed or sent again. A signature is worth what it covers: one that leaves out the query, the host or the body
    can be moved to another request, so what must be covered is not left to the signer.

Config
    ``keys``: by ``keyid``, each with its ``algorithm`` and a public ``key`` in a file (PEM or a JWK set), or for
    ``hmac-sha256`` a ``secret`` of at least 32 bytes, and the ``subject``, ``scopes``, ``roles`` and ``plan`` of who
    has it. ``required``: components that must be covered. ``tag``: only signatures with this tag count. ``max_age``:
    how old a signature may be; ``skew``: how far clocks may be apart. ``nonce: optional`` takes signatures without
    one, which whoever sees them can use again for ``max_age``. ``@authority`` is the host as the client sent it: a
    balancer in front must not rewrite it. A ``mode`` is set where the identity is used; a body that is not the one
    that was signed is refused in ``monitor`` too.

When it fails
    401 ``authenticate.failed`` with the challenge ``Signature realm="<identity>"``, always the same. The record says
    which of the codes below it was. 503 ``authenticate.unavailable`` where it can't be found out whether a nonce was
    used.

Example
    .. code-block:: yaml

        identities:
          robots:
            http_signature:
              keys:
                crawler-1: {algorithm: ed25519, key: keys/crawler.pem, scopes: ["orders:read"]}
              required: ["@method", "@authority", "@path", "@query", content-type]
        apis:
          shop:
            authenticate: [robots]
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.authentication.proof import ABSENT, MISSING, UNAVAILABLE, Authenticator, Outcome
from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    SIGNING_CODES,
    SigningParty,
    digest_step,
)
from portcullis.engine.config.names import FilePath
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate.jwt import Secrets
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

ALGORITHMS: Final = {
    "ed25519": "EdDSA",
    "ecdsa-p256-sha256": "ES256",
    "ecdsa-p384-sha384": "ES384",
    "rsa-pss-sha512": "PS512",
    "rsa-v1_5-sha256": "RS256",
    "hmac-sha256": "HS256",
}
"""Those of RFC 9421 3.3, and what the same is called for tokens."""
AlgorithmName = Literal[
    "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256"
]
_FIELDS: Final = (b"signature-input", b"signature")
_KEY_ID: Final = re.compile(r"[\x20-\x7e]{1,255}")
_COMPONENT: Final = re.compile(
    r"@(?:method|authority|scheme|target-uri|request-target|path|query)|[a-z0-9!#$%&'*+.^_`|~-]{1,64}"
)


def _check_key_id(value: str) -> str:
    if not _KEY_ID.fullmatch(value):
        raise ValueError("what signatures say in keyid: printable ASCII, at most 255 characters")
    return value


def _check_component(value: str) -> str:
    if not _COMPONENT.fullmatch(value):
        raise ValueError("@method, @authority, @path, @query, @target-uri ..., or a field in lower case: content-type")
    return value


KeyName = Annotated[str, AfterValidator(_check_key_id), Meaning("a keyid", "crawler-1")]
ComponentName = Annotated[str, AfterValidator(_check_component), Meaning("a component", "content-type")]


class SignatureKey(SigningParty):
    """A key, and who has it."""

    algorithm: AlgorithmName
    """By which it signs."""
    key: FilePath | None = None
    """The public key, in PEM or a JWK set; read again at a reload."""
    secret: Secrets | None = None
    """For ``hmac-sha256``: the secret; while it is replaced, the new one and the old one."""

    @model_validator(mode="after")
    def _fits_its_algorithm(self) -> Self:
        is_shared = self.algorithm == "hmac-sha256"
        if is_shared is (self.secret is None) or is_shared is (self.key is not None):
            raise ValueError("hmac-sha256 has a secret, all others have a key (and never both)")
        return self


class HttpSignatureConfig(Section):
    """Requests that are signed by RFC 9421."""

    keys: dict[KeyName, SignatureKey] = Field(min_length=1, max_length=10_000)
    """The keys, by what signatures say in ``keyid``."""
    required: list[ComponentName] = Field(["@method", "@authority", "@path", "@query"], max_length=64)
    """Components that signatures must cover; where there is a body, ``content-digest`` besides."""
    tag: str | None = Field(None, min_length=1, max_length=255)
    """What ``tag`` must be: signatures made for another application don't count."""
    max_age: Annotated[Duration, Field(ge=1.0, le=43200.0)] = 300.0
    """How old a signature may be, by ``created``."""
    skew: Annotated[Duration, Field(ge=0.0, le=600.0)] = 30.0
    """How far the caller's clock may be from the gateway's."""
    nonce: Literal["required", "optional"] = "required"
    """Whether signatures without a nonce are accepted, which can be used again until they are too old."""
    forward: bool = False
    """Whether the service behind the gateway gets the signature too."""


def compile_http_signature(name: str, config: HttpSignatureConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for keys that can't be used."""
    # What verifies takes a while to load, and is needed only where signatures are.
    from portcullis.engine.authentication.signature_building import judge_of  # noqa: PLC0415

    judge = judge_of(name, config, ports).judge
    place = f"#/identities/{name}/http_signature"

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        return judge(request) if b"signature-input" in request.headers else ABSENT

    challenge = f'Signature realm="{name}"'.encode()
    steps = (digest_step(POLICY.name, name, place),)
    return Authenticator(POLICY.name, prove, challenge, _FIELDS, forward=config.forward, steps=steps)


POLICY = Policy(
    phase="authenticate",
    key="http_signature",
    config=HttpSignatureConfig,
    codes=(MISSING, *SIGNING_CODES, UNAVAILABLE),
    probes=(
        Probe("a call without a signature", "remove_credential", MISSING),
        Probe("a signature with a character that none has", "corrupt_credential", MALFORMED_SIGNATURE),
        Probe("a signature given twice", "duplicate_credential", MALFORMED_SIGNATURE),
    ),
    compile=compile_http_signature,
)
