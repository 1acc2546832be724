"""From a token that only its issuer can read to who calls: what was answered a short while ago, else a question.

What the issuer says of a token is kept for a stated time, never beyond its end, by the token's SHA-256. That time is
how long a token that was revoked may still pass here, and there is no other way to learn of it. That a token does not
hold is kept apart and for a shorter time: whoever invents tokens pushes out nothing but what others invented.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Final

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.authentication.certificate_binding import is_for_a_certificate
from portcullis.engine.authentication.claim_mapping import texts_of
from portcullis.engine.authentication.dpop import is_for_a_key
from portcullis.engine.authentication.introspection_messages import (
    TOPIC,
    IntrospectionAnswer,
    IntrospectionQuestion,
    decode_answer,
    encode,
)
from portcullis.engine.authentication.jose.claims import TokenRules, check_claims, is_identifier
from portcullis.engine.authentication.jose.compact import MAX_TOKEN
from portcullis.engine.authentication.jose.errors import (
    BOUND_TOKEN,
    FOREIGN_AUDIENCE,
    FOREIGN_ISSUER,
    INVALID_CLAIMS,
    MALFORMED_TOKEN,
    WRONG_TOKEN_TYPE,
    TokenError,
)
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.proof import DUPLICATE_CREDENTIAL, FAILED, UNAVAILABLE, Later, Proven
from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Ports, Unanswered

INACTIVE_TOKEN: Final = Code("authenticate.inactive_token", 401, "The issuer says that the token does not hold", FAILED)
MAX_WAITING: Final = 128
"""Callers of one identity that wait for an answer at a time, in one worker."""
REFUSED_BYTES: Final = 4 * 1024 * 1024
"""Memory of one worker for tokens that were refused: some 2,000 of them."""
# The token of RFC 6750 2.1 (b64token); nothing else can be told from several credentials.
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_BEARER: Final = "bearer"


class AnswerRules(msgspec.Struct, frozen=True):
    """What is asked of the answers of one endpoint; what is ``None`` or empty is not asked for.

    ``lasts``: seconds that an answer is gone by at most; ``refused_lasts``: that a refusal is.
    """

    issuer: str | None = None
    audiences: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    leeway: float = 0.0
    lasts: float = 30.0
    refused_lasts: float = 5.0


class IntrospectionJudge:
    """Says whom the tokens of one identity prove.

    ``place``: where the identity stands in the file; ``source``: the digest of whom to ask; ``read``: makes an identity
    of claims and a credential's identifier; ``confirms_certificates``: who asks makes sure that tokens which are bound
    to a certificate come with it (:func:`~portcullis.engine.authentication.certificate_binding.confirmed`).
    """

    def __init__(
        self,
        place: str,
        source: str,
        rules: AnswerRules,
        read: Callable[[Mapping[str, Any], str], Identity],
        max_bytes: int,
        ports: Ports,
        *,
        confirms_certificates: bool = False,
        confirms_keys: bool = False,
    ) -> None:
        self._place = place
        self._source = source
        self._rules = rules
        self._read = read
        self._active: VerifiedTokens[Identity] = VerifiedTokens(max_bytes)
        self._refused: VerifiedTokens[Refuse] = VerifiedTokens(REFUSED_BYTES)
        self._ports = ports
        self._waiting = 0
        self._confirms_certificates = confirms_certificates
        self._confirms_keys = confirms_keys

    def judge(self, token: bytes, pointer: str) -> Proven | Awaitable[Proven]:
        """Whom ``token`` proves, or why nobody; ``pointer`` says where in the request it is."""
        now = self._ports.clock.wall_s()
        digest = sha256(token).digest()
        identity = self._active.find(digest, now)
        if identity is not None:
            return identity
        if (refusal := self._refused.find(digest, now)) is not None:
            return refusal
        if b"," in token:  # repeated fields arrive joined, and no token has a comma
            return Refuse(DUPLICATE_CREDENTIAL, finding=Finding(pointer, "several tokens", "one token", self._place))
        if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
            allowed = f"letters, digits and -._~+/, at most {MAX_TOKEN}"
            return self._refuse(TokenError(MALFORMED_TOKEN, f"{len(token)} bytes", allowed), pointer)
        if self._waiting >= MAX_WAITING:
            return self._unavailable("too many wait already", pointer)
        return Later(partial(self._ask, token, digest, pointer))

    async def _ask(self, token: bytes, digest: bytes, pointer: str) -> Proven:
        question = encode(IntrospectionQuestion(self._source, token.decode("ascii")))
        self._waiting += 1
        try:
            answer = decode_answer(await self._ports.questions.ask(TOPIC, question))
        except Unanswered as error:
            return self._unavailable(str(error), pointer)
        finally:
            self._waiting -= 1
        if answer.result in ("unavailable", "busy"):
            return self._unavailable(answer.reason, pointer)
        now = self._ports.clock.wall_s()
        try:
            return self._prove(answer, token, digest, now)
        except TokenError as error:
            refusal = self._refuse(error, pointer)
            self._refused.keep(digest, 0, refusal, now + self._rules.refused_lasts)
            return refusal
        except strict_json.MalformedJsonError as error:
            return self._unavailable(f"what the issuer says can't be read: {error}", pointer)

    def _prove(self, answer: IntrospectionAnswer, token: bytes, digest: bytes, now: float) -> Identity:
        if answer.result != "active":
            raise TokenError(INACTIVE_TOKEN, "active: false", "a token that holds")
        claims = strict_json.loads(answer.claims)
        until = check_answer(self._rules, claims, now)
        if is_bound(claims) and not self._is_confirmed(claims):
            raise TokenError(BOUND_TOKEN, "a cnf claim", "a token that is not bound to a key")
        identity = self._read(claims, claims.get("jti") or sha256(token).hexdigest()[:32])
        self._active.keep(digest, len(answer.claims), identity, min(until, now + self._rules.lasts))
        return identity

    def _is_confirmed(self, claims: Mapping[str, Any]) -> bool:
        """Whether somebody will see to it that the token comes with what it is bound to."""
        if self._confirms_keys and is_for_a_key(claims):
            return True
        return self._confirms_certificates and not is_dpop(claims) and is_for_a_certificate(claims)

    def _refuse(self, error: TokenError, pointer: str) -> Refuse:
        return Refuse(error.code, finding=Finding(pointer, error.found, error.allowed, self._place))

    def _unavailable(self, found: str, pointer: str) -> Refuse:
        return Refuse(UNAVAILABLE, finding=Finding(pointer, shorten(found), "an answer of the issuer", self._place))


def check_answer(rules: AnswerRules, claims: Mapping[str, Any], now: float) -> float:
    """Until when a token holds of which the issuer says ``claims``. Raises :class:`TokenError` if it does not.

    The issuer may leave out everything but ``active`` (RFC 7662 2.2); what the file asks for must be there.
    """
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise TokenError(FOREIGN_ISSUER, f"iss {shorten(claims.get('iss'), 80)}", rules.issuer)
    audiences = texts_of(claims.get("aud"), "aud", split=False)
    if rules.audiences and rules.audiences.isdisjoint(audiences):
        found = f"aud {shorten(claims.get('aud'), 80)}"
        raise TokenError(FOREIGN_AUDIENCE, found, ", ".join(sorted(rules.audiences)))
    if "iss" in claims and not is_identifier(claims["iss"]):
        raise TokenError(INVALID_CLAIMS, f"iss {shorten(claims['iss'], 80)}", "an issuer")
    client = claims.get("client_id")
    if rules.clients and not (isinstance(client, str) and client in rules.clients):
        raise TokenError(INVALID_CLAIMS, f"client_id {shorten(client, 80)}", ", ".join(sorted(rules.clients)))
    scope = claims.get("scope", "")
    if rules.scopes and not (isinstance(scope, str) and rules.scopes <= set(scope.split(" "))):
        raise TokenError(INVALID_CLAIMS, f"scope {shorten(scope, 80)}", " ".join(sorted(rules.scopes)))
    kind = claims.get("token_type", _BEARER)
    if not isinstance(kind, str) or kind.lower() not in (_BEARER, "access_token", "dpop"):
        raise TokenError(WRONG_TOKEN_TYPE, f"token_type {shorten(kind, 60)}", "an access token")
    dated = claims if "exp" in claims else {**claims, "exp": now + rules.lasts}
    return check_claims(TokenRules("", frozenset(), required=rules.required, leeway=rules.leeway), dated, now)


def is_bound(claims: Mapping[str, Any]) -> bool:
    """Whether a token is bound to a key, so that having it alone is not enough."""
    return "cnf" in claims or is_dpop(claims)


def is_dpop(claims: Mapping[str, Any]) -> bool:
    """Whether a token is worth nothing without a proof of RFC 9449."""
    kind = claims.get("token_type")
    return isinstance(kind, str) and kind.lower() == "dpop"
