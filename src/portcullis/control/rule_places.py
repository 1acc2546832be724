"""What a verdict went by, and where that is written: a setting of the configuration file, or a part of a document."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from portcullis.engine.codes import BODY_TOO_LARGE
from portcullis.engine.config import tree
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.facts import Verdict
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.positions import locate
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.ports import SourceFiles

Place: TypeAlias = tuple[str, str]
"""A rule, as a path of keys in the file (``apis.shop.limit``) or a JSON pointer into a document
(``#/paths/~1orders``), and its ``file:line``; two empty strings where there is none."""

_NOWHERE: Final[Place] = ("", "")


class RulePlaces:
    """Finds the rules behind verdicts. ``loaded`` was read from ``file``, ``files`` are those it names.

    Files are named as they can be opened from where ``file`` can.
    """

    def __init__(self, loaded: LoadedConfiguration, file: Path, files: SourceFiles) -> None:
        self._loaded = loaded
        self._file = file
        self._files = files

    def rule(self, verdict: Verdict, operation: Operation) -> Place:
        """What the finding of ``verdict`` names, or else the setting of ``operation`` that is in force."""
        source = verdict.finding.source if verdict.finding is not None else ""
        path = tree.parse_keys(self._loaded.root, pointers.split(source.removeprefix("#")))
        # A setting, or an entry of one, and not just an operation that has it.
        if source and (not source.startswith("#") or path not in _layers(operation)):
            return self.said_at(source)
        # A cap on bodies that is said somewhere says where itself.
        is_nowhere = operation is UNROUTED or verdict.code == BODY_TOO_LARGE.name
        return _NOWHERE if is_nowhere else self._setting(verdict, operation)

    def said_at(self, source: str) -> Place:
        """What the ``source`` of a finding names."""
        file, mark, pointer = source.partition("#")
        if file:
            return self._in_document(file, pointer)
        return self._in_file(tree.parse_keys(self._loaded.root, pointers.split(pointer))) if mark else _NOWHERE

    def declared(self, operation: Operation) -> Place:
        """Where the document declares ``operation``."""
        method, _, path = operation.name.partition(" ")
        spec = self._loaded.configuration.apis[operation.api].versions[operation.version].spec
        return self._in_document(spec, pointers.join("/paths", path, method.lower()))

    def _setting(self, verdict: Verdict, operation: Operation) -> Place:
        """The narrowest setting that a policy goes by; one that is on by itself goes by the document."""
        key = _key_of(verdict)
        for layer in _layers(operation):
            if tree.find(self._loaded.root, (*layer, key)) is not None:
                return self._in_file((*layer, key))
        return self.declared(operation)

    def _in_file(self, path: Sequence[str | int]) -> Place:
        source = self._loaded.sources.of(path)
        file = self._file if source == self._loaded.file else os.path.normpath(self._file.parent / source)
        return tree.pointer(path), f"{file}:{self._loaded.locate(path)[0]}"

    def _in_document(self, source: str, pointer: str) -> Place:
        name = os.path.normpath(self._file.parent / source)
        try:
            data = self._files.read(source)
        except OSError:  # it was there when it was compiled
            return f"#{pointer}", name
        return f"#{pointer}", f"{name}:{locate(data, [pointer])[pointer][0]}"


def _key_of(verdict: Verdict) -> str:
    """The key in the file behind a verdict: its phase, but for one."""
    return "public" if verdict.policy == "authenticate.public" else verdict.policy.partition(".")[0]


def _layers(operation: Operation) -> Iterator[tree.Path]:
    """Where settings of an operation may stand in the file, the narrowest first."""
    api = ("apis", operation.api)
    version = (*api, "versions", operation.version)
    yield (*version, "operations", operation.name)
    yield (*api, "operations", operation.name)
    yield version
    yield api
