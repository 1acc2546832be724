"""A token service over a database of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from token_services import Service

from portcullis.stores.database.connection import Database


@pytest.fixture
def service(database: Database) -> Service:
    """A service with two audiences and two roles."""
    return Service(database)


@pytest.fixture
def another(database: Database) -> Callable[[], Service]:
    """Makes another service over the same database, as after a restart."""
    return lambda: Service(database)
