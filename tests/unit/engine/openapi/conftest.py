"""Schemas and documents compiled from plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.schemas import Translation


class Compiled:
    """The schema at a pointer of a document, compiled."""

    def __init__(self, root: Any, pointer: str, version: str, *, closed: bool) -> None:
        self.problems = Problems()
        translation = Translation(SchemaGraph(root, version, self.problems), closed=closed)
        self.name = translation.position(pointer)
        translation.finish()
        self.definitions = translation.definitions
        self.checker = Checker(translation.definitions)

    def fits(self, value: object) -> bool:
        return self.checker.fits({self.name: value})

    def violations(self, value: object) -> list[tuple[str, str]]:
        """Place and keyword of each violation."""
        found = self.checker.violations(self.name, value)
        return [("/".join(map(str, each.path)), each.keyword) for each in found]


@pytest.fixture(scope="session")
def compile_at() -> type[Compiled]:
    """Compiles the schema at a pointer of a document: ``compile_at(root, pointer, version, closed=...)``."""
    return Compiled


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Compiled]:
    """Compiles a schema. In it ``$ref: "#/components/schemas/X"`` finds ``X`` of ``schemas``."""

    def make(schema: Any, version: str = "3.1.0", *, closed: bool = True, **schemas: Any) -> Compiled:
        root = {"root": schema, "components": {"schemas": schemas}}
        return Compiled(root, "/root", version, closed=closed)

    return make


@pytest.fixture(scope="session")
def load() -> Callable[..., SpecDocument]:
    """Loads a document that has only what is given, and the formalities."""

    def make(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> SpecDocument:
        for item in paths.values():
            for method, operation in item.items():
                if method != "parameters" and isinstance(operation, dict):
                    operation.setdefault("responses", {"200": {"description": "Fine."}})
        document = {"openapi": version, "info": {"title": "T", "version": "1"}, "paths": paths, **more}
        return load_document("specs/test.json", orjson.dumps(document))

    return make
