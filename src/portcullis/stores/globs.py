"""Files below a folder by a glob.

Not :mod:`glob`: folders are walked in a bounded number of steps, ``**`` does not follow links, and a file that a link
leads out of the folder is an error rather than a match, so that a folder says all that is read.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 100_000
"""How many entries of folders are looked at for one glob."""


def matching(folder: Path, glob: str) -> list[str]:
    """The regular files below ``folder`` that ``glob`` matches, as paths relative to it, sorted.

    ``*``, ``?`` and ``[...]`` stand for text within one segment, ``**`` for any number of folders; hidden files and
    folders are matched only by a segment that begins with a dot itself. Raises ``FileNotFoundError`` where what stands
    before the first wildcard is not there, and ``OSError`` with a ``filename`` where a match can't be had.
    """
    segments = glob.split("/")
    plain = next((index for index, segment in enumerate(segments) if _is_pattern(segment)), len(segments))
    start = folder.joinpath(*segments[:plain])
    start.stat()
    found = sorted(dict.fromkeys(_Walk(folder).below(start, segments[plain:])))
    root = folder.resolve()
    for path in found:
        _check(folder, root, path)
    return found


class _Walk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked_at = 0

    def below(self, path: Path, segments: Sequence[str]) -> Iterator[str]:
        """What matches ``segments`` below ``path``, which is there."""
        if not segments:
            yield str(path.relative_to(self._folder))
            return
        segment, rest = segments[0], segments[1:]
        if segment == "**":
            yield from self.below(path, rest)
        elif not _is_pattern(segment):
            if (path / segment).exists():
                yield from self.below(path / segment, rest)
            return
        for entry in self._entries(path):
            if segment == "**":
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    yield from self.below(path / entry.name, segments)
            elif _matches(entry.name, segment) and (entry.is_dir() if rest else not entry.is_dir()):
                yield from self.below(path / entry.name, rest)

    def _entries(self, path: Path) -> Iterator[os.DirEntry[str]]:
        if not path.is_dir():
            return
        with os.scandir(path) as entries:
            for entry in entries:
                self._looked_at += 1
                if self._looked_at > MAX_ENTRIES:
                    raise OSError(errno.EMFILE, f"more than {MAX_ENTRIES} files are in the way")
                yield entry


def _is_pattern(segment: str) -> bool:
    return any(mark in segment for mark in "*?[")


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def _check(folder: Path, root: Path, path: str) -> None:
    """Raise ``OSError`` unless ``path`` is a regular file below ``root``, the folder without links."""
    found = folder / path
    if not found.is_file():
        raise OSError(errno.EINVAL, "not a regular file", path)
    if not found.resolve().is_relative_to(root):
        raise OSError(errno.EXDEV, "a link leads it out of the folder", path)
