"""HMAC: requests signed with a secret that the caller shares with you, each of them good once and for a short time.

What
    Reads ``Authorization: HMAC-SHA256 key="acme", time="1800000000", nonce="...", signature="..."``. ``time`` is in
    Unix seconds, ``nonce`` 16 to 128 letters, digits, ``-`` and ``_`` that the caller never uses again, ``signature``
    base64 of the HMAC (RFC 2104) of these lines, joined by line feeds, in UTF-8:

        portcullis-hmac-1
        <key>
        <time>
        <nonce>
        <method>
        <host, in lower case and without port>
        <path and query, as in the request line>
        content-type:<value of the field, or nothing>
        content-encoding:<value of the field, or nothing>
        content-digest:<value of the field, or nothing>

    The fields between the target and the digest are those of ``headers``, in that order. A request with a body has the
    field ``Content-Digest`` (RFC 9530) with the SHA-256 or SHA-512 of the body as it is sent; it is checked before
    anything else looks at the body, which is held back for that. A signature passes while its time is within ``skew``
    of the gateway's clock, and its nonce once, over all workers of the machine. The consumer is
    ``<identity>:<subject>``.

Why
    API2:2023 Broken Authentication. The secret never travels, so no log, proxy or dump on the way has it, and what
    was caught can be neither changed nor sent again. Schemes that leave out the query, the host or the body, or
    compare signatures byte by byte, are broken that way.

Config
    ``keys``: by name, each with its ``secret`` of at least 32 bytes (of SHA-512: 64) or, while it is replaced, the new
    and the old one, and the ``subject``, ``scopes``, ``roles`` and ``plan`` of who has it. ``algorithm``: ``sha256`` or
    ``sha512`` (the scheme is ``HMAC-SHA512`` then). ``headers``: fields that are signed besides. ``skew``: how far
    clocks may be apart. A ``mode`` is set where the identity is used; a body that is not the one that was signed is
    refused in ``monitor`` too.

When it fails
    401 ``authenticate.failed`` with the challenge ``HMAC-SHA256 realm="<identity>"``, always the same. The record says
    which of the codes below it was. 503 ``authenticate.unavailable`` where it can't be found out whether a nonce was
    used. An unknown key costs the same work as a wrong signature.

Example
    .. code-block:: yaml

        identities:
          partners:
            hmac:
              keys:
                acme: {secret: "env:ACME_SECRET", plan: gold, scopes: ["orders:write"]}
        plans:
          gold: {rate: {requests: 50, per: second}}
        apis:
          shop:
            authenticate: [partners]
            limit: {plan: {of: consumer}}
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from portcullis.engine.authentication.hmac_judge import POINTER, HmacJudge, KnownKey
from portcullis.engine.authentication.key_loading import mistake, reveal
from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    MISSING,
    UNAVAILABLE,
    Absent,
    Authenticator,
    Proven,
)
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import SIGNING_CODES, Freshness, SigningParty, digest_step
from portcullis.engine.config.names import FieldName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate.jwt import Secrets
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

SECRET_BYTES: Final = {"sha256": 32, "sha512": 64}
"""The shortest secret: as long as its digest (RFC 2104 3)."""
_FIELD: Final = b"authorization"
_KEY_ID: Final = re.compile(r"[!#-+\--\[\]-~]{1,100}")
_NOT_SIGNED: Final = frozenset({"authorization", "connection", "content-digest", "host", "transfer-encoding", "via"})


def check_key_id(value: str) -> str:
    """``value`` if it can be the name of a key: it is written between quotes, in a list."""
    if not _KEY_ID.fullmatch(value):
        raise ValueError("printable ASCII without blanks, commas, quotes and backslashes, at most 100: acme-1")
    return value


def _check_signed(value: str) -> str:
    if value.lower() in _NOT_SIGNED:
        raise ValueError("a field that is not signed already and that nobody on the way changes, such as Content-Type")
    return value


KeyId = Annotated[str, AfterValidator(check_key_id), Meaning("a keyid", "acme")]


class HmacKey(SigningParty):
    """A secret, and who has it."""

    secret: Secrets
    """The secret that is shared with the caller; while it is replaced, the new one and the old one."""


class HmacConfig(Section):
    """Requests that are signed with a shared secret."""

    keys: dict[KeyId, HmacKey] = Field(min_length=1, max_length=10_000)
    """The secrets, by the name that callers say."""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    """The digest; it is a part of the scheme: ``HMAC-SHA256``, ``HMAC-SHA512``."""
    headers: list[Annotated[FieldName, AfterValidator(_check_signed)]] = Field(
        ["Content-Type", "Content-Encoding"], max_length=32
    )
    """Header fields that are signed besides, in this order; one that is not there is signed as empty."""
    skew: Annotated[Duration, Field(ge=1.0, le=3600.0)] = 60.0
    """How far the caller's clock may be from the gateway's, either way."""
    forward: bool = False
    """Whether the service behind the gateway gets the signature too."""


def compile_hmac(name: str, config: HmacConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for secrets that can't be used."""
    place = f"#/identities/{name}/hmac"
    once = SingleUse(f"hmac {name}", ports.counters, ports.clock)
    headers = [field.lower().encode() for field in config.headers]
    freshness = Freshness(0.0, config.skew)
    judge = HmacJudge(place, _keys(name, config, ports), config.algorithm, headers, freshness, once, ports.clock).judge
    scheme = f"HMAC-{config.algorithm.upper()}".encode()
    starts = scheme.lower() + b" "
    length = len(starts)
    again = b", " + starts
    duplicate = Refuse(DUPLICATE_CREDENTIAL, finding=Finding(POINTER, "several signatures", "one signature", place))

    def prove(request: RequestView, _facts: Facts) -> Proven | Absent:
        field = request.headers.get(_FIELD)
        if field is None or (start := field[:length].lower()) not in (starts, starts[:-1]):
            return ABSENT
        if again in field.lower():  # repeated fields arrive joined
            return duplicate
        return judge(field[len(start) :], request)

    challenge = scheme + f' realm="{name}"'.encode()
    steps = (digest_step(POLICY.name, name, place),)
    return Authenticator(POLICY.name, prove, challenge, (_FIELD,), forward=config.forward, steps=steps)


def _keys(name: str, config: HmacConfig, ports: Ports) -> dict[str, KnownKey]:
    least = SECRET_BYTES[config.algorithm]
    known = {}
    for key_id, key in config.keys.items():
        where = ("identities", name, "hmac", "keys", key_id, "secret")
        secrets = [reveal(where, reference, ports) for reference in key.secret]
        for secret in secrets:
            if len(secret) < least:
                found = f"the secret can't be used: it has {len(secret)} bytes, and {config.algorithm} needs {least}"
                raise mistake(where, found, "openssl rand -base64 48 makes a good one")
        known[key_id] = KnownKey(secrets, key.identity(POLICY.key, name, key_id))
    return known


POLICY = Policy(
    phase="authenticate",
    key="hmac",
    config=HmacConfig,
    codes=(MISSING, DUPLICATE_CREDENTIAL, *SIGNING_CODES, UNAVAILABLE),
    probes=(
        Probe("a call without a signature", "remove_credential", MISSING),
        Probe("a signature with a character that none has", "corrupt_credential", SIGNING_CODES[0]),
        Probe("a signature given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_hmac,
)
