"""Schemas and documents compiled from plain values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from portcullis.engine.openapi.checker import Checker, pack
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.schemas import Translation
from portcullis.engine.openapi.stripping import Stripper
from portcullis.engine.openapi.violations import Violation


class Compiled:
    """The schema at a pointer of a document, compiled. ``asking``: what a translation can be asked for."""

    def __init__(self, root: Any, pointer: str, version: str, *, closed: bool, **asking: Any) -> None:
        self.problems = Problems()
        translation = Translation(SchemaGraph(root, version, self.problems), closed=closed, **asking)
        self.name = translation.position(pointer)
        translation.finish()
        self.definitions = translation.definitions
        self.checker = Checker(pack(translation.definitions, translation.sources))
        self.stripper = Stripper(self.checker)

    def fits(self, value: object) -> bool:
        return self.checker.fits({self.name: value})

    def found(self, value: object) -> tuple[Violation, ...]:
        return self.checker.violations(self.name, value)

    def violations(self, value: object) -> list[tuple[str, str]]:
        """Place and keyword of each violation."""
        return [("/".join(map(str, each.path)), each.keyword) for each in self.found(value)]

    def stripped(self, value: Any) -> Any:
        """What is left of ``value`` without what is not declared."""
        value = copy.deepcopy(value)
        self.stripper.strip(self.name, value)
        return value


@pytest.fixture(scope="session")
def compile_at() -> type[Compiled]:
    """Compiles the schema at a pointer of a document: ``compile_at(root, pointer, version, closed=...)``."""
    return Compiled


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Compiled]:
    """Compiles a schema. In it ``$ref: "#/components/schemas/X"`` finds ``X`` of ``schemas``.

    ``asking``: ``closed``, ``direction``, ``formats``.
    """

    def make(schema: Any, version: str = "3.1.0", *, asking: dict[str, Any] | None = None, **schemas: Any) -> Compiled:
        library = {"definitions": schemas} if version == "2.0" else {"components": {"schemas": schemas}}
        return Compiled({"root": schema, **library}, "/root", version, **{"closed": True, **(asking or {})})

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
