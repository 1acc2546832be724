"""Diagnostics: what is wrong in a file, where, and what would be right. Made for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec


class Diagnostic(msgspec.Struct, frozen=True, order=True):
    """One finding in the configuration file or in a document it names.

    ``file`` is the path as the user wrote it; ``line`` and ``column`` start at 1 (0: the file as a whole);
    ``pointer`` is the place as a path of keys (``apis.shop.limit.plan``) or, in a document, a JSON pointer;
    ``hint`` says what would be right; a ``private`` one is about text that may be a secret: its line is not quoted.
    """

    file: str
    line: int
    column: int
    pointer: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    private: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        hint = f" ({self.hint})" if self.hint else ""
        subject = f"{self.pointer}: " if self.pointer else ""
        return f"{place}: {self.severity}: {subject}{self.message}{hint}"


class TextDiagnostic(Diagnostic, frozen=True, order=True):
    """One that is yet to be placed, at the character ``offset`` of the text that stands at its pointer."""

    offset: int = 0


class ConfigurationError(Exception):
    """The configuration can't be used. ``diagnostics`` holds every error found in one run, sorted."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = sorted(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))
