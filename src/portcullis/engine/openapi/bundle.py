"""A document and the files that it refers to, put together to one tree.

References to other files are followed while they lead to files below the folder of the configuration file (or that of
the document): nothing is fetched over a network, and no document can make the gateway read what else is on the
machine. Each file is put whole into the tree, under ``/x-files/<n>``, and the references to it are rewritten, so that
from here on there are only references within one tree. Cycles between files are nothing special then.

Only what OpenAPI says about references counts: they are looked for where the version has them
(:mod:`portcullis.engine.openapi.anatomy`), and in other files only where a reference leads to.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi import reading
from portcullis.engine.openapi.anatomy import REFERENCE, Anatomy, Kind, Trail, pointer_of
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import UnfollowedError, normal_path, path_of
from portcullis.engine.openapi.sources import Sources

MAX_FILES: Final = 500
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of all files of one document."""

ASIDE: Final = frozenset(("callback", "link"))
"""Kinds that say nothing about requests to the service or its answers."""
_FILE_NAMES: Final = (".json", ".yaml", ".yml")

ReadFile = Callable[[str], bytes]
"""Gives the content of a file by its path, relative to the configuration file. Raises ``OSError``."""


class Reached(msgspec.Struct, frozen=True):
    """What references lead to, and where schemas begin.

    ``targets``: kind and pointer of what references lead to where no object of that kind is expected to stand, so
    that whoever checks the shape of the tree has to look there as well; ``schemas``: how to come to the schemas that
    stand in objects of other kinds (all others are below them).
    """

    targets: tuple[tuple[Kind, str], ...]
    schemas: tuple[Trail, ...]


class Bundle(msgspec.Struct, frozen=True):
    """One tree of all files.

    ``enforced``: what is reached by what is enforced; ``aside``: what only callbacks, webhooks and links reach;
    ``links``: every reference that counts, as the way to the object that holds it and the pointer it leads to.
    ``files_key``: the key of the tree under which the other files stand.
    """

    root: dict[str, Any]
    enforced: Reached
    aside: Reached
    links: tuple[tuple[Trail, str], ...]
    files_key: str


def bundle(root: dict[str, Any], sources: Sources, anatomy: Anatomy, problems: Problems, read: ReadFile) -> Bundle:
    """The tree of ``root``, which ``sources`` begin with, and of all files that it refers to, which ``read`` gives.

    References that lead nowhere, or where they may not lead, are noted in ``problems``; the files that were read are
    added to ``sources``. Raises :class:`ConfigurationError` for files that are not JSON or YAML.
    """
    return _Bundler(root, sources, anatomy, problems, read).run()


class _File(msgspec.Struct, frozen=True, eq=False):
    """A file of the bundle: its path, the prefix of its pointers in the tree, what it holds."""

    path: str
    prefix: str
    value: Any


class _Found(msgspec.Struct, frozen=True, eq=False):
    """A reference: the object that holds it under ``key``, what kind of object it stands for, and where."""

    holder: dict[str, Any]
    key: str
    kind: Kind
    trail: Trail
    file: _File


class _Target(msgspec.Struct, frozen=True, eq=False):
    """What a reference leads to, or the ``fault`` for which it leads nowhere."""

    pointer: str = ""
    value: Any = None
    file: _File | None = None
    fault: str = ""
    hint: str = ""


class _Bundler:
    def __init__(
        self, root: dict[str, Any], sources: Sources, anatomy: Anatomy, problems: Problems, read: ReadFile
    ) -> None:
        self._root = root
        self._sources = sources
        self._anatomy = anatomy
        self._problems = problems
        self._read = read
        self._main = _File(normal_path(sources.name), "", root)
        self._files: dict[str, _File] = {self._main.path: self._main}
        self._key = next(key for key in _keys("x-files") if key not in root)
        self._bytes_left = MAX_BYTES
        self._nodes_left = reading.MAX_NODES
        self._aside: list[tuple[Any, Kind, Trail, _File]] = []
        self._is_aside = False
        self._schemas: list[Trail] = []
        self._seen: set[tuple[int, Kind]] = set()
        self._rewritten: set[tuple[int, str]] = set()
        self._resolved: dict[tuple[str, str], _Target] = {}
        self._unreadable: list[Diagnostic] = []

    def run(self) -> Bundle:
        found: list[tuple[_Found, _Target]] = []
        enforced = self._reach([(self._root, "document", ("",), self._main)], found)
        links = tuple((each.trail, target.pointer) for each, target in found)
        self._note_circles(found, self._problems.error)
        self._is_aside = True
        aside = self._reach(self._aside, found)
        _copy_media_types(found)
        self._note_circles(found, self._problems.warning)
        if self._unreadable:
            raise ConfigurationError(self._unreadable)
        return Bundle(self._root, enforced, aside, links, self._key)

    def _reach(
        self, begin: Iterable[tuple[Any, Kind, Trail, _File]], followed: list[tuple[_Found, _Target]]
    ) -> Reached:
        """Follow all references at and below ``begin``, and those at and below what they lead to, and so on."""
        targets: list[tuple[Kind, str]] = []
        self._schemas = []
        pending = [found for each in begin for found in self._references(*each)]
        while pending:
            found = pending.pop()
            target = self._resolve(found)
            if target.file is None:
                continue
            followed.append((found, target))
            if (id(target.value), found.kind) not in self._seen:
                targets.append((found.kind, target.pointer))
                if found.kind == "schema":
                    self._schemas.append((target.pointer,))
                pending += self._references(target.value, found.kind, (target.pointer,), target.file)
        return Reached(tuple(targets), tuple(self._schemas))

    def _references(self, value: Any, kind: Kind, trail: Trail, file: _File) -> Iterator[_Found]:
        """The references at and below ``value``, which is of ``kind``; notes what was seen on the way."""
        pending = [(value, kind, trail)]
        seen, children, siblings = self._seen, self._anatomy.children, self._anatomy.siblings
        while pending:
            value, kind, trail = pending.pop()
            # Aliases of YAML can stand for the same object many times.
            if type(value) is not dict or (key := (id(value), kind)) in seen:
                continue
            seen.add(key)
            if isinstance(value.get(REFERENCE), str):
                yield _Found(value, REFERENCE, kind, trail, file)
                if kind not in siblings:
                    continue
            if kind == "schema" and isinstance(value.get("discriminator"), dict):
                yield from self._mapped(value["discriminator"], trail, file)
            for child in children(kind, value, trail):
                if not self._is_aside and (child[1] in ASIDE or child[2][0] == ((("",), "webhooks"))):
                    self._aside.append((*child, file))
                    continue
                pending.append(child)
                if child[1] == "schema" and kind != "schema":
                    self._schemas.append(child[2])

    def _mapped(self, discriminator: dict[str, Any], trail: Trail, file: _File) -> Iterator[_Found]:
        """What a discriminator maps values to, where that is not just the name of a schema."""
        mapping: Any = discriminator.get("mapping")
        below = ((trail, "discriminator"), "mapping")
        for name, meant in mapping.items() if isinstance(mapping, dict) else ():
            if isinstance(meant, str) and ("#" in meant or "/" in meant or meant.endswith(_FILE_NAMES)):
                yield _Found(mapping, name, "schema", below, file)

    def _resolve(self, found: _Found) -> _Target:
        """Where a reference leads to. It is rewritten to lead there from anywhere in the tree."""
        reference: str = found.holder[found.key]
        where = (id(found.holder), found.key)
        file = self._main if where in self._rewritten else found.file
        target = self._resolved.get((file.prefix, reference))
        if target is None:
            target = self._resolved[file.prefix, reference] = self._find(reference, file)
        if target.file is None:
            place = pointers.join(pointer_of(found.trail), found.key)
            if not self._is_aside and (found.key == REFERENCE or not reference.startswith("#")):
                # Nobody knows which operations a path item would have had.
                self._problems.error(place, target.fault, target.hint, whole=found.kind == "path item")
            else:
                self._problems.warning(place, target.fault, target.hint)
        elif file.prefix or not reference.startswith("#"):
            self._rewritten.add(where)
            found.holder[found.key] = pointers.to_reference(target.pointer)
        return target

    def _find(self, reference: str, file: _File) -> _Target:
        where, _, fragment = reference.partition("#")
        try:
            inside = pointers.of_reference(f"#{fragment}")
            if where:
                file = self._file(path_of(where, file.path, self._main.path), file)
            return _Target(file.prefix + inside, pointers.look_up(file.value, inside), file)
        except UnfollowedError as error:
            return _Target(fault=f"{reference[:100]}: {error}", hint=error.hint)
        except ValueError as error:
            return _Target(fault=f"{reference[:100]}: {error}")
        except LookupError:
            return _Target(fault=f"{reference[:100]} leads nowhere")

    def _file(self, path: str, referrer: _File) -> _File:
        """The file at ``path``, read if it was not yet. Raises :class:`UnfollowedError`."""
        if path in self._files:
            return self._files[path]
        if len(self._files) > MAX_FILES:
            raise UnfollowedError(f"the document refers to more than {MAX_FILES} files", "")
        try:
            data = self._read(path)
        except OSError as error:
            hint = f"the path is relative to {referrer.path}"
            if error.errno == errno.EXDEV:
                hint = "put the file itself there: who writes a document may not have other files read"
            raise UnfollowedError(f"{path} can't be read: {error.strerror or error}", hint) from None
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise UnfollowedError(f"the files it refers to have more than {MAX_BYTES // 2**20} MiB", "")
        prefix = f"/{self._key}/{len(self._files)}"
        self._sources.add(prefix, path, data)
        self._files[path] = _File(path, prefix, self._parsed(path, data))
        self._root.setdefault(self._key, {})[str(len(self._files) - 1)] = self._files[path].value
        return self._files[path]

    def _parsed(self, path: str, data: bytes) -> Any:
        try:
            value, nodes = reading.read_counted(data, self._nodes_left)
        except reading.UnreadableError as error:
            self._unreadable.append(Diagnostic(path, error.line, error.column, "", error.message, error.hint))
            return {}
        self._nodes_left -= nodes
        return value

    def _note_circles(self, every: list[tuple[_Found, _Target]], note: Callable[[str, str], None]) -> None:
        """Note references that lead on to references, and at last to themselves: they never say anything."""
        next_of = {id(found.holder): target.value for found, target in every if found.key == REFERENCE}
        fine: set[int] = set()
        for found, _ in every:
            chain: set[int] = set()
            value: Any = found.holder
            while id(value) in next_of and id(value) not in fine:
                if id(value) in chain:
                    place = f"{pointer_of(found.trail)}/{REFERENCE}"
                    note(place, f"{found.holder[REFERENCE][:100]} leads back to itself")
                    break
                chain.add(id(value))
                value = next_of[id(value)]
            else:
                fine |= chain


def _copy_media_types(every: list[tuple[_Found, _Target]]) -> None:
    """Put media types where they are referred to, which only OpenAPI 3.2 lets them be: nobody need know of that."""
    references = {id(found.holder): (found.holder, target) for found, target in every if found.kind == "media type"}
    for holder, target in references.values():
        value, seen = target.value, {id(holder)}
        while id(value) in references and id(value) not in seen:
            seen.add(id(value))
            value = references[id(value)][1].value
        if isinstance(value, dict) and id(value) not in seen:
            holder.clear()
            holder.update(value)


def _keys(key: str) -> Iterator[str]:
    """``key``, and others like it, should a document have it already."""
    yield key
    for number in range(2, 1_000_000):
        yield f"{key}-{number}"
