"""A key service on a database of its own, with a clock that stands still until it is told otherwise."""

from __future__ import annotations

import random

import pytest

from portcullis.control.keys import KeyService
from portcullis.stores.database.connection import Database
from portcullis.stores.database.keys import KeyStore

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick_databases(copied_databases: None) -> None:
    """Migrations have tests of their own."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(database: Database, clock: Clock) -> KeyService:
    return KeyService(KeyStore(database), clock, random.Random(3).randrange)
