"""Tokens that are bound to a key of the caller (RFC 9449 7): worth nothing without a proof for each call.

Whom a token proves may be remembered; the proof is asked for each time, and only of tokens that are good: nobody makes
the gateway verify a second signature without one. A token that is bound to a key is never taken as a bearer token,
and one that is not never by the scheme ``DPoP``.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from portcullis.engine.authentication import certificate_binding
from portcullis.engine.authentication.dpop import (
    FIELD,
    INVALID_PROOF,
    NONCE_WANTED,
    REPLAYED_PROOF,
    DpopSettings,
    is_for_a_key,
)
from portcullis.engine.authentication.dpop_proof import ProofVerifier
from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.errors import BOUND_TOKEN
from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    UNAVAILABLE,
    Authenticator,
    NotMine,
    Outcome,
    Proof,
    Proven,
)
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import Freshness, SignatureError
from portcullis.engine.authentication.token_place import AUTHORIZATION, Present
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Clock, CounterStoreError, Ports
from portcullis.engine.request import RequestView

_POINTER: Final = "/header/dpop"
_SCHEME: Final = b"dpop "

Judge = Callable[[bytes, str], Outcome]


def bound_tokens(
    policy: str, name: str, settings: DpopSettings, present: Present, judge: Judge, ports: Ports, *, forward: bool
) -> Authenticator:
    """The authenticator of identity ``name``, of a kind whose tokens ``judge`` judges. ``policy``: of that kind."""
    dpop = DpopJudge(name, f"#/identities/{name}/{policy.partition('.')[2]}", settings, ports)
    pointer = f"/header/{AUTHORIZATION.decode()}"
    prove = dpop.proving(present, judge, pointer)
    return Authenticator(policy, prove, dpop.challenge, (AUTHORIZATION, FIELD), forward=forward)


class DpopJudge:
    """Asks for proofs. ``name``: of the identity; ``place``: where it stands in the file."""

    def __init__(self, name: str, place: str, settings: DpopSettings, ports: Ports) -> None:
        self._place = place
        self._is_required = settings.mode == "required"
        self._clock = ports.clock
        self._once = SingleUse(f"dpop {name}", ports.counters, ports.clock)
        freshness = Freshness(settings.max_age, settings.leeway)
        self._verifier = ProofVerifier(settings.algorithms, settings.htu, freshness)
        self._nonces = None if settings.nonce is None else Nonces(settings.nonce, ports.clock)
        algorithms = " ".join(settings.algorithms)
        scheme = f'DPoP realm="{name}", algs="{algorithms}"'
        self.challenge = (scheme if self._is_required else f'Bearer realm="{name}", {scheme}').encode()
        self._nonce_challenge = f'DPoP realm="{name}", error="use_dpop_nonce", algs="{algorithms}"'.encode()

    def proving(self, present: Present, judge: Judge, pointer: str) -> Proof:
        """What proves who calls, by tokens after ``Bearer`` that ``present`` finds, and after ``DPoP``."""

        def prove(request: RequestView, facts: Facts) -> Outcome:
            field = request.headers.get(AUTHORIZATION)
            is_proven = field is not None and field[:5].lower() in (_SCHEME, _SCHEME[:-1])
            token = field[5:].lstrip(b" ") if is_proven and field is not None else present(request)
            if token is None:
                return ABSENT
            if not isinstance(token, bytes):
                return token
            outcome = judge(token, pointer)
            if isinstance(outcome, Refuse | NotMine | str):
                return outcome
            if isinstance(outcome, Identity):
                return self._settle(outcome, request, facts, token if is_proven else None, pointer)
            return self._when_known(outcome, request, facts, token if is_proven else None, pointer)

        return prove

    async def _when_known(
        self, pending: Awaitable[Proven], request: RequestView, facts: Facts, token: bytes | None, pointer: str
    ) -> Proven:
        outcome = await pending
        return outcome if isinstance(outcome, Refuse) else self._settle(outcome, request, facts, token, pointer)

    def _settle(
        self, identity: Identity, request: RequestView, facts: Facts, token: bytes | None, pointer: str
    ) -> Proven:
        """``identity``, if the call may be its. ``token``: that was sent by the scheme ``DPoP``."""
        if token is not None:
            return self._with_proof(identity, request, facts, token)
        if self._is_required or _is_for_dpop(identity.claims):
            return self._refuse(SignatureError(BOUND_TOKEN, "the scheme Bearer", "the scheme DPoP"), pointer)
        # A token is bound to nothing, or to a certificate.
        confirmed = certificate_binding.confirmed(identity, request, pointer, self._place)
        assert isinstance(confirmed, Identity | Refuse)  # as it was given an identity
        return confirmed

    def _with_proof(self, identity: Identity, request: RequestView, facts: Facts, token: bytes) -> Proven:
        try:
            self._check(identity, token, request, facts)
        except SignatureError as error:
            return self._refuse(error, _POINTER)
        except CounterStoreError as error:
            return Refuse(UNAVAILABLE, finding=Finding(_POINTER, str(error), "", self._place))
        return identity

    def _check(self, identity: Identity, token: bytes, request: RequestView, facts: Facts) -> None:
        if not is_for_a_key(identity.claims):
            raise SignatureError(INVALID_PROOF, "a token that is bound to no key", "cnf.jkt in the token")
        thumbprint: str = identity.claims["cnf"]["jkt"]
        proof = request.headers.get(FIELD)
        if proof is None:
            raise SignatureError(INVALID_PROOF, "no proof", "the field DPoP")
        if b"," in proof:  # repeated fields arrive joined, and no proof has a comma
            raise SignatureError(DUPLICATE_CREDENTIAL, "several proofs", "one proof")
        proven = self._verifier.verify(proof, thumbprint, token, request, self._clock.wall_s())
        nonces = self._nonces
        if nonces is not None:
            if not nonces.is_good(proven.nonce):
                raise SignatureError(NONCE_WANTED, "no nonce, or an old one", "the nonce in DPoP-Nonce")
            if proven.nonce != (newest := nonces.newest()).decode():
                facts.response_fields.append((b"dpop-nonce", newest))
        if not self._once.is_first(f"{thumbprint}\0{proven.jti}", proven.lasts):
            raise SignatureError(REPLAYED_PROOF, "a jti that was used", "a proof of its own for each call")

    def _refuse(self, error: SignatureError, pointer: str) -> Refuse:
        fields: tuple[tuple[bytes, bytes], ...] = ()
        if error.code is NONCE_WANTED and self._nonces is not None:
            fields = ((b"www-authenticate", self._nonce_challenge), (b"dpop-nonce", self._nonces.newest()))
        return Refuse(error.code, finding=Finding(pointer, error.found, error.allowed, self._place), fields=fields)


class Nonces:
    """Nonces that all workers of one generation know without having seen them: a number of a time, and its HMAC.

    Each is good for ``seconds`` after another one has taken its place. A reload has others; callers are told, and ask
    again.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def newest(self) -> bytes:
        """The one to be used now."""
        return self._made(self._now())

    def is_good(self, nonce: str | None) -> bool:
        """Whether ``nonce`` is the newest one, or the one before."""
        said = b"" if nonce is None else nonce.encode("utf-8", "surrogatepass")
        now = self._now()
        current, before = hmac.compare_digest(said, self._made(now)), hmac.compare_digest(said, self._made(now - 1))
        return current or before

    def _now(self) -> int:
        return int(self._clock.wall_s() // self._seconds)

    def _made(self, number: int) -> bytes:
        octets = number.to_bytes(8, "big", signed=True)
        return base64url.encode(octets + hmac.digest(self._key, octets, "sha256")[:16])


def _is_for_dpop(claims: Mapping[str, Any]) -> bool:
    """Whether the token says in any way that it is bound to a key."""
    confirmation, kind = claims.get("cnf"), claims.get("token_type")
    return (isinstance(confirmation, dict) and "jkt" in confirmation) or (
        isinstance(kind, str) and kind.lower() == "dpop"
    )
