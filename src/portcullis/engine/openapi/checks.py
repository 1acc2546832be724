"""The checks of a document: compiled once for each way of asking, and kept as what they were translated to.

There are two directions, and undeclared fields are refused or let pass in each; formats are asserted or not. Few of
these are ever asked for, and each is made when it first is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import jsonschema_rs
import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.checker import Checker, Definitions, pack
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.schemas import Direction, Translation
from portcullis.engine.openapi.stripping import Stripper

Undeclared = Literal["refuse", "allow"]
"""What a check does with fields that the document does not declare."""


class Variant(NamedTuple):
    """What checks are for. ``formats``: they are asserted."""

    undeclared: Undeclared = "refuse"
    direction: Direction = "request"
    formats: bool = True


class Translated(msgspec.Struct, frozen=True):
    """The schemas of a document, translated for one variant. ``names``: of definitions, by pointer of the schema."""

    names: dict[str, str]
    definitions: Definitions


class Checks:
    """The compiled checks of a document. Raises ``ValueError`` if a schema of ``translated`` is none.

    ``names``: what the ``checker`` calls the schema at a JSON pointer. ``strip(name, value)`` takes what is not
    declared out of ``value``, in place, and says whether it took anything. What is left may still not fit.
    """

    def __init__(self, translated: Translated) -> None:
        self.translated = translated
        self.names = translated.names
        self.checker = Checker(translated.definitions)
        self.strip = Stripper(self.checker).strip


def translate(graph: SchemaGraph, operations: Iterable[SpecOperation], variant: Variant) -> Translated:
    """All schemas that values of ``operations`` are checked against; what is wrong with them goes to its problems."""
    translation = Translation(
        graph, closed=variant.undeclared == "refuse", direction=variant.direction, formats=variant.formats
    )
    name_of = translation.position if variant.direction == "request" else translation.shared_position
    names = {
        pointer: name_of(pointer) for operation in operations for pointer in positions(operation, variant.direction)
    }
    translation.finish()
    return Translated(names, pack(translation.definitions, translation.sources))


def compile_checks(translated: Translated, problems: Problems) -> Checks | None:
    """The checks of ``translated``, or ``None`` if one of its schemas is none, which is noted in ``problems``."""
    try:
        return Checks(translated)
    except jsonschema_rs.ValidationError as error:
        _, name, *path = error.instance_path or ["", ""]
        source = translated.definitions.sources.get(str(name), "")
        reason = str(error).partition("\n")[0][:200]
        problems.error(pointers.join(source, *path), f"not a JSON Schema: {reason}")
        return None


class ChecksOfDocument:
    """All checks of one document, each made when it is first asked for.

    ``graph`` gives its schemas, for ``operations``; ``made`` are checks that are there already, ``translated`` is
    what others were translated to before.
    """

    def __init__(
        self,
        graph: Callable[[], SchemaGraph],
        operations: Iterable[SpecOperation],
        made: Mapping[Variant, Checks],
        translated: Mapping[Variant, Translated] | None = None,
    ) -> None:
        self._graph: Callable[[], SchemaGraph] | None = graph
        self._operations = tuple(operations)
        self._made = dict(made)
        self._translated = dict(translated or {})

    @property
    def translated(self) -> tuple[tuple[Variant, Translated], ...]:
        """What was translated so far, for which variants."""
        made = {variant: checks.translated for variant, checks in self._made.items()}
        return tuple({**self._translated, **made}.items())

    def graph(self) -> SchemaGraph:
        """The schemas of the document. There is a bug where they are asked for after :meth:`release`."""
        if self._graph is None:
            raise RuntimeError("the checks of a document are asked for before it is released")
        return self._graph()

    def get(self, variant: Variant, problems: Problems) -> Checks | None:
        """The checks for ``variant``, or ``None`` if a schema can't be checked, which is noted in ``problems``."""
        if variant not in self._made:
            translated = self._translated.pop(variant, None) or self._translate(variant, problems)
            checks = None if problems.has_errors else compile_checks(translated, problems)
            if checks is None:
                return None
            self._made[variant] = checks
        return self._made[variant]

    def release(self) -> None:
        """Let go of all that is only needed to make more."""
        self._graph = None
        self._operations = ()
        self._translated = {}

    def _translate(self, variant: Variant, problems: Problems) -> Translated:
        graph = self.graph()
        graph.report_to(problems)
        return translate(graph, self._operations, variant)


def positions(operation: SpecOperation, direction: Direction) -> Iterator[str]:
    """The pointers of the schemas that values are checked against which go in ``direction``."""
    if direction == "request":
        yield from (parameter.schema for parameter in operation.parameters if parameter.schema is not None)
        if operation.body is not None:
            yield from (schema for each in operation.body.content for schema in each.schemas)
    else:
        for response in operation.responses:
            for content in response.content:
                if content.schema is not None and content.holds_json:
                    yield content.schema
