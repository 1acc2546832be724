"""Documents for what is generated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from portcullis.engine.openapi.document import SpecDocument, load_document

MakeDocument = Callable[..., SpecDocument]


@pytest.fixture(scope="session")
def document() -> MakeDocument:
    """Makes a document: of the ``operation`` ``POST /things/{id}`` or at another path, and its ``schemas``."""

    def make(operation: dict[str, Any], path: str = "/things", **schemas: Any) -> SpecDocument:
        whole = {
            "openapi": "3.1.0",
            "info": {"title": "Things", "version": "1"},
            "paths": {path: {"post": {"responses": {"200": {"description": "done"}}, **operation}}},
            "components": {"schemas": schemas},
        }
        return load_document("things.json", orjson.dumps(whole))

    return make
