"""The token service as a command sees it, through the control API of a running gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from portcullis.control.control_client import ControlClient
from portcullis.control.token_service.orders import (
    ClientRecord,
    Inspected,
    InvalidTokenOrder,
    IssuedClient,
    IssuedTokens,
    NewClient,
    NewToken,
    RevocationById,
    RevocationDone,
    SecretRotation,
    TokenServiceError,
    TokenText,
)


class Tokens(Protocol):
    """What commands need, here or in the control process."""

    def add_client(self, order: NewClient) -> IssuedClient:
        """Make a client, and its secret."""

    def list_clients(self) -> list[ClientRecord]:
        """All clients."""

    def rotate_secret(self, id_: str, order: SecretRotation) -> IssuedClient:
        """Give a client another secret."""

    def remove_client(self, id_: str) -> ClientRecord:
        """Remove a client, and end all its tokens."""

    def issue(self, order: NewToken) -> IssuedTokens:
        """A token for a client."""

    def inspect(self, order: TokenText) -> Inspected:
        """What a token is."""

    def revoke(self, order: TokenText) -> RevocationDone:
        """Revoke a token."""

    def revoke_by_id(self, order: RevocationById) -> RevocationDone:
        """Revoke by a ``jti`` or a ``sid``."""


class _Listing(msgspec.Struct):
    clients: list[ClientRecord]


class RemoteTokens:
    """Asks the control process at ``socket``.

    Methods raise :class:`~portcullis.control.control_client.NoControlProcess` where nobody listens, and
    :class:`~portcullis.control.token_service.orders.TokenServiceError` for every other failure.
    """

    def __init__(self, socket: Path) -> None:
        self._control = ControlClient(socket, TokenServiceError, InvalidTokenOrder, "portcullis tokens clients list")

    def close(self) -> None:
        """Close the connection."""
        self._control.close()

    def add_client(self, order: NewClient) -> IssuedClient:
        """Make a client, and its secret."""
        return self._control.ask("POST", "/v1/token-clients", IssuedClient, order)

    def list_clients(self) -> list[ClientRecord]:
        """All clients."""
        return self._control.ask("GET", "/v1/token-clients", _Listing).clients

    def rotate_secret(self, id_: str, order: SecretRotation) -> IssuedClient:
        """Give a client another secret."""
        return self._control.ask("POST", f"/v1/token-clients/{quote(id_, safe='')}/rotate", IssuedClient, order)

    def remove_client(self, id_: str) -> ClientRecord:
        """Remove a client, and end all its tokens."""
        return self._control.ask("POST", f"/v1/token-clients/{quote(id_, safe='')}/remove", ClientRecord)

    def issue(self, order: NewToken) -> IssuedTokens:
        """A token for a client."""
        return self._control.ask("POST", "/v1/tokens", IssuedTokens, order)

    def inspect(self, order: TokenText) -> Inspected:
        """What a token is."""
        return self._control.ask("POST", "/v1/tokens/inspect", Inspected, order)

    def revoke(self, order: TokenText) -> RevocationDone:
        """Revoke a token."""
        return self._control.ask("POST", "/v1/tokens/revoke", RevocationDone, order)

    def revoke_by_id(self, order: RevocationById) -> RevocationDone:
        """Revoke by a ``jti`` or a ``sid``."""
        return self._control.ask("POST", "/v1/tokens/revoke-by-id", RevocationDone, order)
