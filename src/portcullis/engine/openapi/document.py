"""An OpenAPI document, loaded: its operations, and the means to check and to explain requests to them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import Literal

import msgspec

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.openapi import operations as reading_operations
from portcullis.engine.openapi import reading
from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.positions import locate
from portcullis.engine.openapi.problems import Problems, diagnostics
from portcullis.engine.openapi.schemas import Translation
from portcullis.engine.openapi.structure import check_structure, version_of

__all__ = ["Checks", "SpecDocument", "SpecOperation", "Undeclared", "load_document"]

Undeclared = Literal["refuse", "allow"]
"""What a check does with fields that the document does not declare."""


class Checks(msgspec.Struct, frozen=True):
    """The compiled checks of a document. ``names``: what the checker calls the schema at a JSON pointer."""

    checker: Checker
    names: dict[str, str]


class SpecDocument:
    """An OpenAPI document that can be enforced.

    ``source``: its path as the configuration file has it; ``version``: of OpenAPI, ``"3.1.0"``; ``base_path``: the
    path of its first server, ``""`` if it has none; ``digest``: SHA-256 of its bytes; ``warnings``: what its author
    should know.
    """

    def __init__(
        self,
        *,
        source: str,
        data: bytes,
        version: str,
        title: str,
        base_path: str,
        operations: tuple[SpecOperation, ...],
        warnings: tuple[Diagnostic, ...],
        refusing: Checks,
    ) -> None:
        self.source = source
        self.version = version
        self.title = title
        self.base_path = base_path
        self.operations = operations
        self.warnings = warnings
        self.digest = hashlib.sha256(data).hexdigest()
        # Kept for explanations only; every worker has it, so it is kept small.
        self._packed = zlib.compress(data, 6)
        self._checks: dict[Undeclared, Checks] = {"refuse": refusing}

    def __repr__(self) -> str:
        return f"<SpecDocument {self.source} OpenAPI {self.version}, {len(self.operations)} operations>"

    def checks(self, undeclared: Undeclared) -> Checks:
        """What checks parameters and bodies of this document.

        Those that let undeclared fields pass are compiled when they are first asked for: ask before workers start.
        """
        if undeclared not in self._checks:
            graph = SchemaGraph(reading.read(zlib.decompress(self._packed)), self.version, Problems())
            self._checks[undeclared] = _compile(graph, self.operations, closed=False)
        return self._checks[undeclared]

    def locate(self, pointer: str) -> tuple[int, int]:
        """Line and column (from 1) of the JSON pointer ``pointer``, or of what is nearest to it. Slow."""
        return locate(zlib.decompress(self._packed), [pointer])[pointer]


def load_document(source: str, data: bytes) -> SpecDocument:
    """Load the document ``data`` (JSON or YAML), which the configuration file calls ``source``.

    What can't be validated of an operation is no error here but in its ``unsupported``. Raises
    :class:`ConfigurationError` with everything that is wrong with the document: its shape first, and once that is
    right what it means.
    """
    problems = Problems()
    try:
        root = reading.read(data)
    except reading.UnreadableError as error:
        raise ConfigurationError(
            [Diagnostic(source, error.line, error.column, "", error.message, error.hint)]
        ) from None
    version, why_not = version_of(root)
    if why_not is not None:
        line = 1 if isinstance(root, dict) else 0
        hint = "OpenAPI 3.0 and 3.1 are supported"
        raise ConfigurationError([Diagnostic(source, line, line, "", why_not, hint)])
    check_structure(root, version, problems)
    if problems.has_errors:
        raise _failure(source, data, problems)
    graph = SchemaGraph(root, version, problems)
    base_path = reading_operations.base_path(root, problems)
    found = list(reading_operations.read_operations(graph, problems))
    operations = tuple(each.operation for each in found)
    translation, names = _translate(graph, operations, closed=True)
    if problems.has_errors:
        raise _failure(source, data, problems)
    return SpecDocument(
        source=source,
        data=data,
        version=version,
        title=root["info"]["title"],
        base_path=base_path,
        operations=tuple(_with_positions(source, data, found)),
        warnings=tuple(sorted(diagnostics(source, data, problems))),
        refusing=Checks(Checker(translation.definitions), names),
    )


def _failure(source: str, data: bytes, problems: Problems) -> ConfigurationError:
    return ConfigurationError(each for each in diagnostics(source, data, problems) if each.severity == "error")


def _with_positions(
    source: str, data: bytes, found: list[reading_operations.FoundOperation]
) -> Iterator[SpecOperation]:
    placed = iter(diagnostics(source, data, [problem for each in found for problem in each.unsupported]))
    for each in found:
        mine = tuple(next(placed) for _ in each.unsupported)
        yield msgspec.structs.replace(each.operation, unsupported=mine) if mine else each.operation


def _compile(graph: SchemaGraph, operations: tuple[SpecOperation, ...], *, closed: bool) -> Checks:
    translation, names = _translate(graph, operations, closed=closed)
    return Checks(Checker(translation.definitions), names)


def _translate(
    graph: SchemaGraph, operations: tuple[SpecOperation, ...], *, closed: bool
) -> tuple[Translation, dict[str, str]]:
    translation = Translation(graph, closed=closed)
    names = {pointer: translation.position(pointer) for each in operations for pointer in _positions(each)}
    translation.finish()
    return translation, names


def _positions(operation: SpecOperation) -> Iterator[str]:
    yield from (parameter.schema for parameter in operation.parameters)
    if operation.body is not None:
        yield from (each.schema for each in operation.body.content if each.schema is not None and each.holds_json)
