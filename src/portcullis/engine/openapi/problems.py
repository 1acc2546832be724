"""What is wrong in a document, collected by JSON pointer; positions are looked up once, at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

MAX_PROBLEMS: Final = 200
"""No one reads more at a time; a broken generator can make thousands."""
MAX_ERRORS: Final = 2_000
"""How many errors are kept, since each of them may concern other operations."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong at ``pointer``; ``hint`` says what would be right.

    ``whole``: an error for which the whole document can't be used, whatever part of it this stands in.
    """

    pointer: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    whole: bool = False


class Problems:
    """Collects problems. Each is noted once, however many ways lead to it."""

    def __init__(self) -> None:
        self._errors: dict[Problem, None] = {}
        self._warnings: dict[Problem, None] = {}

    def error(self, pointer: str, message: str, hint: str = "", *, whole: bool = False) -> None:
        """Note something that makes what uses this part of the document (or the ``whole``) unusable."""
        if len(self._errors) < MAX_ERRORS:
            self._errors[Problem(pointer, message, hint, whole=whole)] = None
        else:
            self._errors[Problem("", f"more than {MAX_ERRORS:,} things are wrong", whole=True)] = None

    def warning(self, pointer: str, message: str, hint: str = "") -> None:
        """Note something that the author should know."""
        if len(self._warnings) < MAX_PROBLEMS:
            self._warnings[Problem(pointer, message, hint, "warning")] = None

    def add(self, problems: Iterable[Problem]) -> None:
        """Note all of ``problems``."""
        for problem in problems:
            if problem.severity == "warning":
                self.warning(problem.pointer, problem.message, problem.hint)
            else:
                self.error(problem.pointer, problem.message, problem.hint, whole=problem.whole)

    def __iter__(self) -> Iterator[Problem]:
        yield from self._errors
        yield from self._warnings

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong that makes something unusable."""
        return bool(self._errors)
