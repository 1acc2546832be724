"""From the HTTP message signatures of a request (RFC 9421) to who calls.

Of several signatures those count that name a key known here (and have the wanted tag): one that is fine in every
respect is enough, others may be for somebody else, such as a proxy on the way. What must be covered and how old a
signature may be the file says, never the signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import http_sf
import msgspec
from cryptography.exceptions import InvalidSignature

from portcullis.engine.authentication.content_digest import FIELD
from portcullis.engine.authentication.jose.algorithms import Verify
from portcullis.engine.authentication.proof import UNAVAILABLE, NotMine, Outcome
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    UNKNOWN_SIGNING_KEY,
    UNSIGNED_PART,
    WRONG_SIGNATURE,
    Freshness,
    SignatureError,
    use_up,
)
from portcullis.engine.authentication.signature_base import COVERED_BY, plain_names, signature_base
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Clock, CounterStoreError
from portcullis.engine.request import RequestView

INPUT: Final = b"signature-input"
SIGNATURE: Final = b"signature"
POINTER: Final = "/header/signature-input"
MAX_INPUT: Final = 8 * 1024
"""Bytes of each of the two fields."""
MAX_SIGNATURES: Final = 4
"""Signatures with keys known here that are tried: each costs a verification."""
MAX_TEXT: Final = 255
"""Characters of a nonce, a tag, the name of a key."""
LATEST: Final = 253_402_300_799


class KnownKey(msgspec.Struct, frozen=True, eq=False):
    """``algorithm``: as RFC 9421 calls it; ``verifiers``: any of them; ``identity``: who has the key."""

    algorithm: str
    verifiers: Sequence[Verify]
    identity: Identity


class SignatureRules(msgspec.Struct, frozen=True):
    """What is asked of signatures. ``required``: components that must be covered; ``tag``: empty for any."""

    required: frozenset[str]
    freshness: Freshness
    nonce: Literal["required", "optional"]
    tag: str


class Signed(msgspec.Struct, frozen=True):
    """One signature as it was sent: its components and parameters, and its octets (``None``: there are none)."""

    components: Sequence[Any]
    parameters: Mapping[str, Any]
    signature: bytes | None


class SignatureJudge:
    """Says whom requests prove that are signed with one of ``keys``. ``place``: of the identity in the file."""

    def __init__(
        self, place: str, keys: Mapping[str, KnownKey], rules: SignatureRules, once: SingleUse, clock: Clock
    ) -> None:
        self._place = place
        self._keys = keys
        self._rules = rules
        self._once = once
        self._wall_s = clock.wall_s

    def judge(self, request: RequestView) -> Outcome:
        """Whom a request with a ``Signature-Input`` proves, or why nobody."""
        try:
            signatures = read_signatures(request.headers.get(INPUT, b""), request.headers.get(SIGNATURE, b""))
            mine = [signed for signed in signatures if self._is_mine(signed)]
            if not mine:
                named = ", ".join(shorten(signed.parameters.get("keyid"), 40) for signed in signatures)
                error = SignatureError(UNKNOWN_SIGNING_KEY, f"keyid {shorten(named, 80)}", self._wanted())
                return NotMine(self._refuse(error))
            return self._first_good(mine, request)
        except SignatureError as error:
            return self._refuse(error)
        except CounterStoreError as error:
            return Refuse(UNAVAILABLE, finding=Finding(POINTER, str(error), "", self._place))

    def _is_mine(self, signed: Signed) -> bool:
        key_id, tag = signed.parameters.get("keyid"), signed.parameters.get("tag")
        return type(key_id) is str and key_id in self._keys and (not self._rules.tag or tag == self._rules.tag)

    def _first_good(self, mine: Sequence[Signed], request: RequestView) -> Identity:
        if len(mine) > MAX_SIGNATURES:
            raise SignatureError(MALFORMED_SIGNATURE, f"{len(mine)} signatures", f"at most {MAX_SIGNATURES}")
        first: SignatureError | None = None
        for signed in mine:
            try:
                return self._prove(signed, request)
            except SignatureError as error:
                first = first or error
        assert first is not None  # there is at least one
        raise first

    def _prove(self, signed: Signed, request: RequestView) -> Identity:
        parameters = signed.parameters
        key_id: str = parameters["keyid"]
        key = self._keys[key_id]
        if signed.signature is None:
            raise SignatureError(MALFORMED_SIGNATURE, "no signature of that label", "one in Signature")
        said = parameters.get("alg", key.algorithm)
        if said != key.algorithm:  # the key decides (RFC 9421 3.2); whoever says otherwise is refused
            raise SignatureError(WRONG_SIGNATURE, f"alg {shorten(said, 40)}", key.algorithm)
        lasts = self._check_fresh(parameters)
        self._check_covered(signed, request)
        base = signature_base(request, signed.components, parameters)
        if not any(_verifies(verify, signed.signature, base) for verify in key.verifiers):
            raise SignatureError(WRONG_SIGNATURE, f"{key.algorithm} of the key {key_id}", "a signature of the key")
        nonce = parameters.get("nonce")
        if nonce is not None:
            use_up(self._once, key_id, nonce, lasts)
        return key.identity

    def _check_fresh(self, parameters: Mapping[str, Any]) -> float:
        created: Any = parameters.get("created")
        expires: Any = parameters.get("expires")
        if not _is_date(created) or not (expires is None or _is_date(expires)):
            raise SignatureError(UNSIGNED_PART, "created or expires is missing or no date", "created, in Unix seconds")
        nonce = parameters.get("nonce")
        is_fine = (
            self._rules.nonce == "optional" if nonce is None else type(nonce) is str and 0 < len(nonce) <= MAX_TEXT
        )
        if not is_fine:
            raise SignatureError(UNSIGNED_PART, "nonce is missing or no text", "a nonce that is never used again")
        return self._rules.freshness.check(created, self._wall_s(), expires)

    def _check_covered(self, signed: Signed, request: RequestView) -> None:
        covered = plain_names(signed.components)
        needed = self._rules.required
        if request.has_body:
            needed |= {FIELD.decode()}
        missing = [name for name in needed if covered.isdisjoint(COVERED_BY.get(name, frozenset({name})))]
        if missing:
            raise SignatureError(
                UNSIGNED_PART, f"not covered: {shorten(', '.join(sorted(missing)), 80)}", ", ".join(sorted(needed))
            )

    def _wanted(self) -> str:
        return "a key of the file" + (f", and the tag {self._rules.tag}" if self._rules.tag else "")

    def _refuse(self, error: SignatureError) -> Refuse:
        return Refuse(error.code, finding=Finding(POINTER, error.found, error.allowed, self._place))


def read_signatures(inputs: bytes, signatures: bytes) -> list[Signed]:
    """The signatures that the two fields hold. Raises :class:`SignatureError`."""
    described, octets = _dictionary(inputs), _dictionary(signatures)
    found = []
    for label, member in described.items():
        if not (isinstance(member, tuple) and isinstance(member[0], list)):
            raise SignatureError(MALFORMED_SIGNATURE, f"{shorten(label, 40)} is no list", "a list of components")
        signature = octets.get(label)
        signature = signature[0] if isinstance(signature, tuple) else signature
        found.append(Signed(member[0], member[1], signature if isinstance(signature, bytes) else None))
    if not found:
        raise SignatureError(MALFORMED_SIGNATURE, "no signature at all", "Signature-Input and Signature (RFC 9421 4)")
    return found


def _dictionary(field: bytes) -> dict[str, Any]:
    twice: list[str] = []
    parsed: Any = {}
    if len(field) <= MAX_INPUT:
        try:
            if field:
                parsed = http_sf.parse(
                    field, tltype="dictionary", on_duplicate_key=lambda key, _where: twice.append(key)
                )
        except (ValueError, TypeError, IndexError):
            parsed = None
    if len(field) > MAX_INPUT or not isinstance(parsed, dict) or twice:
        raise SignatureError(MALFORMED_SIGNATURE, f"{len(field)} bytes that are no dictionary", "RFC 8941 3.2")
    return parsed


def _is_date(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LATEST


def _verifies(verify: Verify, signature: bytes, base: bytes) -> bool:
    try:
        verify(signature, base)
    except InvalidSignature:
        return False
    return True
