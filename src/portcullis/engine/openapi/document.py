"""An OpenAPI document, loaded: its operations, and the means to check and to explain requests to them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import msgspec

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.openapi import reading
from portcullis.engine.openapi.anatomy import anatomy_of
from portcullis.engine.openapi.bundle import ReadFile, bundle
from portcullis.engine.openapi.checks import (
    Checks,
    ChecksOfDocument,
    Translated,
    Undeclared,
    Variant,
    compile_checks,
    translate,
)
from portcullis.engine.openapi.credentials import KeyPlaces, key_places
from portcullis.engine.openapi.expansion import note_expansions
from portcullis.engine.openapi.field_marks import FieldMarks, read_field_marks
from portcullis.engine.openapi.flaws import Flaws, without_malformed
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import (
    FoundOperation,
    MakeReader,
    OperationReader,
    SpecOperation,
    read_operations,
)
from portcullis.engine.openapi.problems import MAX_PROBLEMS, Problem, Problems
from portcullis.engine.openapi.schemas import Direction
from portcullis.engine.openapi.servers import base_path, base_path_20
from portcullis.engine.openapi.sources import Place, Sources
from portcullis.engine.openapi.storing import StoredDocument, from_bytes, program, to_bytes
from portcullis.engine.openapi.structure import SUPPORTED, check_structure, version_of
from portcullis.engine.openapi.swagger2 import Swagger2Reader
from portcullis.engine.openapi.webhooks import SpecCall, read_calls

__all__ = ["Checks", "SpecDocument", "SpecOperation", "Undeclared", "load_document", "restore_document"]

_MAX_ROUNDS: Final = 10


class SpecDocument:
    """An OpenAPI document that can be enforced.

    ``source``: its path as the configuration file has it; ``version``: of OpenAPI, ``"3.1.0"``; ``base_path``: the
    path of its first server, ``""`` if it has none; ``operations``; ``webhooks``: the calls that the service makes,
    callbacks among them; ``keys``: where its security schemes put keys; ``field_marks``: what it says of who sees and
    sets fields; ``warnings``: what its author should know;
    ``sources``: the files that it consists of; ``variants``: its checks; ``reference``: names the part at a JSON
    pointer by its file, ``"specs/shop.yaml#/paths/~1orders"``, and is small enough to be kept.
    """

    def __init__(
        self,
        *,
        version: str,
        title: str,
        base_path: str,
        operations: tuple[SpecOperation, ...],
        webhooks: tuple[SpecCall, ...],
        keys: KeyPlaces,
        field_marks: FieldMarks,
        warnings: tuple[Diagnostic, ...],
        sources: Sources,
        checks: ChecksOfDocument,
    ) -> None:
        self.source = sources.name
        self.sources = sources
        self.reference = sources.names.reference
        self.version = version
        self.title = title
        self.base_path = base_path
        self.operations = operations
        self.webhooks = webhooks
        self.keys = keys
        self.field_marks = field_marks
        self.warnings = warnings
        self.variants = checks

    def __repr__(self) -> str:
        kind = "Swagger" if self.version == "2.0" else "OpenAPI"
        return f"<SpecDocument {self.source} {kind} {self.version}, {len(self.operations)} operations>"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, or of the names and digests of all its files if it has several."""
        return self.sources.digest

    def checks(
        self, undeclared: Undeclared = "refuse", direction: Direction = "request", *, formats: bool = True
    ) -> Checks:
        """What checks parameters and bodies of this document, or answers; ``formats``: they are asserted.

        Made when it is first asked for, which has to be before :meth:`release`. Raises :class:`ConfigurationError`
        where a schema can't be checked.
        """
        problems = Problems()
        checks = self.variants.get(Variant(undeclared, direction, formats), problems)
        if checks is None:
            raise _failure(self.sources, problems)
        return checks

    def release(self) -> None:
        """Let go of what only compilation needs: every worker would have it."""
        self.variants.release()

    def dump(self) -> bytes:
        """The document as bytes, for :func:`restore_document`, with the schemas of all checks asked for so far."""
        stored = StoredDocument(
            program=program(),
            version=self.version,
            title=self.title,
            base_path=self.base_path,
            operations=self.operations,
            webhooks=self.webhooks,
            keys=self.keys,
            field_marks=self.field_marks,
            warnings=self.warnings,
            sources=self.sources.state,
            translated=self.variants.translated,
        )
        return to_bytes(stored)

    def locate(self, pointer: str) -> Place:
        """Where the part of the document that ``pointer`` names stands, or what is nearest to it. Slow."""
        return self.sources.locate([pointer])[pointer]


def load_document(source: str, data: bytes, read: ReadFile | None = None) -> SpecDocument:
    """Load the document ``data`` (JSON or YAML), which the configuration file calls ``source``.

    ``read`` gives the other files that it refers to. What can't be validated of an operation is no error here but in
    its ``unsupported``. Raises :class:`ConfigurationError` with everything for which the document can't be used.
    """
    problems = Problems()
    sources = Sources(source, data)
    root, version = _read_root(source, data)
    anatomy = anatomy_of(version)
    bundled = bundle(root, sources, anatomy, problems, read or _no_other_files)
    check_structure(bundled, version, anatomy, problems)
    note_expansions(bundled, problems)
    flaws = Flaws(bundled, sources)
    flaws.add(problems)
    # What is found to be wrong with an operation can't be used, so the others are read once more without it.
    for _ in range(_MAX_ROUNDS):
        if flaws.of_document():
            raise _failure(sources, flaws.of_document())
        without_malformed(root, flaws)
        attempt = Problems()
        graph = SchemaGraph(root, version, attempt)
        reader: MakeReader = partial(Swagger2Reader, sources=sources) if version == "2.0" else OperationReader
        found = list(read_operations(graph, attempt, flaws.of, reader))
        usable = [each.operation for each in found if not each.unsupported]
        translated = translate(graph, usable, Variant())
        checks = None if attempt.has_errors else _compiled(translated, attempt)
        if checks is not None:
            break
        flaws.add(attempt)
    else:
        raise _failure(sources, attempt)
    problems.add(each for each in attempt if not _is_error(each))
    path = (base_path_20 if version == "2.0" else base_path)(root, problems)
    for problem in flaws.of_nobody():
        problems.warning(problem.pointer, f"{problem.message}; no operation uses this", problem.hint)
    operations, warnings = _placed(sources, found, [each for each in problems if not _is_error(each)])
    return SpecDocument(
        version=version,
        title=_title(root),
        base_path=path,
        operations=operations,
        webhooks=tuple(read_calls(root, operations)),
        keys=key_places(root, Problems()),
        field_marks=_field_marks(graph, usable, sources),
        warnings=warnings,
        sources=sources,
        checks=ChecksOfDocument(lambda: graph, usable, {Variant(): checks}),
    )


def restore_document(stored: bytes, source: str, data: bytes, read: ReadFile | None = None) -> SpecDocument | None:
    """The document that :meth:`SpecDocument.dump` made ``stored`` of, if :func:`load_document` would load the same.

    ``None``: it has to be loaded. What is ``stored`` may be anything.
    """
    found = from_bytes(stored, source, data, read or _no_other_files)
    if found is None:
        return None
    sources = Sources.restored(found.sources)
    usable = [operation for operation in found.operations if not operation.unsupported]

    def graph() -> SchemaGraph:
        return load_document(source, data, read).variants.graph()

    return SpecDocument(
        version=found.version,
        title=found.title,
        base_path=found.base_path,
        operations=found.operations,
        webhooks=found.webhooks,
        keys=found.keys,
        field_marks=found.field_marks,
        warnings=found.warnings,
        sources=sources,
        checks=ChecksOfDocument(graph, usable, {}, dict(found.translated)),
    )


def _compiled(translated: Translated, problems: Problems) -> Checks | None:
    try:
        return compile_checks(translated, problems)
    except ValueError:  # the compiler's bound on levels
        problems.error("", "the schemas are nested too deep to be compiled", whole=True)
        return None


def _field_marks(graph: SchemaGraph, operations: list[SpecOperation], sources: Sources) -> FieldMarks:
    """What the document says of fields. A mistake there concerns the whole of it: a field might be seen by all."""
    problems = Problems()
    marks = read_field_marks(graph, operations, problems)
    if problems.has_errors:
        raise _failure(sources, problems)
    return marks


def _no_other_files(_path: str) -> bytes:
    raise OSError("no other files can be read here")


def _read_root(source: str, data: bytes) -> tuple[dict[str, Any], str]:
    """The document ``data`` and its version."""
    try:
        root = reading.read(data)
    except reading.UnreadableError as error:
        raise ConfigurationError(
            [Diagnostic(source, error.line, error.column, "", error.message, error.hint)]
        ) from None
    version, why_not = version_of(root)
    if why_not is not None:
        line = 1 if isinstance(root, dict) else 0
        raise ConfigurationError([Diagnostic(source, line, line, "", why_not, SUPPORTED)])
    return root, version


def _is_error(problem: Problem) -> bool:
    return problem.severity == "error"


def _failure(sources: Sources, problems: Iterable[Problem]) -> ConfigurationError:
    errors = [problem for problem in problems if _is_error(problem)]
    return ConfigurationError(sources.diagnostics(errors[:MAX_PROBLEMS]))


def _placed(
    sources: Sources, found: list[FoundOperation], warnings: list[Problem]
) -> tuple[tuple[SpecOperation, ...], tuple[Diagnostic, ...]]:
    """Operations and warnings with the places of what is said. Places are looked up once, since that takes time."""
    placed = iter(sources.diagnostics([*(problem for each in found for problem in each.unsupported), *warnings]))
    operations = []
    for each in found:
        mine = tuple(next(placed) for _ in each.unsupported)
        operations.append(msgspec.structs.replace(each.operation, unsupported=mine) if mine else each.operation)
    return tuple(operations), tuple(sorted(placed))


def _title(root: dict[str, Any]) -> str:
    info = root.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return title if isinstance(title, str) else ""
