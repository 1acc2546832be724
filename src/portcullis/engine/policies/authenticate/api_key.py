"""API keys: a secret of 256 random bits that names and proves a consumer.

What
    Reads a key from a header field (``X-API-Key`` by default) or, only where the file says so, from a query
    parameter, and looks up its SHA-256 among the keys that were issued. The consumer it belongs to, with plan, roles
    and the key's scopes, is what all later phases go by. Keys are made by ``portcullis keys create``; making,
    rotating and revoking them reaches every worker within a second. Secret scanners find keys by
    ``pcl_[0-9a-z]{8}_[0-9A-Za-z]{49}``: an id, which is not secret, then the secret, whose last six characters are a
    checksum (CRC-32 of all before them, base 62) that tells keys from look-alikes.

    A key may be good for less than everything its consumer may do: for some APIs (``--api shop``), some operations
    (``--operation 'GET /orders'``), callers from some networks (``--from 10.0.0.0/8``), until a day (``--expires
    90d``), and for one environment (``--environment live``). ``portcullis keys list`` shows all that, when each key
    was last used (as of a minute ago), and with ``--expiring 30d`` those that soon stop working; the section ``keys``
    of the file says when the control process reminds of them.

Why
    API2:2023 Broken Authentication. Keys are kept as hashes only, expire, can be rotated with two of them live for a
    while, and are refused the moment they are revoked; leaked ones can be recognised, and one that works only from
    the partner's network, for the calls the partner makes, is of little use to a thief. One answer for a missing,
    unknown, expired and revoked key gives nothing away about stolen keys. A key given twice is refused: whoever reads
    the other one would see another caller.

Config
    ``header``: name of the header field; ``null`` for none. ``query``: name of a query parameter; URLs end up in logs
    and histories, so none by default. ``forward``: the service gets the key too; by default the gateway takes it out.
    ``environment`` wants keys of that environment: a test key then opens nothing here, nor one that was made for
    none. ``lockout: {per_address: {failures: 20}}`` locks addresses out that present what were never keys; no key can
    be guessed, so this is against noise rather than for safety. A ``mode`` is set where the identity is used:
    ``authenticate: {any_of: [...], mode: monitor}`` lets callers without a valid key pass as anonymous, and records
    it.

When it fails
    401 ``authenticate.failed`` with a ``WWW-Authenticate: ApiKey header="X-API-Key"`` challenge, always the same. The
    record says which it was: ``authenticate.missing``, ``authenticate.malformed_key``, ``authenticate.unknown_key``,
    ``authenticate.expired_key``, ``authenticate.revoked_key``, ``authenticate.duplicate_credential``, or of a good
    key in the wrong place ``authenticate.key_not_for_operation``, ``authenticate.key_from_elsewhere`` or
    ``authenticate.key_wrong_environment``. 429 ``authenticate.locked_out`` for an address that is locked out, 503
    ``authenticate.unavailable`` where that can't be found out. A worker that has not received the keys yet knows none
    and refuses all.

Example
    .. code-block:: yaml

        identities:
          partners:
            api_key: {header: X-API-Key, environment: live}
        apis:
          shop:
            authenticate: [partners]
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final, Literal, Self

from pydantic import field_validator, model_validator

from portcullis.engine.api_key_format import KEY_LENGTH, is_well_formed
from portcullis.engine.authentication.lockout import LOCKED_OUT, AddressLockout, behind_lockout
from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    FAILED,
    MISSING,
    UNAVAILABLE,
    Absent,
    Authenticator,
    Proof,
    Proven,
)
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Clock, KeyDirectory, KeyGrant, Ports
from portcullis.engine.query_credentials import credential_values
from portcullis.engine.redaction import REDACTED, redact_target
from portcullis.engine.request import RequestView

MALFORMED_KEY: Final = Code("authenticate.malformed_key", 401, "The credential is not an API key", FAILED)
UNKNOWN_KEY: Final = Code("authenticate.unknown_key", 401, "The API key was never issued here", FAILED)
EXPIRED_KEY: Final = Code("authenticate.expired_key", 401, "The API key has expired", FAILED)
REVOKED_KEY: Final = Code("authenticate.revoked_key", 401, "The API key has been revoked", FAILED)
KEY_NOT_FOR_OPERATION: Final = Code(
    "authenticate.key_not_for_operation", 401, "The API key is not for this operation", FAILED
)
KEY_FROM_ELSEWHERE: Final = Code(
    "authenticate.key_from_elsewhere", 401, "The API key is not for callers from this address", FAILED
)
KEY_WRONG_ENVIRONMENT: Final = Code(
    "authenticate.key_wrong_environment", 401, "The API key is for another environment", FAILED
)
_GOOD_ELSEWHERE: Final = (EXPIRED_KEY, REVOKED_KEY, KEY_NOT_FOR_OPERATION, KEY_FROM_ELSEWHERE, KEY_WRONG_ENVIRONMENT)
"""Refusals of keys that are or were somebody's: these are no guesses."""

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_FIELDS_IN_USE = frozenset({"connection", "content-length", "content-type", "cookie", "host", "transfer-encoding"})
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

Prove = Callable[[RequestView, Facts], Proven | Absent]
Judge = Callable[[bytes, str, RequestView], Proven]


class ApiKeyConfig(Section):
    """An API key, as issued by ``portcullis keys create``."""

    header: str | None = "X-API-Key"
    """Header field that carries the key; ``null`` for none."""
    query: str | None = None
    """Query parameter that may carry it. URLs end up in logs and histories: prefer the header."""
    forward: bool = False
    """Whether the service behind the gateway gets the key too."""
    environment: Literal["live", "test"] | None = None
    """Environment that keys must have been made for; by default any key will do."""
    lockout: AddressLockout | None = None
    """Lock-out of addresses that present what were never keys; by default there is none."""

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
    judge = _judge(name, ports.keys, ports.clock, config.environment)
    prove: Proof
    if config.query is not None:
        prove = _from_query(config.query, header, judge)
    elif header is not None:
        prove = _from_header(header, judge)
    else:
        raise ValueError("an API key is in a header field or in the query")
    places = [("header", config.header), ("query", config.query)]
    challenge = "ApiKey " + ", ".join(f'{place}="{value}"' for place, value in places if value is not None)
    fields = () if header is None else (header,)
    made = Authenticator(
        POLICY.name, prove, challenge.encode(), fields, config.query, forward=config.forward, repeats=True
    )
    return behind_lockout(made, f"#/identities/{name}/api_key", name, config.lockout, ports, _GOOD_ELSEWHERE)


def _from_header(header: bytes, judge: Judge) -> Prove:
    pointer = f"/header/{header.decode()}"

    def prove(request: RequestView, _facts: Facts) -> Proven | Absent:
        key = request.headers.get(header)
        return ABSENT if key is None else judge(key, pointer, request)

    return prove


def _from_query(name: str, header: bytes | None, judge: Judge) -> Prove:
    """From the query, and from the header too where there is one; from both at once is refused."""
    in_header_pointer = f"/header/{header.decode()}" if header is not None else ""
    duplicate = Refuse(DUPLICATE_CREDENTIAL, finding=Finding(f"/query/{name}", "several keys", "one key, in one place"))

    def prove(request: RequestView, _facts: Facts) -> Proven | Absent:
        values = credential_values(request.query, name) if request.query else []
        in_header = request.headers.get(header) if header is not None else None
        if not values:
            return ABSENT if in_header is None else judge(in_header, in_header_pointer, request)
        if len(values) > 1 or in_header is not None:
            return duplicate
        return judge(values[0].encode(), f"/query/{name}", request)

    return prove


def _judge(identity: str, keys: KeyDirectory, clock: Clock, environment: str | None) -> Judge:
    sha256, find, wall_s = hashlib.sha256, keys.find, clock.wall_s
    source = f"#/identities/{identity}"

    def refuse(code: Code, pointer: str, found: str) -> Refuse:
        return Refuse(code, finding=Finding(pointer, found, "a live API key", source))

    def judge(key: bytes, pointer: str, request: RequestView) -> Proven:
        """The identity that ``key`` proves, or exactly why it proves none."""
        grant = find(sha256(key).digest()) if len(key) == KEY_LENGTH else None
        if grant is not None:
            now = wall_s()
            if now < grant.usable_until:
                if grant.limits is None and environment is None:
                    return grant.identity
                return _within_limits(grant, pointer, request, environment, source)
            return refuse(REVOKED_KEY if grant.revoked else EXPIRED_KEY, pointer, _what_became_of(grant, now))
        if b"," in key:  # repeated fields arrive joined, and no key has a comma
            return refuse(DUPLICATE_CREDENTIAL, pointer, "several keys")
        if not is_well_formed(key):
            return refuse(MALFORMED_KEY, pointer, f"{len(key)} bytes that are no key")
        return refuse(UNKNOWN_KEY, pointer, "a key that was never issued here")

    return judge


def _within_limits(grant: KeyGrant, pointer: str, request: RequestView, environment: str | None, source: str) -> Proven:
    """The identity of a live key, if it is for this environment and this call."""
    whose = f"key {grant.id} of {grant.consumer.name}"
    if environment is not None and grant.environment != environment:
        found = f"{whose}, for {grant.environment or 'no environment'}"
        return Refuse(
            KEY_WRONG_ENVIRONMENT, finding=Finding(pointer, found, f"a {environment} key", f"{source}/environment")
        )
    limits = grant.limits
    exceeded = None if limits is None else limits.exceeded(request.operation, request.client)
    if limits is None or exceeded is None:
        return grant.identity
    if exceeded == "operation":
        apis, operations = (", ".join(sorted(names)) for names in (limits.apis, limits.operations))
        allowed = " of ".join(filter(None, (operations or "any operation", apis)))
        return Refuse(KEY_NOT_FOR_OPERATION, finding=Finding(pointer, f"{whose}, for others", shorten(allowed), source))
    found = f"{whose}, from {shorten(request.client, 60)}"
    return Refuse(KEY_FROM_ELSEWHERE, finding=Finding(pointer, found, shorten(limits.networks), source))


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
    codes=(
        MISSING,
        MALFORMED_KEY,
        UNKNOWN_KEY,
        EXPIRED_KEY,
        REVOKED_KEY,
        DUPLICATE_CREDENTIAL,
        KEY_NOT_FOR_OPERATION,
        KEY_FROM_ELSEWHERE,
        KEY_WRONG_ENVIRONMENT,
        LOCKED_OUT,
        UNAVAILABLE,
    ),
    probes=(
        Probe("a call without its key", "remove_credential", MISSING),
        Probe("a key with a character changed", "corrupt_credential", MALFORMED_KEY),
        Probe("a key given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_api_key,
)
