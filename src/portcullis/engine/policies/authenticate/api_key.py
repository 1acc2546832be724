"""API keys: a secret of 256 random bits that names and proves a consumer.

What
    Reads a key from a header field (``X-API-Key`` by default) or, only where the file says so, from a query
    parameter, and looks up its SHA-256 among the keys that were issued. The consumer it belongs to, with plan,
    roles and the key's scopes, is what all later phases go by. Keys are made by ``portcullis keys create``;
    making, rotating and revoking them reaches every worker within a second. Secret scanners find keys by
    ``pcl_[0-9a-z]{8}_[0-9A-Za-z]{49}``: an id, which is not secret, then the secret, whose last six characters are a
    checksum (CRC-32 of all before them, base 62) that tells keys from look-alikes.

Why
    API2:2023 Broken Authentication. Keys are kept as hashes only, expire, can be rotated with two of them live for
    a while, and are refused the moment they are revoked; leaked ones can be recognised. One answer for a missing,
    unknown, expired and revoked key gives nothing away about stolen keys. A key given twice is refused: whoever
    reads the other one would see another caller.

Config
    ``header``: name of the header field; ``null`` for none. ``query``: name of a query parameter; URLs end up in
    logs and histories, so none by default. ``forward``: the service gets the key too; by default the gateway
    takes it out. A ``mode`` is set where the identity is used: ``authenticate: {any_of: [...], mode: monitor}``
    lets callers without a valid key pass as anonymous, and records it.

When it fails
    401 ``authenticate.failed`` with a ``WWW-Authenticate: ApiKey header="X-API-Key"`` challenge, always the same. The
    record says which it was: ``authenticate.missing``, ``authenticate.malformed_key``,
    ``authenticate.unknown_key``, ``authenticate.expired_key``, ``authenticate.revoked_key``
    or ``authenticate.duplicate_credential``. A worker that has not received the keys yet knows none and refuses all.

Example
    .. code-block:: yaml

        identities:
          partners:
            api_key: {header: X-API-Key}
        apis:
          shop:
            authenticate: [partners]
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final, Self

from pydantic import field_validator, model_validator

from portcullis.engine.api_key_format import KEY_LENGTH, is_well_formed
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    FAILED,
    MISSING,
    Absent,
    Authenticator,
)
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Clock, KeyDirectory, KeyGrant, Ports
from portcullis.engine.query_credentials import credential_values
from portcullis.engine.redaction import REDACTED, redact_target
from portcullis.engine.request import RequestView

MALFORMED_KEY: Final = Code("authenticate.malformed_key", 401, "The credential is not an API key", FAILED)
UNKNOWN_KEY: Final = Code("authenticate.unknown_key", 401, "The API key was never issued here", FAILED)
EXPIRED_KEY: Final = Code("authenticate.expired_key", 401, "The API key has expired", FAILED)
REVOKED_KEY: Final = Code("authenticate.revoked_key", 401, "The API key has been revoked", FAILED)

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_FIELDS_IN_USE = frozenset({"connection", "content-length", "content-type", "cookie", "host", "transfer-encoding"})
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

Prove = Callable[[RequestView, Facts], Refuse | Absent | None]
Judge = Callable[[bytes, str, Facts], Refuse | None]


class ApiKeyConfig(Section):
    """An API key, as issued by ``portcullis keys create``."""

    header: str | None = "X-API-Key"
    """Header field that carries the key; ``null`` for none."""
    query: str | None = None
    """Query parameter that may carry it. URLs end up in logs and histories: prefer the header."""
    forward: bool = False
    """Whether the service behind the gateway gets the key too."""

    @field_validator("header")
    @classmethod
    def _is_a_field_name(cls, value: str | None) -> str | None:
        if value is not None and (not _FIELD_NAME.fullmatch(value) or value.lower() in _FIELDS_IN_USE):
            raise ValueError("not the name of a header field that could carry a key, such as X-API-Key")
        return value

    @field_validator("query")
    @classmethod
    def _is_recognisable(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _PARAMETER_NAME.fullmatch(value):
            raise ValueError("a parameter's name here has letters, digits, '.', '_' and '-' only, such as api_key")
        # Logs know a credential by its parameter's name: ours too, also where no operation was found.
        if not redact_target(f"/?{value}=x").endswith(REDACTED):
            raise ValueError(
                "the name must tell that this is a credential (contain key, token or auth), such as api_key"
            )
        return value

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.header is None and self.query is None:
            raise ValueError("say where the key is: header or query")
        return self


def compile_api_key(name: str, config: ApiKeyConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``."""
    header = config.header.lower().encode() if config.header is not None else None
    judge = _judge(name, ports.keys, ports.clock)
    if config.query is not None:
        prove = _from_query(config.query, header, judge)
    elif header is not None:
        prove = _from_header(header, judge)
    else:
        raise ValueError("an API key is in a header field or in the query")
    places = [("header", config.header), ("query", config.query)]
    challenge = "ApiKey " + ", ".join(f'{place}="{value}"' for place, value in places if value is not None)
    return Authenticator(POLICY.name, prove, challenge.encode(), header, config.query, config.forward)


def _from_header(header: bytes, judge: Judge) -> Prove:
    pointer = f"/header/{header.decode()}"

    def prove(request: RequestView, facts: Facts) -> Refuse | Absent | None:
        key = request.headers.get(header)
        return ABSENT if key is None else judge(key, pointer, facts)

    return prove


def _from_query(name: str, header: bytes | None, judge: Judge) -> Prove:
    """From the query, and from the header too where there is one; from both at once is refused."""
    in_header_pointer = f"/header/{header.decode()}" if header is not None else ""
    duplicate = Refuse(DUPLICATE_CREDENTIAL, finding=Finding(f"/query/{name}", "several keys", "one key, in one place"))

    def prove(request: RequestView, facts: Facts) -> Refuse | Absent | None:
        values = credential_values(request.query, name) if request.query else []
        in_header = request.headers.get(header) if header is not None else None
        if not values:
            return ABSENT if in_header is None else judge(in_header, in_header_pointer, facts)
        if len(values) > 1 or in_header is not None:
            return duplicate
        return judge(values[0].encode(), f"/query/{name}", facts)

    return prove


def _judge(identity: str, keys: KeyDirectory, clock: Clock) -> Judge:
    sha256, find, wall_s = hashlib.sha256, keys.find, clock.wall_s
    source = f"#/identities/{identity}"

    def refuse(code: Code, pointer: str, found: str) -> Refuse:
        return Refuse(code, finding=Finding(pointer, found, "a live API key", source))

    def judge(key: bytes, pointer: str, facts: Facts) -> Refuse | None:
        """Establish the identity that ``key`` proves, or say exactly why it proves none."""
        grant = find(sha256(key).digest()) if len(key) == KEY_LENGTH else None
        if grant is not None:
            now = wall_s()
            if now < grant.usable_until:
                facts.identify(grant.identity)
                return None
            return refuse(REVOKED_KEY if grant.revoked else EXPIRED_KEY, pointer, _what_became_of(grant, now))
        if b"," in key:  # repeated fields arrive joined, and no key has a comma
            return refuse(DUPLICATE_CREDENTIAL, pointer, "several keys")
        if not is_well_formed(key):
            return refuse(MALFORMED_KEY, pointer, f"{len(key)} bytes that are no key")
        return refuse(UNKNOWN_KEY, pointer, "a key that was never issued here")

    return judge


def _what_became_of(grant: KeyGrant, now: float) -> str:
    whose = f"key {grant.id} of {grant.consumer.name}"
    if grant.revoked:
        return f"{whose}, revoked"
    if grant.not_after is not None and grant.not_after <= now:
        return f"{whose}, replaced by a newer one"
    return f"{whose}, expired"


POLICY = Policy(
    phase="authenticate",
    key="api_key",
    config=ApiKeyConfig,
    codes=(MISSING, MALFORMED_KEY, UNKNOWN_KEY, EXPIRED_KEY, REVOKED_KEY, DUPLICATE_CREDENTIAL),
    probes=(
        Probe("a call without its key", "remove_credential", MISSING),
        Probe("a key with a character changed", "corrupt_credential", MALFORMED_KEY),
        Probe("a key given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_api_key,
)
