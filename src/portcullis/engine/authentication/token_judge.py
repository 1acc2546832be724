"""From a token in a request to who calls: what was verified before, else the verifier, else newer keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from portcullis.engine.authentication.certificate_binding import is_for_a_certificate
from portcullis.engine.authentication.dpop import is_for_a_key
from portcullis.engine.authentication.jose.errors import (
    BOUND_TOKEN,
    INVALID_CLAIMS,
    REPLAYED_TOKEN,
    UNKNOWN_SIGNER,
    ForeignTokenError,
    NoKeysError,
    TokenError,
    UnknownSignerError,
)
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.jose.verifier import Keys, TokenVerifier, VerifiedToken
from portcullis.engine.authentication.proof import (
    DUPLICATE_CREDENTIAL,
    UNAVAILABLE,
    Later,
    NotMine,
    Outcome,
    Proven,
)
from portcullis.engine.authentication.replay import MAX_SECONDS, SingleUse
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Clock, CounterStoreError

if TYPE_CHECKING:
    from portcullis.engine.authentication.jose.encryption import Decrypter

_ENCRYPTED: Final = 4
"""Dots in an encrypted token."""


class ChangingKeys(Keys, Protocol):
    """Keys that somebody can be asked about; see :class:`~portcullis.engine.authentication.jose.key_ring.KeyRing`."""

    @property
    def usable_until(self) -> float:
        """Until when the keys may be gone by, in Unix seconds."""

    @property
    def in_doubt(self) -> bool:
        """Whether there may be newer keys that can't be had now."""

    @property
    def may_ask(self) -> bool:
        """Whether it is worth waiting for :meth:`ask` now."""

    @property
    def is_crowded(self) -> bool:
        """Whether as many wait already as may."""

    async def ask(self) -> None:
        """Let newer keys be fetched."""


class TokenJudge:
    """Says whom the tokens of one identity prove.

    ``source``: where the identity stands in the file, for the record; ``read``: makes an identity of claims and a
    credential's identifier; ``once``: where each token may be used once only; ``accepts_bound``: take tokens that are
    bound to a key (``cnf``) without a proof that the caller has it; ``confirms_certificates``: who asks makes sure
    that tokens which are bound to a certificate come with it
    (:func:`~portcullis.engine.authentication.certificate_binding.confirmed`).
    """

    def __init__(
        self,
        source: str,
        verifier: TokenVerifier,
        keys: ChangingKeys,
        read: Callable[[Mapping[str, Any], str], Identity],
        verified: VerifiedTokens[Identity],
        clock: Clock,
        decrypter: Decrypter | None = None,
        once: SingleUse | None = None,
        *,
        accepts_bound: bool = False,
        confirms_certificates: bool = False,
        confirms_keys: bool = False,
    ) -> None:
        self._source = source
        self._verifier = verifier
        self._keys = keys
        self._read = read
        self._verified = verified
        self._wall_s = clock.wall_s
        self._decrypter = decrypter
        self._once = once
        self._accepts_bound = accepts_bound
        self._confirms_certificates = confirms_certificates
        self._confirms_keys = confirms_keys
        keys.on_change(verified.clear)

    def judge(self, token: bytes, pointer: str) -> Outcome:
        """Whom ``token`` proves, or why nobody; ``pointer`` says where in the request it is."""
        now = self._wall_s()
        digest = sha256(token).digest()
        identity = self._verified.find(digest, now)
        if identity is not None and now < self._keys.usable_until:
            return identity
        try:
            return self._prove(token, digest, now)
        except (UnknownSignerError, NoKeysError) as error:
            if not self._keys.may_ask:
                return self._lost(error, pointer)
            return Later(partial(self._with_newer_keys, token, digest, pointer))
        except ForeignTokenError as error:
            return NotMine(self._refuse(error, pointer, token))
        except TokenError as error:
            return self._refuse(error, pointer, token)
        except CounterStoreError as error:
            return self._unavailable(pointer, str(error))

    async def _with_newer_keys(self, token: bytes, digest: bytes, pointer: str) -> Proven:
        await self._keys.ask()
        try:
            return self._prove(token, digest, self._wall_s())
        except (UnknownSignerError, NoKeysError) as error:
            return self._lost(error, pointer)
        except TokenError as error:
            return self._refuse(error, pointer, token)
        except CounterStoreError as error:
            return self._unavailable(pointer, str(error))

    def _prove(self, token: bytes, digest: bytes, now: float) -> Identity:
        signed = token
        if self._decrypter is not None and token.count(b".") == _ENCRYPTED:
            signed = self._decrypter.decrypt(token)
        verified = self._verifier.verify(signed, now)
        claims = verified.claims
        if "cnf" in claims and not self._accepts_bound and not self._is_confirmed(claims):
            raise TokenError(BOUND_TOKEN, "a cnf claim", "a token that is not bound to a key")
        credential = claims.get("jti") or sha256(verified.signed).hexdigest()[:32]
        identity = self._read(claims, credential)
        if self._once is None:
            self._verified.keep(digest, len(token), identity, verified.until)
        else:
            _use_up(self._once, verified, now)
        return identity

    def _is_confirmed(self, claims: Mapping[str, Any]) -> bool:
        """Whether somebody will see to it that the token comes with what it is bound to."""
        if self._confirms_keys and is_for_a_key(claims):
            return True
        return self._confirms_certificates and is_for_a_certificate(claims)

    def _lost(self, error: TokenError, pointer: str) -> Refuse:
        """No key fits, and nobody can be asked: is the token wrong, or are the keys?"""
        if error.code is UNKNOWN_SIGNER and not self._keys.in_doubt and not self._keys.is_crowded:
            return self._refuse(error, pointer)
        return self._unavailable(pointer, error.found)

    def _unavailable(self, pointer: str, found: str) -> Refuse:
        return Refuse(UNAVAILABLE, finding=Finding(pointer, found, "", self._source))

    def _refuse(self, error: TokenError, pointer: str, token: bytes = b"") -> Refuse:
        if b"," in token:  # repeated fields arrive joined, and no token has a comma
            return Refuse(DUPLICATE_CREDENTIAL, finding=Finding(pointer, "several tokens", "one token", self._source))
        return Refuse(error.code, finding=Finding(pointer, error.found, error.allowed, self._source))


def _use_up(once: SingleUse, verified: VerifiedToken, now: float) -> None:
    """Raises :class:`TokenError` for a token that was used before, or that can't be remembered for long enough."""
    lasts = verified.until - now
    if lasts > MAX_SECONDS:
        raise TokenError(INVALID_CLAIMS, f"it holds for {lasts:.0f} s more", f"{MAX_SECONDS:.0f} s for single use")
    if not once.is_first(verified.claims["jti"], lasts):
        raise TokenError(REPLAYED_TOKEN, f"jti {verified.claims['jti']}", "a token that was not used yet")
