"""A file of relations with something in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portcullis.engine.relations.model import RelationModel
from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
from portcullis.stores.relations.writing import RelationWriter

MODEL = RelationModel(
    {
        "user": ["staff"],
        "group": {"member": ["user", "group#member"]},
        "folder": {"viewer": ["user"]},
        "order": {
            "parent": ["folder"],
            "owner": ["user"],
            "viewer": ["owner", "group#member", "folder#viewer via parent"],
        },
    }
)


def tuples(*texts: str) -> list[RelationTuple]:
    return list(map(parse_tuple, texts))


@pytest.fixture
def model() -> RelationModel:
    return MODEL


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relations.db"


@pytest.fixture
def writer(path: Path) -> Iterator[RelationWriter]:
    writer = RelationWriter(path)
    yield writer
    writer.close()
