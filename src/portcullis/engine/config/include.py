"""Files that the configuration file includes, put together with it into one tree.

What an included file declares (APIs, and the identities, plans and roles that go with them) stands beside what the
configuration file declares itself: names are global, and one that is given twice is an error. Where everything stands
is remembered (:class:`~portcullis.engine.config.sources.Sources`), so that what is checked later, on the whole, is
still told of the right file. Paths in an included file are relative to it; they are rewritten here, once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final, Literal, NoReturn

import msgspec

from portcullis.engine.config import reader, tree, wording
from portcullis.engine.config import shape as shapes
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.model import INCLUDED_SECTIONS, Configuration
from portcullis.engine.config.names import check_include, has_wildcard
from portcullis.engine.config.shape import Fields, Scalar, Shape
from portcullis.engine.config.sources import Sources
from portcullis.engine.config.tree import Entry, Mapping, Node, Path, pointer
from portcullis.engine.decision import shorten
from portcullis.engine.ports import SourceFiles

MAX_FILES: Final = 10_000
MAX_NODES: Final = 2_000_000
"""Mappings, lists and values of all files together."""
_INCLUDE: Final = "include"


class Inclusion(msgspec.Struct, frozen=True):
    """The whole ``root``, where its parts are from, and what is wrong with the included files or worth a word."""

    root: Mapping
    sources: Sources
    findings: list[Diagnostic]


def include(main: Mapping, file: str, files: SourceFiles | None) -> Inclusion:
    """Put what ``main``, the tree of ``file``, includes together with it. ``files`` reads: without it nothing can be.

    Raises :class:`ConfigurationError` where a file can't be read: without it the rest can't be judged.
    """
    entry = main.entries.get(_INCLUDE)
    if entry is None:
        return Inclusion(main, Sources(file), [])
    if files is None:
        _fail(file, entry.position, (_INCLUDE,), "other files can't be read here", "remove the key")
    return _Includer(main, file, files).run(entry.node)


def _fail(file: str, position: tree.Position, path: Path, message: str, hint: str) -> NoReturn:
    raise ConfigurationError([Diagnostic(file, *position, pointer(path), message, hint)])


class _Includer:
    def __init__(self, main: Mapping, file: str, files: SourceFiles) -> None:
        self.file = file
        self.files = files
        # Sections are copied before something is added: an alias may stand for the same mapping elsewhere.
        self.root = Mapping(main.position, dict(main.entries), main.size, main.height)
        self.copied: set[str] = set()
        self.places: dict[Path, str] = {}
        self.sources = Sources(file, self.places)
        self.findings: list[Diagnostic] = []
        self.unread: list[Diagnostic] = []

    def run(self, node: Node) -> Inclusion:
        """Read all that ``node``, what stands at ``include``, names."""
        named: dict[str, tuple[tree.Position, Path]] = {}
        for path, pattern in self._patterns(node):
            for file in self._matching(path, pattern):
                named.setdefault(file, (pattern.position, path))
        if len(named) > MAX_FILES:
            message = f"more than {MAX_FILES} files are included"
            _fail(self.file, node.position, (_INCLUDE,), message, "are these the right globs?")
        for file, (position, path) in named.items():
            self._include(file, position, path)
        if self.unread:
            raise ConfigurationError([*self.findings, *self.unread])
        return Inclusion(self.root, self.sources, self.findings)

    def _patterns(self, node: Node) -> Iterator[tuple[Path, tree.Scalar]]:
        """The globs, each with its place. A glob that is none is told by :meth:`_check`."""
        if isinstance(node, tree.Listing):
            items: list[tuple[Path, Node]] = [((_INCLUDE, index), item) for index, item in enumerate(node.items)]
        else:
            items = [((_INCLUDE,), node)]
        for path, item in items:
            if not isinstance(item, tree.Scalar) or not isinstance(item.value, str):
                message = f"expected a glob, found {wording.show(item)}"
                _fail(self.file, item.position, path, message, "such as apis/*.yaml, or a list of globs")
            try:
                check_include(item.value)
            except ValueError as error:
                _fail(self.file, item.position, path, f"{wording.show(item)} is not a glob", str(error))
            yield path, item

    def _matching(self, path: Path, pattern: tree.Scalar) -> list[str]:
        glob = pattern.text
        own = posixpath.basename(self.file)
        try:
            found = self.files.matching(glob)
        except FileNotFoundError:
            what, hint = f"there is no file {glob}", "paths are relative to this file"
            if has_wildcard(glob):
                what = f"there is no folder {_folder_of(glob)}"
            self._unreadable(pattern.position, path, what, hint)
            return []
        except OSError as error:
            message = f"{error.filename or glob} can't be included: {error.strerror or error}"
            self._unreadable(pattern.position, path, message, "only files below the folder of this one can be")
            return []
        if not has_wildcard(glob) and found == [own]:
            self._unreadable(pattern.position, path, "the file includes itself", "remove it")
        others = [file for file in found if file != own]
        if not others and not self.unread:
            message = f"no file matches {glob}"
            self._find(self.file, pattern.position, path, message, "nothing is included by it", "warning")
        return others

    def _include(self, file: str, position: tree.Position, path: Path) -> None:
        try:
            text = reader.decode(self.files.read(file), file)
            reading = reader.read(text, file, INCLUDED_SECTIONS[-1:])
        except OSError as error:
            self._unreadable(position, path, f"{file} can't be read: {error.strerror or error}", "")
            return
        except ConfigurationError as error:
            self.unread += error.diagnostics
            return
        self.findings += reading.problems
        self.root.size += reading.root.size
        if self.root.size > MAX_NODES:
            message = f"the files together have more than {MAX_NODES} values"
            _fail(self.file, position, path, message, "are these the right globs?")
        _rebase(reading.root, posixpath.dirname(file))
        for entry in reading.root.entries.values():
            self._add(file, entry)

    def _add(self, file: str, section: Entry) -> None:
        """Add what one section of ``file`` declares."""
        key, node = section.key, section.node
        if key not in INCLUDED_SECTIONS:
            self._find(file, section.position, (key,), *self._misplaced(key))
        elif not isinstance(node, Mapping):
            empty = isinstance(node, tree.Scalar) and node.value is None
            message = "has no value" if empty else f"expected a mapping by name, found {wording.show(node)}"
            self._find(file, section.position, (key,), message, "")
        elif (target := self._section(key, section, file)) is not None:
            for name, entry in node.entries.items():
                first = target.entries.setdefault(name, entry)
                if first is entry:
                    self.places[key, name] = file
                else:
                    line, column = first.position
                    hint = f"first at {self.sources.named(self.sources.of((key, name)))}:{line}:{column}: keep one"
                    self._find(file, entry.position, (key, name), f'"{shorten(name, 60)}" is given twice', hint)

    def _section(self, key: str, section: Entry, file: str) -> Mapping | None:
        """The section ``key`` of the whole; ``None`` where the configuration file has something else there."""
        entries = self.root.entries
        if key not in entries:
            entries[key] = Entry(key, section.position, Mapping(section.node.position))
            self.places[key,] = file
        elif key not in self.copied and isinstance(node := entries[key].node, Mapping):
            copy = Mapping(node.position, dict(node.entries), node.size, node.height)
            entries[key] = Entry(key, entries[key].position, copy)
        self.copied.add(key)
        found = entries[key].node
        return found if isinstance(found, Mapping) else None

    def _misplaced(self, key: str) -> tuple[str, str]:
        main = self.sources.named(self.file)
        if key == _INCLUDE:
            return "an included file can't include others", f"name them in {main}"
        if key in shapes.fields_of(Configuration):
            return f'"{key}" can\'t stand in an included file', f"it belongs into {main}"
        return f'unknown key "{shorten(key, 60)}"', wording.suggest(key, INCLUDED_SECTIONS)

    def _find(
        self,
        file: str,
        position: tree.Position,
        path: Path,
        message: str,
        hint: str,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        self.findings.append(Diagnostic(file, *position, pointer(path), message, hint, severity))

    def _unreadable(self, position: tree.Position, path: Path, message: str, hint: str) -> None:
        self.unread.append(Diagnostic(self.file, *position, pointer(path), message, hint))


def _folder_of(glob: str) -> str:
    """The part of ``glob`` before its first wildcard."""
    segments = glob.split("/")
    plain = next(index for index, segment in enumerate(segments) if has_wildcard(segment))
    return "/".join(segments[:plain])


def _rebase(root: Mapping, folder: str) -> None:
    """Make the paths in the tree of an included file, which is in ``folder``, relative to the configuration file."""
    if not folder:
        return
    done: set[tuple[int, str | int]] = set()  # what an alias repeats is there once
    waiting: list[tuple[Shape | None, Node]] = [(Fields(Configuration), root)]
    while waiting:
        shape, node = waiting.pop()
        for key, below in _children(node):
            inner = shapes.item_of(shape) if isinstance(node, tree.Listing) else shapes.step(shape, key)
            if not isinstance(below, tree.Scalar):
                waiting.append((inner, below))
            elif isinstance(below.value, str) and (id(node), key) not in done:
                done.add((id(node), key))
                _replace(node, key, below, _rebased(below.value, inner, folder))


def _rebased(value: str, shape: Shape | None, folder: str) -> str:
    for option in shapes.options(shape):
        if isinstance(option, Scalar) and option.relative:
            return posixpath.normpath(posixpath.join(folder, value)) if value else value
        if isinstance(option, Scalar) and option.secret and value.startswith("file:"):
            return f"file:{posixpath.normpath(posixpath.join(folder, value[5:]))}" if value[5:] else value
    return value


def _children(node: Node) -> list[tuple[str | int, Node]]:
    if isinstance(node, Mapping):
        return [(key, entry.node) for key, entry in node.entries.items()]
    return list(enumerate(node.items)) if isinstance(node, tree.Listing) else []


def _replace(parent: Node, key: str | int, scalar: tree.Scalar, value: str) -> None:
    """Put ``value`` in the place of ``scalar``, which goes on showing what the file says."""
    if value == scalar.value:
        return
    replaced = msgspec.structs.replace(scalar, value=value)
    if isinstance(parent, Mapping) and isinstance(key, str):
        parent.entries[key] = msgspec.structs.replace(parent.entries[key], node=replaced)
    elif isinstance(parent, tree.Listing) and isinstance(key, int):
        parent.items[key] = replaced
