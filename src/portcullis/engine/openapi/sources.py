"""The files that a document consists of, and where in them its parts stand.

A document and the files it refers to are one tree (:mod:`portcullis.engine.openapi.bundle`), and every part of it has
one JSON pointer. People want the file that they wrote, so what is told to them comes through here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi import positions
from portcullis.engine.openapi.problems import Problem

MAX_POINTER: Final = 500
"""Characters of a pointer that are shown: names in a document may be of any length."""
SYNTHESISED: Final = "x-synthesised"
"""The key of the tree under which stands what is in no file, but was put together from parts of one."""


class Place(NamedTuple):
    """Where a part of a document stands: in which file (as the configuration file would call it), under which JSON
    pointer of that file, in which line and column (from 1).
    """

    file: str
    pointer: str
    line: int
    column: int


class SourceState(msgspec.Struct, frozen=True):
    """Sources as plain data: for each file the prefix of its pointers, its name and its content (compressed);
    digests by name; and where what was put together comes from.
    """

    files: tuple[tuple[str, str, bytes], ...]
    digests: dict[str, str]
    origins: dict[str, str]


class Names:
    """The names of the files of one document: small enough to be kept for whoever explains something."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []  # prefix of its pointers, name; the first stands for all others
        self.origins: dict[str, str] = {}

    def origin(self, pointer: str) -> str:
        """Where in the tree stands what ``pointer`` was put together from, if it was."""
        if pointer.startswith(f"/{SYNTHESISED}/"):
            return self.origins.get("/".join(pointer.split("/", 3)[:3]), "")
        return pointer

    def find(self, pointer: str) -> tuple[str, str, str]:
        """The file that ``pointer`` leads into, the prefix of its pointers, and the pointer within that file."""
        pointer = self.origin(pointer)
        within = f"{pointer}/"
        prefix, name = next((each for each in self.files[1:] if within.startswith(f"{each[0]}/")), self.files[0])
        return name, prefix, pointer[len(prefix) :]

    def reference(self, pointer: str) -> str:
        """The part of the document that ``pointer`` names, by its file: ``"specs/shop.yaml#/paths/~1orders"``."""
        name, _, within = self.find(pointer)
        return f"{name}#{within}"


class Sources:
    """The files of one document. ``name`` and ``data`` are those of the file that it begins with."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.names = Names()
        self._contents: dict[str, bytes] = {}  # by prefix, compressed
        self._digests: dict[str, str] = {}
        self.add("", name, data)

    def add(self, prefix: str, name: str, data: bytes) -> None:
        """A file whose parts have pointers that begin with ``prefix``."""
        self.names.files.append((prefix, name))
        self._contents[prefix] = zlib.compress(data, 3)  # kept for explanations only
        self._digests[name] = hashlib.sha256(data).hexdigest()

    def synthesise(self, origin: str) -> str:
        """A new pointer for something that is put together from what stands at the pointer ``origin``."""
        pointer = f"/{SYNTHESISED}/{len(self.names.origins)}"
        self.names.origins[pointer] = origin
        return pointer

    @property
    def state(self) -> SourceState:
        """What :meth:`restored` needs."""
        files = tuple((prefix, name, self._contents[prefix]) for prefix, name in self.names.files)
        return SourceState(files, self._digests, self.names.origins)

    @classmethod
    def restored(cls, state: SourceState) -> Sources:
        """The sources that had this ``state``."""
        sources = cls(state.files[0][1], b"")
        sources.become(state)
        return sources

    def become(self, state: SourceState) -> None:
        """Take over another ``state``."""
        self.names.files = [(prefix, name) for prefix, name, _ in state.files]
        self.names.origins = dict(state.origins)
        self._contents = {prefix: content for prefix, _, content in state.files}
        self._digests = dict(state.digests)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file, by its name."""
        return dict(self._digests)

    @property
    def digest(self) -> str:
        """SHA-256 of the file if there is one, or else of the names and digests of all."""
        if len(self._digests) == 1:
            return self._digests[self.name]
        listed = "".join(f"{digest}  {name}\n" for name, digest in self._digests.items())
        return hashlib.sha256(listed.encode()).hexdigest()

    def locate(self, pointers: Iterable[str]) -> dict[str, Place]:
        """Where each of ``pointers`` stands, or what is nearest to it. Slow: the files are read again."""
        wanted: dict[tuple[str, str], dict[str, str]] = {}
        for pointer in pointers:
            name, prefix, within = self.names.find(pointer)
            wanted.setdefault((name, prefix), {})[pointer] = within
        found: dict[str, Place] = {}
        for (name, prefix), own in wanted.items():
            marks = positions.locate(zlib.decompress(self._contents[prefix]), own.values())
            found |= {pointer: Place(name, within, *marks[within]) for pointer, within in own.items()}
        return found

    def diagnostics(self, problems: Iterable[Problem]) -> list[Diagnostic]:
        """``problems`` with their places, in the same order."""
        problems = list(problems)
        places = self.locate({problem.pointer for problem in problems})
        return [_diagnostic(problem, places[problem.pointer]) for problem in problems]


def _diagnostic(problem: Problem, place: Place) -> Diagnostic:
    pointer = f"#{place.pointer}" if len(place.pointer) < MAX_POINTER else f"#{place.pointer[:MAX_POINTER]}…"
    return Diagnostic(place.file, place.line, place.column, pointer, problem.message, problem.hint, problem.severity)
