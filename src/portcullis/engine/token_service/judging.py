"""Whom our own access tokens prove, as long as they are not revoked."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.jose.claims import ACCESS_TOKEN_CLAIMS, ACCESS_TOKEN_TYPES, TokenRules
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.authentication.proof import UNAVAILABLE, NotMine, Outcome, Proven
from portcullis.engine.authentication.token_judge import TokenJudge
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Ports
from portcullis.engine.token_service.codes import REVOKED_TOKEN
from portcullis.engine.token_service.messages import KEYS, REVOCATIONS
from portcullis.engine.token_service.revocations import RevokedTokens
from portcullis.engine.token_service.trusted_keys import TrustedKeys

_ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")


class OwnTokens:
    """Judges the tokens of identity ``name`` that are made out for one of ``audiences``.

    Who the issuer is, is told together with its keys.
    """

    def __init__(self, name: str, audiences: frozenset[str], plan: str, cache: int, ports: Ports) -> None:
        self._name = name
        self._audiences = audiences
        self._plan = plan
        self._cache = cache
        self._ports = ports
        self._keys = TrustedKeys(ports)
        self._revoked = RevokedTokens(ports.clock.wall_s)
        self._judge: TokenJudge | None = None
        self._source = f"#/identities/{name}/token"
        self._issuer = ""
        self._keys.on_change(self._begin)
        ports.topics.subscribe(KEYS, self._keys.apply)
        ports.topics.subscribe(REVOCATIONS, self._revoked.apply)

    def _begin(self) -> None:
        """The issuer may be another one: tokens of the one before are nobody's."""
        if self._keys.issuer == self._issuer:
            return
        self._issuer = self._keys.issuer
        mapping = ClaimMapping(self._name, "token", roles="roles", plan=self._plan)
        rules = TokenRules(self._issuer, self._audiences, ACCESS_TOKEN_TYPES, ACCESS_TOKEN_CLAIMS)
        self._judge = TokenJudge(
            self._source,
            TokenVerifier(self._keys, _ALGORITHMS, rules),
            self._keys,
            mapping.reader(),
            VerifiedTokens(self._cache),
            self._ports.clock,
        )

    def judge(self, token: bytes, pointer: str) -> Outcome:
        """Whom ``token`` proves, or why nobody; ``pointer`` says where in the request it is."""
        judge = self._judge
        if judge is None or not self._revoked.told:
            found = "the token service has not told its keys and revocations yet"
            return Refuse(UNAVAILABLE, finding=Finding(pointer, found, "", self._source))
        outcome = judge.judge(token, pointer)
        if isinstance(outcome, Identity):
            return self._still(outcome, pointer)
        if isinstance(outcome, Refuse | NotMine | str):
            return outcome
        return self._later(outcome, pointer)

    async def _later(self, pending: Awaitable[Proven], pointer: str) -> Proven:
        outcome = await pending
        return self._still(outcome, pointer) if isinstance(outcome, Identity) else outcome

    def _still(self, identity: Identity, pointer: str) -> Proven:
        """``identity``, unless its token was revoked meanwhile: tokens that were verified before are asked too."""
        if not self._revoked.covers(identity.claims):
            return identity
        finding = Finding(pointer, f"jti {identity.credential}", "a token that was not revoked", self._source)
        return Refuse(REVOKED_TOKEN, finding=finding)
