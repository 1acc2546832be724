"""Which operations it concerns what is wrong with a document.

A document of a vendor has hundreds of operations, and an error in one of them is no reason to refuse the others. So
what is wrong with a part of the document counts against the operations that use the part: they can't be validated.
Parts are operations, components, and what references to other files lead to; one uses another by a reference.

Theory. Parts are nodes and references are edges of a graph. What is wrong with a part *taints* it and all from which
it can be reached. A part may be taken for larger than it is, since that taints more than it needs; never for smaller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import METHODS, pointer_of
from portcullis.engine.openapi.bundle import Bundle
from portcullis.engine.openapi.problems import Problem
from portcullis.engine.openapi.sources import Sources

_DOCUMENT: Final = ""
"""The part that stands for the document as a whole."""
_METHODS: Final = frozenset((*METHODS, "query"))
_COMPONENTS_20: Final = frozenset(("definitions", "parameters", "responses", "securityDefinitions"))


class Flaws:
    """Everything that is wrong with the tree of ``bundled``, by the part that it is wrong with."""

    def __init__(self, bundled: Bundle, sources: Sources) -> None:
        self._bundled = bundled
        self._sources = sources
        self._errors: dict[str, dict[Problem, None]] = {}
        self._users: dict[str, set[str]] | None = None
        self._tainted_by: dict[str, dict[str, None]] = {}
        self._blamed: set[str] = set()
        elsewhere = {target for _, target in bundled.links if self._place(target) == _DOCUMENT}
        self._targets = sorted(elsewhere, key=len, reverse=True)

    def add(self, errors: Iterable[Problem]) -> None:
        """Add ``errors``; warnings are left out."""
        for problem in errors:
            if problem.severity == "error":
                part = _DOCUMENT if problem.whole else self._part(problem.pointer)
                if part not in self._errors:
                    self._errors[part] = {}
                    self._taint(part)
                self._errors[part][problem] = None

    def of_document(self) -> list[Problem]:
        """Those for which the document can't be used at all."""
        return list(self._errors.get(_DOCUMENT, ()))

    def of(self, *used: str) -> list[Problem]:
        """Those that concern what uses what stands at these pointers."""
        parts = {part for pointer in used for part in self._tainted_by.get(self._part(pointer), ())}
        self._blamed |= parts
        return [problem for part in self._errors if part in parts for problem in self._errors[part]]

    def of_nobody(self) -> list[Problem]:
        """Those that :meth:`of` never gave: nothing that was asked for uses what is wrong."""
        return [
            problem
            for part, problems in self._errors.items()
            if part != _DOCUMENT and part not in self._blamed
            for problem in problems
        ]

    def malformed_schemas(self) -> list[str]:
        """Pointers of the schemas among the components in which something is wrong."""
        return [part for part in self._errors if part.startswith(("/components/schemas/", "/definitions/"))]

    def _taint(self, part: str) -> None:
        if self._users is None:
            self._users = self._find_users()
        pending = [part]
        while pending:
            here = pending.pop()
            if part not in self._tainted_by.setdefault(here, {}):
                self._tainted_by[here][part] = None
                pending.extend(self._users.get(here, ()))

    def _find_users(self) -> dict[str, set[str]]:
        users: dict[str, set[str]] = {}
        for trail, target in self._bundled.links:
            holder = pointer_of(trail)
            user, used = self._part(holder), self._part(target)
            users.setdefault(used, set()).add(user)
            if holder.startswith(f"{user}/allOf/"):  # who takes values of the base may get values of the heir
                users.setdefault(user, set()).add(used)
        for target in self._targets:  # what stands within another part is used by it
            around = self._part(target.rpartition("/")[0])
            if around != target:
                users.setdefault(target, set()).add(around)
        return users

    def _part(self, pointer: str) -> str:
        """The part that what stands at ``pointer`` belongs to."""
        pointer = self._sources.names.origin(pointer)
        place = self._place(pointer)
        if place != _DOCUMENT:
            return place
        within = f"{pointer}/"
        return next((target for target in self._targets if within.startswith(f"{target}/")), _DOCUMENT)

    def _place(self, pointer: str) -> str:
        """The part that stands where a document has parts, and around ``pointer``."""
        tokens = pointer.split("/", 5)
        match tokens[1:4]:
            case ["paths", _, key] if key in _METHODS:
                return "/".join(tokens[:4])
            case ["paths", _, "additionalOperations"]:
                return "/".join(tokens[:5])
            case ["paths", _, *_]:
                return "/".join(tokens[:3])
            case ["components", _, _]:
                return "/".join(tokens[:4])
            case [section, _, *_] if section in _COMPONENTS_20:
                return "/".join(tokens[:3])
        return _DOCUMENT


def without_malformed(root: Any, flaws: Flaws) -> None:
    """Empty the malformed schemas of the tree ``root``: no usable operation uses them, but all schemas are listed."""
    for pointer in flaws.malformed_schemas():
        around, _, _ = pointer.rpartition("/")
        pointers.look_up(root, around)[pointers.split(pointer)[-1]] = {}
