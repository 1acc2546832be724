"""A relation service on a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.relations.service import RelationService

DECLARED: dict[str, Any] = {
    "user": ["staff"],
    "group": {"member": ["user", "group#member"]},
    "order": {"owner": ["user"], "viewer": ["owner", "group#member"]},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relations.db"


@pytest.fixture
def relations(path: Path) -> Iterator[RelationService]:
    service = RelationService(path)
    service.declare(DECLARED)
    service.prepare()
    yield service
    service.close()
