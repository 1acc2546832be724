"""Answers the requests that workers have read: who asks, and then what."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from portcullis.control.token_service.asking import (
    ACCESS_TOKEN,
    REFRESH,
    audience_asked_for,
    required,
    scopes_asked_for,
)
from portcullis.control.token_service.assertions import ClientAssertions
from portcullis.control.token_service.clients import ClientDirectory
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.exchanging import exchange
from portcullis.control.token_service.refreshing import Refreshed, RefreshTokens, Reused
from portcullis.control.token_service.revoking import RevocationList
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.control.token_service.tokens import AccessTokens, Grant, IssuedToken
from portcullis.control.token_service.withdrawing import Withdrawals
from portcullis.engine import gcra
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.ports import Clock, Counters, CounterStoreError
from portcullis.engine.token_service.messages import Call, CallAnswer, decode_call, encode
from portcullis.engine.token_service.metadata import CLIENT_CREDENTIALS, GRANTS, REFRESH_TOKEN
from portcullis.stores.database.connection import DatabaseError
from portcullis.stores.database.token_clients import StoredClient
from portcullis.stores.database.token_revocations import TooManyRevocationsError

BEARER: Final = "Bearer"
_MINUTE: Final = 60
_log = logging.getLogger(__name__)


class TokenEndpoints:
    """The endpoints. ``answers``: how often each was answered how, for metrics."""

    def __init__(
        self,
        clients: ClientDirectory,
        tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        revoked: RevocationList,
        withdrawals: Withdrawals,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self._clients = clients
        self._assertions = ClientAssertions(clients, SingleUse("client assertion", counters, clock))
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._revoked = revoked
        self._withdrawals = withdrawals
        self._counters = counters
        self._clock = clock
        self._settings = TokenServiceSettings()

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings`` from now on."""
        self._settings = settings
        self._assertions.take_over(settings)

    async def answer(self, message: bytes) -> bytes:
        """The answer to a worker's question. Raises ``ValueError`` for what is none."""
        call = decode_call(message)
        answer = await self._answer(call)
        return encode(answer)

    async def _answer(self, call: Call) -> CallAnswer:
        proven, outcome = "", "ok"
        if not self._settings.issuer:  # workers of a file that has one no more may still ask
            return OAuthError("temporarily_unavailable", "there is no token service", "", 503).answer()
        try:
            client = self._authenticate(call)
            proven = client.id
            self._count(client)
            endpoints: Mapping[str, Callable[[Call, StoredClient], Awaitable[CallAnswer]]] = {
                "token": self._token,
                "revoke": self._revoke,
                "introspect": self._introspect,
            }
            return await endpoints[call.endpoint](call, client)
        except OAuthError as error:
            outcome = error.error
            return error.answer(proven)
        except (DatabaseError, CounterStoreError, TooManyRevocationsError) as error:
            outcome = "temporarily_unavailable"
            _log.warning("portcullis: the token service: %s", error or type(error).__name__)
            return OAuthError(outcome, "try again", str(error), 503).answer(proven)
        finally:
            self.answers[call.endpoint, outcome] += 1

    def _authenticate(self, call: Call) -> StoredClient:
        by = self._assertions if call.how == "private_key_jwt" else self._clients
        return by.authenticate(call, self._clock.wall_s())

    def _count(self, client: StoredClient) -> None:
        most = self._settings.calls_per_client
        key = b"token_service/client/" + client.id.encode()
        if not self._counters.take(key, gcra.interval_ns(most, _MINUTE), most, self._clock.now_ns()).allowed:
            raise OAuthError("slow_down", "the client asks too often", "", 429)

    async def _token(self, call: Call, client: StoredClient) -> CallAnswer:
        grant_type = required(call.parameters, "grant_type")
        if grant_type not in GRANTS:
            raise OAuthError("unsupported_grant_type", "tokens are not issued for this grant_type")
        if grant_type not in client.grants:
            raise OAuthError("unauthorized_client", "the client may not use this grant_type")
        if grant_type == CLIENT_CREDENTIALS:
            return self._client_credentials(call, client)
        if grant_type == REFRESH_TOKEN:
            return await self._refresh(call, client)
        return await self._exchange(call, client)

    def _client_credentials(self, call: Call, client: StoredClient) -> CallAnswer:
        grant = Grant(
            client.id,
            client.id,
            audience_asked_for(call.parameters, client, self._settings.audiences),
            scopes_asked_for(call.parameters, client.scopes),
            client.roles,
        )
        return _issued(client, self._tokens.issue(grant))

    async def _refresh(self, call: Call, client: StoredClient) -> CallAnswer:
        done = await self._refresh_tokens.refresh(call.parameters, client)
        if isinstance(done, Reused):
            await self._withdrawals.tell()
            _log.warning("portcullis: a refresh token of %s was used again: family %s is over", client.id, done.family)
            raise OAuthError("invalid_grant", "the refresh token is not valid", f"used again: family {done.family}")
        return _issued(client, done.access, done)

    async def _exchange(self, call: Call, client: StoredClient) -> CallAnswer:
        done = exchange(call.parameters, client, self._tokens, self._revoked.covers, self._settings)
        if done.refreshed:
            refreshed = await self._refresh_tokens.begin(done.grant)
            return _issued(client, refreshed.access, refreshed, REFRESH)
        access = self._tokens.issue(done.grant, done.until)
        if not access.expires_in:
            raise OAuthError("invalid_request", "the subject_token does not hold", "it ends now")
        return _issued(client, access, None, ACCESS_TOKEN)

    async def _revoke(self, call: Call, client: StoredClient) -> CallAnswer:
        """RFC 7009: a token that does not hold is revoked already."""
        await self._withdrawals.revoke(required(call.parameters, "token"), client)
        return CallAnswer(200, b"", client.id)

    async def _introspect(self, call: Call, client: StoredClient) -> CallAnswer:
        """RFC 7662: to whoever got the token or is meant by it, and nothing to others."""
        claims = self._tokens.readable(required(call.parameters, "token"))
        concerned = claims is not None and (claims["client_id"] == client.id or claims["aud"] in client.serves)
        if claims is None or not concerned or self._revoked.covers(claims):
            return CallAnswer(200, b'{"active":false}', client.id)
        said: dict[str, Any] = {"active": True, "token_type": BEARER, **claims}
        return CallAnswer(200, msgspec.json.encode(said), client.id)


def _issued(
    client: StoredClient, access: IssuedToken, refreshed: Refreshed | None = None, kind: str = ""
) -> CallAnswer:
    said: dict[str, Any] = {
        "access_token": access.token,
        "token_type": BEARER,
        "expires_in": access.expires_in,
        "scope": access.claims.get("scope", ""),
    }
    if kind:
        said["issued_token_type"] = kind
    if refreshed is not None:
        said["refresh_token"] = refreshed.refresh
    return CallAnswer(200, msgspec.json.encode(said), client.id)
