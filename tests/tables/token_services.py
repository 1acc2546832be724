"""A token service over a database, with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec

from portcullis.control.token_service.answering import TokenEndpoints
from portcullis.control.token_service.assembling import TokenServiceParts, assemble
from portcullis.control.token_service.orders import IssuedTokens, NewClient, NewToken
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.token_service.messages import Call, CallAnswer, Revocations, decode_revocations
from portcullis.stores.database.connection import Database
from portcullis.testing import FakeClock, FakeCounters

SETTINGS = TokenServiceSettings(issuer="https://i", audiences=("shop", "payments"), roles=("clerk", "auditor"))


class Service:
    """The service of a test. ``told``: what workers were told of revocations."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock(wall_s=1_800_000_000.0)
        self.counters = FakeCounters()
        self.told: list[Revocations] = []
        self.parts: TokenServiceParts = assemble(
            database, lambda message: self.told.append(decode_revocations(message)), self.clock.wall_s
        )
        parts = self.parts
        self.endpoints = TokenEndpoints(
            parts.clients,
            parts.tokens,
            parts.refresh_tokens,
            parts.revoked,
            parts.withdrawals,
            self.counters,
            self.clock,
        )
        self.use(SETTINGS)

    def use(self, settings: TokenServiceSettings) -> None:
        self.parts.keys.advance(settings)
        self.parts.take_over(settings)
        self.endpoints.take_over(settings)
        self.parts.clients.refresh()

    def run(self, work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        return asyncio.run(main())

    def add(self, name: str = "checkout", **order: Any) -> tuple[str, str]:
        usual: dict[str, Any] = {"audiences": ("shop",), "scopes": ("orders:read", "orders:write")}
        return name, self.run(self.parts.service.add_client(NewClient(name, **{**usual, **order}))).secret

    def issue(self, client: str, **order: Any) -> IssuedTokens:
        issued: IssuedTokens = self.run(self.parts.service.issue(NewToken(client, **order)))
        return issued

    def call(self, endpoint: Any, client: tuple[str, str] | str, **parameters: str) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer; a public client is given by its name."""
        name, secret, how = (client, "", "none") if isinstance(client, str) else (*client, "client_secret_basic")
        message = msgspec.msgpack.encode(Call(endpoint, parameters, name, secret, how))  # type: ignore[arg-type]
        answer = msgspec.msgpack.decode(self.run(self.endpoints.answer(message)), type=CallAnswer)
        return answer.status, msgspec.json.decode(answer.body) if answer.body else {}
