"""The schemas of a document by JSON pointer, each read as JSON Schema 2020-12 on its own level."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.dialects import (
    ASSERTIONS,
    IN_PLACE,
    IN_PLACE_LISTS,
    NEVER,
    NULLABLE,
    View,
    dialect_of,
    has_schema_shape,
)
from portcullis.engine.openapi.patterns import Patterns, matcher
from portcullis.engine.openapi.problems import Problems

__all__ = ["ASSERTIONS", "IN_PLACE", "IN_PLACE_LISTS", "NEVER", "NULLABLE", "Discriminator", "SchemaGraph", "View"]

Access = Literal["readOnly", "writeOnly"]

_REBASING: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_FILE: Final = re.compile(r"(/x-files(?:-[0-9]+)?/[0-9]+)?")
_LIBRARIES: Final = ("/components/schemas", "/definitions")
_NAMED: Final = re.compile(r"(?:/components/schemas|/definitions)/([^/]+)")
# Further than this no document refers from schema to schema for one value; hostile ones may.
_MAX_DEPTH: Final = 40
_MAX_TOKENS: Final = 200


class Discriminator(msgspec.Struct, frozen=True):
    """The ``property`` whose value tells which schema an object is of.

    ``mapping``: the pointer of the schema by value, where the document says it; every schema that has a name in the
    document can also be told by that.
    """

    property: str
    mapping: dict[str, str]


class SchemaGraph:
    """The schemas of ``root``, a document of ``version`` whose shape and references are in order."""

    def __init__(self, root: dict[str, Any], version: str, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self._dialect = dialect_of(version)
        self._views: dict[str, View] = {}
        self._flawed: set[str] = set()
        self._values: dict[str, Any] = {"": root}
        self._marks: dict[tuple[str, Access], bool] = {}
        self._heirs: dict[str, list[str]] | None = None
        self._patterns = Patterns()

    def view(self, pointer: str) -> View:
        """The schema at ``pointer``."""
        view = self._views.get(pointer)
        if view is None:
            view = self._views[pointer] = self._read(self.value(pointer), pointer)
        return view

    def may_match(self, pattern: str, text: str) -> bool:
        """Whether ``pattern``, one of the document, is found in ``text``; one that can't be used may be in any."""
        return self._patterns.fault(pattern) is not None or matcher(pattern)(text)

    def report_to(self, problems: Problems) -> None:
        """From now on note what is wrong in ``problems``, also what was noted before."""
        self.problems = problems
        for pointer in self._flawed:
            self._views.pop(pointer, None)

    def value(self, pointer: str) -> Any:
        """What stands in the document at ``pointer``. Raises ``LookupError`` if there is nothing."""
        found = self._values.get(pointer, self)
        if found is self:
            parent, _, token = pointer.rpartition("/")
            if pointer.count("/") > _MAX_TOKENS:
                return pointers.look_up(self.root, pointer)
            around = self.value(parent)
            if around.__class__ is dict and "~" not in token:
                found = around[token]
            else:
                found = pointers.look_up(around, f"/{token}")
            self._values[pointer] = found
        return found

    def target(self, pointer: str) -> str:
        """The pointer of the schema that the one at ``pointer`` refers to."""
        return pointers.of_reference(self.view(pointer)["$ref"])

    def ways(self, pointer: str) -> list[str]:
        """The schema at ``pointer`` and those that it only refers to, one after the other; the last says something."""
        found = [pointer]
        while len(found) < _MAX_DEPTH:
            raw = self._find(found[-1])
            target = self._referred(raw)
            if target is None or self._dialect.read(raw).keys() != {"$ref"}:
                break
            found.append(target)
        return found

    def meant(self, pointer: str) -> str:
        """The last of :meth:`ways`: what the schema at ``pointer`` refers to, or itself if it says something."""
        return self.ways(pointer)[-1]

    def raw(self, pointer: str, keyword: str) -> Any:
        """What the document says under ``keyword`` of the schema at ``pointer``, also if that is no assertion.

        ``None`` where it is not there, or does not count since it stands beside ``$ref``.
        """
        raw = self.value(pointer)
        if not isinstance(raw, dict) or ("$ref" in raw and not self._dialect.siblings_count):
            return None
        return raw.get(keyword)

    def is_marked(self, pointer: str, mark: Access, depth: int = 0) -> bool:
        """Whether the schema at ``pointer`` says ``mark: true``, itself or by what it refers to or consists of."""
        raw = self.value(pointer)
        if not isinstance(raw, dict) or ("$ref" not in raw and "allOf" not in raw):
            return isinstance(raw, dict) and raw.get(mark) is True
        key = (pointer, mark)
        if key in self._marks or depth == _MAX_DEPTH:
            return self._marks.get(key, False)
        self._marks[key] = False  # while it is looked at: where it leads back here, it says no more
        found = self.raw(pointer, mark) is True
        found = found or any(self.is_marked(part, mark, depth + 1) for part in self.parts(pointer))
        self._marks[key] = found
        return found

    def parts(self, pointer: str) -> Iterator[str]:
        """The schemas that every value of the one at ``pointer`` fits too: ``$ref`` and ``allOf``."""
        view = self.view(pointer)
        if "$ref" in view:
            yield self.target(pointer)
        for index in range(len(view.get("allOf", ()))):
            yield f"{pointer}/allOf/{index}"

    def discriminator(self, pointer: str) -> Discriminator | None:
        """The discriminator that stands in the schema at ``pointer``."""
        found = self.raw(pointer, "discriminator")
        if isinstance(found, str):  # Swagger 2.0
            return Discriminator(found, {})
        if not isinstance(found, dict) or not isinstance(found.get("propertyName"), str):
            return None
        mapping = {}
        for value, named in (found.get("mapping") or {}).items():
            target = self._mapped(pointer, named) if isinstance(named, str) else None
            if target is None:
                place = pointers.join(pointer, "discriminator", "mapping", str(value))
                hint = "write the name of a schema, or a reference: #/components/schemas/Cat, ./cat.yaml"
                self.problems.warning(place, f"{str(named)[:100]} is no schema of this document", hint)
            else:
                mapping[str(value)] = target
        return Discriminator(found["propertyName"], mapping)

    def names(self, pointer: str) -> tuple[str, ...]:
        """What a discriminator may call the schema at ``pointer`` without a mapping: its name in the document."""
        file = self._file(pointer)
        named = _NAMED.fullmatch(pointer[len(file) :])
        # Azure's documents, most of those with inheritance in Swagger 2.0, say the value so.
        own = self.raw(pointer, "x-ms-discriminator-value")
        names = (own, *pointers.split(f"/{named[1]}")) if named is not None else (own,)
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))

    def subtypes(self, pointer: str) -> list[str]:
        """The schemas that say ``allOf`` the one at ``pointer``, directly or by way of others, and more.

        They are components, here or in other files, or what the mapping of its discriminator leads to.
        """
        if self._heirs is None:
            self._heirs = self._find_heirs()
        base = self.meant(pointer)
        found = {base: pointer}
        pending = [base]
        while pending:
            for heir in self._heirs.get(pending.pop(), ()):
                meant = self.meant(heir)
                if meant not in found:
                    found[meant] = heir
                    pending.append(meant)
        discriminator = self.discriminator(base)
        for mapped in discriminator.mapping.values() if discriminator is not None else ():
            meant = self.meant(mapped)
            if meant not in found and self._extends(meant, base):
                found[meant] = mapped
        return list(found.values())[1:]

    def _find_heirs(self) -> dict[str, list[str]]:
        heirs: dict[str, list[str]] = {}
        for library in self._libraries():
            for name in self.value(library):
                heir = pointers.join(library, name)
                for base in self._bases(self.meant(heir)):
                    heirs.setdefault(base, []).append(heir)
        return heirs

    def _bases(self, pointer: str) -> Iterator[str]:
        """The schemas that the one at ``pointer`` refers to in its ``allOf``."""
        schema = self._find(pointer)
        parts = schema.get("allOf") if isinstance(schema, dict) else None
        for part in parts if isinstance(parts, list) else ():
            target = self._referred(part)
            if target is not None:
                yield self.meant(target)

    def _extends(self, pointer: str, base: str) -> bool:
        seen = {pointer}
        pending = [pointer]
        while pending:
            for found in self._bases(pending.pop()):
                if found == base:
                    return True
                if found not in seen:
                    seen.add(found)
                    pending.append(found)
        return False

    def _libraries(self) -> Iterator[str]:
        """The pointers of the collections of named schemas, in this document and in the files it refers to."""
        others = [key for key in self.root if _FILE.fullmatch(f"/{key}/0") and isinstance(self.root[key], dict)]
        for file in ("", *(f"/{key}/{number}" for key in others for number in self.root[key])):
            for library in _LIBRARIES:
                if isinstance(self._find(file + library), dict):
                    yield file + library

    def _mapped(self, pointer: str, named: str) -> str | None:
        """The pointer of the schema that a mapping in the schema at ``pointer`` names: a name, or a reference."""
        if named.startswith("#"):
            places = [pointers.of_reference(named)] if self._leads_somewhere(named) else []
        else:
            places = [pointers.join(self._file(pointer) + library, named) for library in _LIBRARIES]
        return next((place for place in places if self._find(place) is not None), None)

    def _find(self, pointer: str) -> Any:
        try:
            return self.value(pointer)
        except LookupError:
            return None

    @staticmethod
    def _file(pointer: str) -> str:
        """The prefix of the pointers into the file that ``pointer`` leads into."""
        match = _FILE.match(pointer)
        return match[0] if match else ""

    def _read(self, raw: Any, pointer: str) -> View:
        # The schemas of a document have been checked where a document has schemas, but a reference may lead elsewhere.
        raw = self._dialect.prepare(raw)
        if not has_schema_shape(raw):
            self._flaw(pointer, "", "this is not a schema")
            return {}
        if not isinstance(raw, dict):
            return {NEVER: True} if raw is False else {}
        if "$ref" in raw and not self._leads_somewhere(raw["$ref"]):
            self._flaw(pointer, "$ref", f"{raw['$ref'][:100]} leads nowhere")
            return {}
        view = self._dialect.read(raw)
        if self._dialect.siblings_count:
            for keyword in _REBASING:
                if keyword in raw:
                    self._flaw(pointer, keyword, f"{keyword} is not supported in schemas", "use $ref: #/...")
        if "pattern" in view or "patternProperties" in view:
            self._check_patterns(view, pointer)
        return view

    def _check_patterns(self, view: View, pointer: str) -> None:
        own = view.get("pattern")
        for pattern in (own, *view.get("patternProperties", ())):
            fault = self._patterns.fault(pattern) if isinstance(pattern, str) else None
            if fault is not None:
                keyword = "pattern" if pattern == own else "patternProperties"
                self._flaw(pointer, keyword, f"the pattern {pattern[:80]} {fault.reason}", fault.hint)

    def _flaw(self, pointer: str, keyword: str, message: str, hint: str = "") -> None:
        self._flawed.add(pointer)
        self.problems.error(pointers.join(pointer, keyword) if keyword else pointer, message, hint)

    @staticmethod
    def _referred(raw: Any) -> str | None:
        """The pointer that ``raw`` refers to, whatever is there; ``None`` if it is no reference within the tree."""
        if not isinstance(raw, dict) or not isinstance(raw.get("$ref"), str):
            return None
        try:
            return pointers.of_reference(raw["$ref"])
        except ValueError:
            return None

    def _leads_somewhere(self, reference: str) -> bool:
        try:
            self.value(pointers.of_reference(reference))
        except (ValueError, LookupError):
            return False
        return True
