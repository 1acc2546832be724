"""Documents that many tests have in common."""

from __future__ import annotations

from functools import cache

import pytest

from portcullis.engine import documents
from portcullis.engine.openapi.document import SpecDocument, load_document


@pytest.fixture
def documents_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests whose cases nearly all have the same document, of one file: it is loaded once and kept."""
    monkeypatch.setattr(documents, "load_document", lambda source, data, _read: _load(source, data))
    monkeypatch.setattr(SpecDocument, "release", lambda _: None)


@cache
def _load(source: str, data: bytes) -> SpecDocument:
    return load_document(source, data)
