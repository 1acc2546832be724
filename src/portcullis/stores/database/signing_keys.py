"""The private keys of the token service, in the database, whose file is for its owner only (mode 0600)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.schema import SIGNING_KEYS

Purpose = Literal["access", "identity"]


class StoredKey(msgspec.Struct, frozen=True):
    """A private key (PKCS #8, DER), which signs from ``signs_from`` (Unix seconds) until the next of its purpose does.

    ``lifetime``: of the longest-lived token that it may have signed, in seconds.
    """

    kid: str
    purpose: Purpose
    algorithm: str
    private: bytes
    signs_from: float
    lifetime: float

    def __repr__(self) -> str:
        return f"StoredKey({self.kid}, {self.purpose})"


class SigningKeyStore:
    """Every method raises :class:`DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[StoredKey]:
        """All keys, in the order in which they sign."""
        query = sa.select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.signs_from, SIGNING_KEYS.c.kid)
        with self._database.reading() as connection:
            return [StoredKey(**row) for row in connection.execute(query).mappings()]

    def change(self, put: Collection[StoredKey], removed: Collection[str]) -> None:
        """Add or replace keys, and remove those of the kids ``removed``."""
        with self._database.writing() as connection:
            for kid in {*removed, *(key.kid for key in put)}:
                connection.execute(sa.delete(SIGNING_KEYS).where(SIGNING_KEYS.c.kid == kid))
            for key in put:
                connection.execute(sa.insert(SIGNING_KEYS).values(**msgspec.structs.asdict(key)))
