"""What is wrong in a document, collected by JSON pointer; positions are looked up once, at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi.positions import locate

MAX_PROBLEMS: Final = 200
"""No one reads more at a time; a broken generator can make thousands."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong at ``pointer``; ``hint`` says what would be right."""

    pointer: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"


class Problems:
    """Collects problems. Each is noted once, however many ways lead to it."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def error(self, pointer: str, message: str, hint: str = "") -> None:
        """Note something that makes the document unusable."""
        if len(self._found) < MAX_PROBLEMS:
            self._found[Problem(pointer, message, hint)] = None

    def warning(self, pointer: str, message: str, hint: str = "") -> None:
        """Note something that the author should know."""
        if len(self._found) < MAX_PROBLEMS:
            self._found[Problem(pointer, message, hint, "warning")] = None

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    @property
    def has_errors(self) -> bool:
        """Whether the document is unusable."""
        return any(problem.severity == "error" for problem in self._found)


def diagnostics(source: str, data: bytes, problems: Iterable[Problem]) -> list[Diagnostic]:
    """``problems`` of the document ``data``, which the configuration file calls ``source``, with their positions."""
    problems = list(problems)
    positions = locate(data, {problem.pointer for problem in problems}) if problems else {}
    return [
        Diagnostic(
            source, *positions[problem.pointer], f"#{problem.pointer}", problem.message, problem.hint, problem.severity
        )
        for problem in problems
    ]
