"""How commands print: diagnostics with the line they are about, tables, JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.reader import lines
from portcullis.engine.config.wording import quotable
from portcullis.stores.files import ConfigurationFiles

Source = Callable[[str], str | None]
"""The text of the file that a diagnostic names, for quoting; ``None`` if it can't be had."""

_LONGEST_QUOTE = 160
_SEVERITY_STYLES = {"error": "bold red", "warning": "bold yellow"}


class Format(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


def print_json(value: Any) -> None:
    """Print ``value`` (anything that msgspec encodes) as one indented JSON document on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.flush()


def lines_on(console: Console) -> Callable[..., None]:
    """What prints one line, of parts that are texts or have a style each, however long it gets."""

    def line(*parts: str | tuple[str, str]) -> None:
        text = Text.assemble(*parts)
        text.rstrip()
        console.print(text, soft_wrap=True)

    return line


def text_beside(directory: Path) -> Source:
    """Reads files relative to ``directory``."""
    files = ConfigurationFiles(directory / "any")

    def read(file: str) -> str | None:
        try:
            return files.read(file).decode("utf-8", "replace").removeprefix("\ufeff")
        except OSError:
            return None

    return read


def print_diagnostics(console: Console, diagnostics: Iterable[Diagnostic], source: Source | None = None) -> None:
    """Print each diagnostic: place, message, the line with a caret below the column, and the hint.

    ``source`` gives the files' texts; by default their paths are taken as relative to the working directory.
    """
    read = source or text_beside(Path())
    texts: dict[str, list[str]] = {}
    for diagnostic in diagnostics:
        if diagnostic.file not in texts:
            texts[diagnostic.file] = lines(read(diagnostic.file) or "")
        for line in _render(diagnostic, texts[diagnostic.file]):
            console.print(line, soft_wrap=True)


def _render(diagnostic: Diagnostic, text: list[str]) -> list[Text]:
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}" if diagnostic.line else diagnostic.file
    style = _SEVERITY_STYLES[diagnostic.severity]
    head = Text.assemble((f"{place}: ", "bold"), (f"{diagnostic.severity}: ", style))
    head.append(f"{diagnostic.pointer}: " if diagnostic.pointer else "", "cyan")
    rendered = [head.append(_clean(diagnostic.message))]
    if 0 < diagnostic.line <= len(text) and not diagnostic.private:
        rendered.extend(_excerpt(quotable(text[diagnostic.line - 1]), diagnostic.line, diagnostic.column, style))
    if diagnostic.hint:
        rendered.append(Text.assemble(("  help: ", "green"), _clean(diagnostic.hint)))
    rendered.append(Text())
    return rendered


def _excerpt(line: str, number: int, column: int, style: str) -> list[Text]:
    caret = column - 1
    start = max(0, caret - _LONGEST_QUOTE // 2) if len(line) > _LONGEST_QUOTE else 0
    quoted = _clean(line[start : start + _LONGEST_QUOTE])
    gutter = f"  {number:>5} | "
    below = " " * (len(gutter) - 2) + "| " + " " * min(caret - start, len(quoted)) + "^"
    return [Text.assemble((gutter, "dim"), quoted), Text(below, style)]


def _clean(text: str) -> str:
    """``text`` without anything that moves a terminal's cursor or changes its state."""
    return "".join(character if character.isprintable() else " " for character in text)


class ProgressBar:
    """How many documents are compiled, drawn on ``console`` while that lasts. Needs no thread: who forks has none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def show(self, document: str, done: int, total: int) -> None:
        """``document`` is being compiled, the ``done``th of ``total``."""
        if self._progress is None:
            columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._progress = Progress("compiling", *columns, console=self._console, auto_refresh=False, transient=True)
            self._task = self._progress.add_task("", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, description=escape(document))
        self._progress.refresh()

    def close(self) -> None:
        """It is over."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
