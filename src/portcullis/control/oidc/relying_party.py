"""One relying party: completes logins, answers for sessions, renews what belongs to them, and ends them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from portcullis.control.oidc.id_tokens import check_id_token, check_nonce, check_renewed, id_token_rules
from portcullis.control.oidc.logout_tokens import LoggedOut, logout_token_rules, read_logout_token
from portcullis.control.oidc.provider import Provider, ProviderError
from portcullis.control.oidc.renewals import MAX_AT_ONCE, Renewals
from portcullis.control.oidc.sealing import Contents, digest_of
from portcullis.control.oidc.sessions import Held, Sessions, SessionsFullError
from portcullis.control.oidc.tokens import GrantRefusedError, TokenEndpoint, TokenSet
from portcullis.engine import strict_json
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.oidc.messages import (
    BackChannelAnswer,
    LoginAnswer,
    LoginQuestion,
    LogoutAnswer,
    ProviderAnswer,
    RelyingPartySource,
    SessionAnswer,
)
from portcullis.engine.ports import CounterStoreError
from portcullis.stores.database.connection import DatabaseError

MAX_CALLS: Final = MAX_AT_ONCE
"""Logins, and renewals, that are under way at a time: a provider that is slow must leave room for calls to others."""
MAX_LOGINS: Final = 1_000
"""Logins that are under way, or wait for it."""
WAIT_SECONDS: Final = 3.0
"""How long a login waits for its turn, and a call for a renewal: less than whoever asks for it."""
PAUSE_SECONDS: Final = 5.0
"""How long no renewal is tried after one that got no answer."""
LEAD_SECONDS: Final = 30.0
_SHORT_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class RelyingParty:
    """See the module. ``results``: how often there was which outcome of what."""

    def __init__(
        self,
        source: RelyingPartySource,
        provider: Provider,
        endpoint: TokenEndpoint,
        sessions: Sessions,
        once: SingleUse,
        wall_s: Callable[[], float],
    ) -> None:
        self.source = source
        self.provider = provider
        self.results: Counter[tuple[str, str]] = Counter()
        self._endpoint = endpoint
        self._sessions = sessions
        self._once = once
        self._wall_s = wall_s
        accepted = PUBLIC_ALGORITHMS if source.algorithms is None else source.algorithms
        self._id_tokens = TokenVerifier(provider.keys, accepted, id_token_rules(source))
        self._logout_tokens = TokenVerifier(provider.keys, accepted, logout_token_rules(source))
        self._logins = 0
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self.renewals = Renewals()
        self._no_renewal_before = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"RelyingParty({self.source.name}, logins={self._logins}, renewing={len(self.renewals)})"

    def follow(self, before: RelyingParty) -> None:
        """Stand in the place of ``before``. What it renews must not be renewed a second time with the same token."""
        self.results = before.results
        self.renewals = before.renewals

    async def end(self) -> None:
        """Let what has begun come to its end; then give up."""
        await self.renewals.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.provider.end()

    # Logins.

    async def endpoints(self) -> ProviderAnswer:
        """Where the provider lets users log in and out."""
        try:
            metadata = await self.provider.metadata()
        except ProviderError as error:
            return ProviderAnswer(reason=str(error))
        return ProviderAnswer(metadata.authorization_endpoint, metadata.end_session_endpoint)

    async def log_in(self, question: LoginQuestion) -> LoginAnswer:
        """Complete a login."""
        answer = LoginAnswer("unavailable", f"{self._logins} logins are under way or wait")
        if self._logins < MAX_LOGINS:
            self._logins += 1
            try:
                answer = await self._log_in_by_turns(question)
            except (GrantRefusedError, TokenError) as error:
                answer = LoginAnswer("refused", _reason(error))
            except (ProviderError, DatabaseError, SessionsFullError) as error:
                answer = LoginAnswer("unavailable", str(error))
            finally:
                self._logins -= 1
        self.results["login", answer.result] += 1
        return answer

    async def _log_in_by_turns(self, question: LoginQuestion) -> LoginAnswer:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise ProviderError(f"{MAX_CALLS} logins were under way for {WAIT_SECONDS:g} s") from None
        try:
            return await self._log_in(question)
        finally:
            self._slots.release()

    async def _log_in(self, question: LoginQuestion) -> LoginAnswer:
        began = self._wall_s()
        metadata = await self.provider.metadata()
        # RFC 9207 2.4: an answer of another provider must not be taken to this one (mix-up).
        if question.issuer != self.source.issuer and (question.issuer is not None or metadata.names_itself):
            raise GrantRefusedError("the answer is of another issuer, or does not say of which")
        tokens = await self._endpoint.exchange(metadata.token_endpoint, question.code, question.verifier)
        verified = await self.provider.keys.verify(self._id_tokens, tokens.id_token.encode())
        now = self._wall_s()
        check_nonce(verified.claims, question.nonce)
        check_id_token(self.source, verified, tokens.access_token, now)
        claims = verified.claims
        subject, sid = claims["sub"], claims.get("sid")
        contents = self._contents(claims, tokens, now)
        if question.replaces:
            await self._sessions.end(question.replaces)
        whose = (subject, sid if isinstance(sid, str) else None)
        if not await self._sessions.begin(self.source, question.session, whose, contents, began):
            raise GrantRefusedError("the provider has ended the session meanwhile")
        return LoginAnswer("done", subject=subject)

    def _contents(
        self, claims: Mapping[str, Any], tokens: TokenSet, now: float, before: Contents | None = None
    ) -> Contents:
        """What belongs to a session. A refresh may give no new refresh token, ID token or scope: the old ones hold."""
        scope = tokens.scope
        if scope is None:
            scope = " ".join(self.source.scopes) if before is None else strict_json.loads(before.claims).get("scope")
        all_claims = {**claims, **({} if "scope" in claims else {"scope": scope})}
        try:
            encoded = msgspec.json.encode(all_claims)
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise GrantRefusedError("the claims hold a value that can't be kept") from None
        refresh_token = tokens.refresh_token or ("" if before is None else before.refresh_token)
        return Contents(
            encoded,
            tokens.id_token or ("" if before is None else before.id_token),
            refresh_token,
            None if tokens.expires_in is None or not refresh_token else now + tokens.expires_in,
            now,
        )

    # Sessions.

    async def session(self, session: bytes) -> SessionAnswer:
        """Whose session it is that has this id."""
        try:
            held = await self._sessions.find(self.source, session)
            if held is None:
                return SessionAnswer("refused")
            if self._should_renew(held):
                held = await self._renewed(session, held)
            if held is None:
                return SessionAnswer("refused", reason="the provider did not renew it")
        except DatabaseError as error:
            return SessionAnswer("unavailable", reason=str(error))
        return self._answer(held)

    def _answer(self, held: Held) -> SessionAnswer:
        now, source, stored, contents = self._wall_s(), self.source, held.stored, held.contents
        until = min(now + source.touch, stored.ends)
        end = contents.tokens_end
        if end is not None and end <= now:
            if end + source.keep <= now:
                return SessionAnswer("unavailable", reason="the provider can't be asked to renew it")
            until = min(until, now + _SHORT_SECONDS, end + source.keep)
        elif end is not None:
            until = min(until, end)
        if stored.idle_until < now + source.idle - source.touch / 2:
            self._later(self._sessions.touch(source, held))
        return SessionAnswer("done", contents.claims, until, stored.ends)

    def _should_renew(self, held: Held) -> bool:
        contents = held.contents
        if contents.tokens_end is None:
            return False
        lead = min(2 * self.source.touch + LEAD_SECONDS, (contents.tokens_end - contents.renewed) / 2)
        return self._wall_s() >= contents.tokens_end - lead

    async def _renewed(self, session: bytes, held: Held) -> Held | None:
        """The session, renewed in the background while its tokens still hold; ``None`` where it has ended."""
        if self._wall_s() < self._no_renewal_before:
            return held
        task = self.renewals.begin(digest_of(session), lambda: self._renew(session))
        if task is None or (held.contents.tokens_end or 0.0) > self._wall_s():
            return held
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        return await self._sessions.find(self.source, session)

    async def _renew(self, session: bytes) -> None:
        """Use the refresh token, once; what comes of it is kept before it is used. Never fails."""
        try:
            held = await self._sessions.find(self.source, session)  # as it is now: it may just have been renewed
            if held is None or not self._should_renew(held) or self._wall_s() < self._no_renewal_before:
                return
            contents = await self._refreshed(held.contents)
            await self._sessions.renew(self.source, session, contents)
        except (GrantRefusedError, TokenError) as error:
            self.results["renewal", "refused"] += 1
            _log.info("portcullis: a session of %s is over: %s", self.source.name, _reason(error))
            await self._end_quietly(session)
        except (ProviderError, DatabaseError) as error:
            self.results["renewal", "unavailable"] += 1
            self._no_renewal_before = self._wall_s() + PAUSE_SECONDS
            _log.warning("portcullis: sessions of %s can't be renewed: %s", self.source.name, error)
        else:
            self.results["renewal", "done"] += 1

    async def _refreshed(self, before: Contents) -> Contents:
        metadata = await self.provider.metadata()
        tokens = await self._endpoint.refresh(metadata.token_endpoint, before.refresh_token)
        old: dict[str, Any] = strict_json.loads(before.claims)
        claims: Mapping[str, Any] = {name: value for name, value in old.items() if name != "scope"}
        if tokens.id_token:
            verified = await self.provider.keys.verify(self._id_tokens, tokens.id_token.encode())
            check_renewed(verified.claims, old)
            _check_renewed_token(self.source, verified, tokens, self._wall_s())
            claims = verified.claims
        return self._contents(claims, tokens, self._wall_s(), before)

    async def _end_quietly(self, session: bytes) -> None:
        try:
            await self._sessions.end(session)
        except DatabaseError as error:
            _log.error("portcullis: a session can't be ended: %s", error)

    # Logging out.

    async def log_out(self, session: bytes) -> LogoutAnswer:
        """End the session with this id."""
        try:
            held = await self._sessions.find(self.source, session)
            if held is not None:
                await self._sessions.end(session)
        except DatabaseError as error:
            return LogoutAnswer("unavailable", reason=str(error))
        self.results["logout", "done"] += 1
        return LogoutAnswer("done", "" if held is None else held.contents.id_token)

    async def back_channel(self, token: str) -> BackChannelAnswer:
        """End the sessions that the provider says have ended."""
        try:
            verified = await self.provider.keys.verify(self._logout_tokens, token.encode())
            lasts = verified.until - self._wall_s()
            told = read_logout_token(verified.claims, lasts)
            if not self._once.is_first(verified.claims["jti"], lasts):
                return self._back_channel_done(BackChannelAnswer("refused", reason="a token that was used before"))
            ended = await self._end_all(told, verified.claims["jti"])
        except TokenError as error:
            return self._back_channel_done(BackChannelAnswer("refused", reason=_reason(error)))
        except (ProviderError, DatabaseError, CounterStoreError) as error:
            return self._back_channel_done(BackChannelAnswer("unavailable", reason=str(error)))
        return self._back_channel_done(BackChannelAnswer("done", ended))

    async def _end_all(self, told: LoggedOut, jti: str) -> int:
        """End the sessions of whoever has logged out; where that fails the provider may send the same token again."""
        try:
            return await self._sessions.end_of(self.source, told.subject, told.sid)
        except DatabaseError:
            self._once.give_back(jti)
            raise

    def _back_channel_done(self, answer: BackChannelAnswer) -> BackChannelAnswer:
        self.results["backchannel_logout", answer.result] += 1
        if answer.reason:
            _log.warning("portcullis: a back-channel logout of %s: %s", self.source.name, answer.reason)
        return answer

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check_renewed_token(source: RelyingPartySource, verified: Any, tokens: TokenSet, now: float) -> None:
    """A refresh proves no new login (12.2): how long ago the user proved himself was asked at the login."""
    check_id_token(msgspec.structs.replace(source, max_age=None), verified, tokens.access_token, now)


def _reason(error: Exception) -> str:
    return f"{error.code.name}: {error.found}" if isinstance(error, TokenError) else str(error)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except DatabaseError as error:
        _log.warning("portcullis: that a session was used can't be noted: %s", error)
