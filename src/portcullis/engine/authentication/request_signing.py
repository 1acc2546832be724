"""What the kinds that verify signatures of requests have in common: what can be wrong, how fresh, and the body.

A signature is of the head, and is checked there: a body that nobody vouches for is not even read. The head names a
digest of the body, the signature covers it, and a step that sees the body as it was sent checks it before anything
else looks at it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from pydantic import Field

from portcullis.engine.authentication.content_digest import FIELD, DigestError, check_digest
from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.codes import Code
from portcullis.engine.config.names import PlanName, RoleName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView

MALFORMED_SIGNATURE: Final = Code(
    "authenticate.malformed_signature", 401, "The signature of the request can't be read", FAILED
)
UNKNOWN_SIGNING_KEY: Final = Code(
    "authenticate.unknown_signing_key", 401, "The request is signed by an unknown key", FAILED
)
WRONG_SIGNATURE: Final = Code("authenticate.wrong_signature", 401, "The signature of the request is wrong", FAILED)
UNSIGNED_PART: Final = Code(
    "authenticate.unsigned_part", 401, "The signature leaves out something that it must cover", FAILED
)
STALE_SIGNATURE: Final = Code(
    "authenticate.stale_signature", 401, "The signature was made too long ago, or in the future", FAILED
)
REPLAYED_REQUEST: Final = Code("authenticate.replayed_request", 401, "The signed request was sent before", FAILED)
WRONG_DIGEST: Final = Code("authenticate.wrong_digest", 401, "The body is not the one that was signed", FAILED)

SIGNING_CODES: Final = (
    MALFORMED_SIGNATURE,
    UNKNOWN_SIGNING_KEY,
    WRONG_SIGNATURE,
    UNSIGNED_PART,
    STALE_SIGNATURE,
    REPLAYED_REQUEST,
    WRONG_DIGEST,
)
"""Everything that a signed request can be refused with, besides that it can't be found out."""


class SignatureError(Exception):
    """A request is refused with ``code``. ``found`` and ``allowed`` are for the record, and hold no signature."""

    def __init__(self, code: Code, found: str, allowed: str = "") -> None:
        super().__init__(code.name)
        self.code = code
        self.found = found
        self.allowed = allowed


class SigningParty(Section):
    """Who holds a key, and what it may be used for."""

    subject: str | None = Field(None, min_length=1, max_length=200)
    """Who the caller is; default: the name of the key. Several keys may be one caller's."""
    scopes: list[Annotated[str, Field(min_length=1, max_length=128), Meaning("a scope", "orders:read")]] = []
    """Scopes that the key has."""
    roles: list[RoleName] = []
    """Roles of the caller."""
    plan: PlanName | None = None
    """Plan of the caller, for ``limit: {plan: {of: consumer}}``."""

    def identity(self, method: str, name: str, key_id: str) -> Identity:
        """The caller that the key ``key_id`` of identity ``name`` proves."""
        subject = self.subject or key_id
        consumer = Consumer(f"{name}:{subject}", self.plan or "", frozenset(self.roles))
        return Identity(method, subject, key_id, frozenset(self.scopes), consumer, name)


class Freshness(msgspec.Struct, frozen=True):
    """How old signatures may be: ``max_age`` seconds, and ``leeway`` by which clocks may differ."""

    max_age: float
    leeway: float

    def check(self, created: float, now: float, expires: float | None = None) -> float:
        """Seconds for which a signature made at ``created`` still passes. Raises :class:`SignatureError`."""
        if created > now + self.leeway:
            raise SignatureError(STALE_SIGNATURE, f"made in {created - now:.0f} s", "a signature that was made already")
        end = created + self.max_age
        if expires is not None:
            end = min(end, expires)
        lasts = end + self.leeway - now
        if lasts <= 0:
            allowed = f"at most {self.max_age + self.leeway:g} s old"
            raise SignatureError(STALE_SIGNATURE, f"over since {now - end:.0f} s", allowed)
        return lasts


def use_up(once: SingleUse, key_id: str, nonce: str, lasts: float) -> None:
    """Raises :class:`SignatureError` for a nonce that was used with this key before, and ``CounterStoreError``."""
    if not once.is_first(f"{key_id}\0{nonce}", lasts):
        raise SignatureError(REPLAYED_REQUEST, f"a nonce of the key {key_id}", "a nonce that was not used yet")


def path_and_query(request: RequestView) -> tuple[str, str | None]:
    """The path as it was sent, and the query as it was sent without ``?``, ``None`` where there is none."""
    target = request.target
    if not target.startswith("/"):  # the absolute form (RFC 9112 3.2.2)
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, mark, query = target.partition("?")
    return path, query if mark else None


def digest_step(policy: str, name: str, source: str) -> Step:
    """The step that checks the body of whoever was proven by identity ``name``."""

    def check(request: RequestView, facts: Facts) -> Refuse | None:
        identity = facts.identity
        if identity.name != name and all(each.name != name for each in identity.also):
            return None
        field = request.headers.get(FIELD)
        if field is None and not request.has_body:
            return None
        try:
            check_digest(field or b"", request.body or b"")
        except DigestError as error:
            finding = Finding("/body", str(error), "the digest in Content-Digest", source)
            return Refuse(WRONG_DIGEST, finding=finding)
        return None

    return Step(policy, "wire", check, wants=lambda request: FIELD in request.headers)
