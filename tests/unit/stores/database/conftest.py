from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portcullis.stores.database.connection import Database, locate, open_database


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    database = open_database(locate(None, tmp_path, tmp_path))
    yield database
    database.close()
