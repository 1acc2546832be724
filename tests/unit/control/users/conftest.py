"""A user service on a database of its own, with hashes that cost next to nothing."""

from __future__ import annotations

import argon2
import pytest

from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.service import UserService
from portcullis.stores.database.connection import Database
from portcullis.stores.database.users import UserStore

CHEAP = argon2.Parameters(argon2.low_level.Type.ID, 19, 16, 32, 1, 8, 1)
"""For tests only."""


@pytest.fixture(scope="session")
def hasher() -> PasswordHasher:
    return PasswordHasher(CHEAP)


@pytest.fixture
def store(database: Database) -> UserStore:
    return UserStore(database)


@pytest.fixture
def users(store: UserStore, hasher: PasswordHasher, clock: object) -> UserService:
    return UserService(store, hasher, clock)  # type: ignore[arg-type]
