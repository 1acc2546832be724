"""A token service over a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from token_services import Service

from portcullis.stores.database.connection import Database, locate, open_database


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    """An empty database."""
    shutil.copy(migrated, tmp_path / "portcullis.db")
    opened = open_database(locate(None, tmp_path, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def service(database: Database) -> Service:
    """A service with two audiences and two roles."""
    return Service(database)


@pytest.fixture
def another(database: Database) -> Callable[[], Service]:
    """Makes another service over the same database, as after a restart."""
    return lambda: Service(database)
