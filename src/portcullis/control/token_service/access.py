"""The way of a command to the token service: through the running gateway, or else straight to its database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from portcullis.control.gateway_access import GatewayFile, UnusableFile, reached
from portcullis.control.token_service.assembling import assemble
from portcullis.control.token_service.client import RemoteTokens, Tokens
from portcullis.control.token_service.orders import (
    ClientRecord,
    Inspected,
    IssuedClient,
    IssuedTokens,
    NewClient,
    NewToken,
    RevocationById,
    RevocationDone,
    SecretRotation,
    TokenText,
)
from portcullis.control.token_service.service import TokenService
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.token_service.declaring import TokenServiceConfig
from portcullis.stores.database.connection import Database

T = TypeVar("T")


@contextmanager
def tokens_of(file: Path) -> Iterator[Tokens]:
    """The token service of the gateway that is configured by ``file``. Raises as ``reached`` does."""
    with reached(file, RemoteTokens, _local) as tokens:
        yield tokens


class LocalTokens:
    """The token service on the database alone: nobody serves, and keys are used but never made."""

    def __init__(self, make: Callable[[], TokenService]) -> None:
        self._make = make

    def add_client(self, order: NewClient) -> IssuedClient:
        """Make a client, and its secret."""
        return self._run(lambda service: service.add_client(order))

    def list_clients(self) -> list[ClientRecord]:
        """All clients."""
        return self._run(lambda service: service.list_clients())

    def rotate_secret(self, id_: str, order: SecretRotation) -> IssuedClient:
        """Give a client another secret."""
        return self._run(lambda service: service.rotate_secret(id_, order))

    def remove_client(self, id_: str) -> ClientRecord:
        """Remove a client, and end all its tokens."""
        return self._run(lambda service: service.remove_client(id_))

    def issue(self, order: NewToken) -> IssuedTokens:
        """A token for a client."""
        return self._run(lambda service: service.issue(order))

    def inspect(self, order: TokenText) -> Inspected:
        """What a token is."""
        return self._run(lambda service: service.inspect(order))

    def revoke(self, order: TokenText) -> RevocationDone:
        """Revoke a token."""
        return self._run(lambda service: service.revoke(order))

    def revoke_by_id(self, order: RevocationById) -> RevocationDone:
        """Revoke by a ``jti`` or a ``sid``."""
        return self._run(lambda service: service.revoke_by_id(order))

    def _run(self, ask: Callable[[TokenService], Awaitable[T]]) -> T:
        async def main() -> T:
            return await ask(self._make())

        return asyncio.run(main())


def _local(database: Database, gateway: GatewayFile) -> LocalTokens:
    settings = _settings(gateway)

    def make() -> TokenService:
        parts = assemble(database, publish=lambda _message: None, may_make=False)
        parts.keys.advance(settings)
        parts.clients.refresh()
        parts.take_over(settings)
        return parts.service

    return LocalTokens(make)


def _settings(gateway: GatewayFile) -> TokenServiceSettings:
    section = gateway.section("token_service")
    if not section:
        return TokenServiceSettings()
    try:
        config = TokenServiceConfig.model_validate(section)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, ("token_service", *first["loc"])))
        raise UnusableFile(f"{gateway.path}: {where}: {first['msg']}; `portcullis check` says more") from error
    declared = gateway.declared
    return TokenServiceSettings.from_section(config, declared.roles or (), declared.exclusive)
