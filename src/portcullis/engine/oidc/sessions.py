"""From a session's cookie to who calls: what was told a short while ago, else a question to the control process.

What is told holds for a minute at most; it is dropped at once when the control process tells that the session has
ended, or that its claims have changed. Sessions are known by the SHA-256 of their id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.proof import UNAVAILABLE, Proven
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.oidc.codes import UNKNOWN_SESSION
from portcullis.engine.oidc.messages import (
    SESSIONS,
    SessionAnswer,
    SessionQuestion,
    decode_session_answer,
    decode_session_news,
    encode,
)
from portcullis.engine.ports import Ports, Unanswered

MAX_WAITING: Final = 256
"""Callers of one identity that wait for an answer at a time, in one worker."""
Read = Callable[[Mapping[str, Any], str], Identity]


class SessionJudge:
    """Judges sessions of the relying party ``realm``. ``read``: from claims to an identity; ``memory``: bytes."""

    def __init__(self, source: str, realm: str, pointer: str, read: Read, memory: int, ports: Ports) -> None:
        self._source = source
        self._realm = realm
        self._pointer = pointer
        self._read = read
        self._ports = ports
        self._known: VerifiedTokens[Identity] = VerifiedTokens(memory)
        self._news = 0
        self._waiting = 0
        ports.topics.subscribe(SESSIONS, self._told)

    def __repr__(self) -> str:
        return f"SessionJudge({self._source}, {self._known!r}, waiting={self._waiting})"

    def judge(self, session: bytes) -> Proven | Awaitable[Proven]:
        """Whose session it is that has this id."""
        digest = sha256(session).digest()
        known = self._known.find(digest, self._ports.clock.wall_s())
        if known is not None:
            return known
        if self._waiting >= MAX_WAITING:
            return self._unavailable(f"{MAX_WAITING} callers wait already")
        return self._asked(session, digest)

    async def _asked(self, session: bytes, digest: bytes) -> Proven:
        self._waiting += 1
        news = self._news
        try:
            question = encode(SessionQuestion(self._realm, session))
            answer = decode_session_answer(await self._ports.questions.ask(SESSIONS, question))
        except (Unanswered, ValueError) as error:
            return self._unavailable(str(error))
        finally:
            self._waiting -= 1
        if answer.result == "unavailable":
            return self._unavailable(answer.reason)
        if answer.result == "refused":
            reason = answer.reason or "a session that is not known"
            return Refuse(UNKNOWN_SESSION, finding=Finding(self._pointer, reason, "a session that holds", self._source))
        try:
            identity = self._identity(answer, digest)
        except TokenError as error:
            return Refuse(error.code, finding=Finding(self._pointer, error.found, error.allowed, self._source))
        if news == self._news:  # else what was told meanwhile may have been of this very session
            self._known.keep(digest, len(answer.claims), identity, answer.until)
        return identity

    def _identity(self, answer: SessionAnswer, digest: bytes) -> Identity:
        identity = self._read(strict_json.loads(answer.claims), digest.hex()[:32])
        return msgspec.structs.replace(identity, expires=answer.ends)

    def _told(self, message: bytes) -> None:
        news = decode_session_news(message)
        self._news += 1
        if news.whole:
            self._known.clear()
        for digest in news.digests:
            self._known.forget(digest)

    def _unavailable(self, found: str) -> Refuse:
        return Refuse(UNAVAILABLE, finding=Finding(self._pointer, found, "", self._source))
