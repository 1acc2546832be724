"""The key service as a command sees it, through the control API of a running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from portcullis.control.control_client import IMPORT_TIMEOUT_S, ControlClient
from portcullis.control.key_orders import (
    Imported,
    InvalidOrder,
    IssuedKey,
    KeyRecord,
    KeyServiceError,
    NewKey,
    Rotation,
)
from portcullis.engine.api_key_format import ApiKey


class Keys(Protocol):
    """What commands need: :class:`~portcullis.control.keys.KeyService`, here or in the control process."""

    def create(self, order: NewKey) -> IssuedKey:
        """Make a key, and its consumer if need be."""

    def listing(self, consumer: str | None = None) -> list[KeyRecord]:
        """All keys, or those of one consumer."""

    def rotate(self, key_id: str, rotation: Rotation) -> IssuedKey:
        """Make the key that replaces ``key_id``."""

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse a key from now on."""

    def import_records(self, records: Sequence[KeyRecord]) -> Imported:
        """Make the store agree with ``records``."""


class _Listing(msgspec.Struct):
    keys: list[KeyRecord]


class _Issued(msgspec.Struct):
    key: str
    record: KeyRecord

    def __repr__(self) -> str:
        return f"_Issued({self.record.id})"


class RemoteKeys:
    """Asks the control process at ``socket``.

    Methods raise :class:`~portcullis.control.control_client.NoControlProcess` where nobody listens, and
    :class:`~portcullis.control.key_orders.KeyServiceError` for every other failure.
    """

    def __init__(self, socket: Path) -> None:
        self._control = ControlClient(socket, KeyServiceError, InvalidOrder, "portcullis keys list")

    def close(self) -> None:
        """Close the connection."""
        self._control.close()

    def create(self, order: NewKey) -> IssuedKey:
        """Make a key, and its consumer if need be."""
        return _issued(self._control.ask("POST", "/v1/keys", _Issued, order))

    def listing(self, consumer: str | None = None) -> list[KeyRecord]:
        """All keys, or those of one consumer."""
        params = {"consumer": consumer} if consumer is not None else {}
        return self._control.ask("GET", "/v1/keys", _Listing, params=params).keys

    def rotate(self, key_id: str, rotation: Rotation) -> IssuedKey:
        """Make the key that replaces ``key_id``."""
        return _issued(self._control.ask("POST", _path(key_id, "rotate"), _Issued, rotation))

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse a key from now on."""
        return self._control.ask("POST", _path(key_id, "revoke"), KeyRecord)

    def import_records(self, records: Sequence[KeyRecord]) -> Imported:
        """Make the store agree with ``records``."""
        return self._control.ask("POST", "/v1/keys/import", Imported, records, timeout=IMPORT_TIMEOUT_S)


def _path(key_id: str, action: str) -> str:
    return f"/v1/keys/{quote(key_id, safe='')}/{action}"


def _issued(answer: _Issued) -> IssuedKey:
    return IssuedKey(ApiKey(answer.key), answer.record)
