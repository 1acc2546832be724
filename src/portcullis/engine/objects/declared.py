"""What a document declares at a place of a value: which fields there are, of which kinds, with which values.

Read from the schemas that values are checked against, in which undeclared fields are closed already. A *place* may be
spoken of by several schemas (``allOf``, alternatives, references): a field is declared there if one of them names it.
What they say of its kind is taken together so that it is never narrower than what passes the checks: it decides about
mistakes in the file, not about requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from portcullis.engine.objects.syntax import EACH, Scalar, Step
from portcullis.engine.openapi.checker import Checker, name_of
from portcullis.engine.openapi.patterns import matcher
from portcullis.engine.openapi.violations import HIDDEN, Schema

Kind: TypeAlias = Literal["text", "integer", "number", "boolean", "object", "list", "null"]

WORDS: Final[Mapping[Kind, str]] = {
    "text": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "list": "a list",
    "null": "null",
}
_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "string": ("text",),
    "integer": ("integer",),
    "number": ("integer", "number"),
    "boolean": ("boolean",),
    "object": ("object",),
    "array": ("list",),
    "null": ("null",),
}
_IN_PLACE: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONAL: Final = ("then", "else")
_MAX_MEMBERS: Final = 500
_MAX_DEPTH: Final = 40

Kinds: TypeAlias = frozenset[Kind] | None
"""``None``: any."""
Values: TypeAlias = frozenset[Scalar] | None
"""The values that there can be; ``None``: any of the kinds."""
_Means: TypeAlias = tuple[Kinds, Values]


class Meaning(msgspec.Struct, frozen=True):
    """What a value can be. ``item``: the same of the items of a list, where that is known."""

    kinds: Kinds = None
    values: Values = None
    item: Meaning | None = None

    @property
    def words(self) -> str:
        """Its kinds, in words."""
        if self.kinds is None:
            return "anything"
        shown = [
            WORDS[kind] for kind in WORDS if kind in self.kinds and not (kind == "integer" and "number" in self.kinds)
        ]
        return " or ".join(shown) or "nothing"


ANYTHING: Final = Meaning()


def kind_of(value: Scalar) -> Kind:
    """The kind of a value that a rule says."""
    return "boolean" if isinstance(value, bool) else "integer" if isinstance(value, int) else "text"


class _Schemas:
    """The schemas that ``checker`` has: each is read once, and what it lets pass is found out once."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._known: dict[str, Schema] = {}
        self._means: dict[str, _Means] = {}

    def named(self, name: str) -> Schema:
        """The definition ``name``."""
        if name not in self._known:
            self._known[name] = self._checker.schema(name)
        return self._known[name]

    def means(self, schema: Schema, depth: int = 0) -> _Means:
        """The kinds and values that ``schema`` lets pass."""
        if isinstance(schema, bool) or depth == _MAX_DEPTH:
            return (frozenset(), frozenset()) if schema is False else (None, None)
        kinds: Kinds = None
        values: Values = None
        if "type" in schema:
            types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
            kinds = frozenset(kind for name in types for kind in _KINDS.get(name, ()))
        if "enum" in schema or "const" in schema:
            listed = schema.get("enum", [schema.get("const")])
            kinds = _both(kinds, frozenset(map(_kind_of_any, listed)))
            if all(isinstance(value, str | int) for value in listed):
                values = frozenset(listed)
        parts = [self.means(part, depth + 1) for part in schema.get("allOf", ())]
        if "$ref" in schema:
            parts.append(self._means_of(name_of(schema["$ref"]), depth))
        alternatives = [schema[keyword] for keyword in ("anyOf", "oneOf") if schema.get(keyword)]
        parts += [_any_of([self.means(each, depth + 1) for each in several]) for several in alternatives]
        for more_kinds, more_values in parts:
            kinds, values = _both(kinds, more_kinds), _both(values, more_values)
        return kinds, values

    def _means_of(self, name: str, depth: int) -> _Means:
        if name not in self._means:
            self._means[name] = (None, None)  # what leads back to itself says no more
            self._means[name] = self.means(self.named(name), depth + 1)
        return self._means[name]


class Place:
    """One place of a value, and what ``schemas`` (each of which speaks about it) say of what is there."""

    def __init__(self, schemas: list[Schema], among: _Schemas) -> None:
        self._schemas = schemas
        self._among = among
        self._members = list(self._expand())
        self._kinds, self._values = _any_of([among.means(schema) for schema in schemas])

    @property
    def names(self) -> list[str]:
        """The names of the fields that are declared, in order."""
        found: dict[str, None] = {}
        for member in self._members:
            for name, schema in member.get("properties", {}).items():
                if not _is_refused(schema):
                    found[name] = None
        return list(found)

    @property
    def meaning(self) -> Meaning:
        """What can stand here."""
        items = self.items
        return Meaning(self._kinds, self._values, None if items is None else Meaning(items._kinds, items._values))  # noqa: SLF001

    @property
    def items(self) -> Place | None:
        """The place of the items of a list; ``None`` if no list can be here."""
        if not self._may_be("list"):
            return None
        found: list[Schema] = []
        for member in self._members:
            found += [part for part in member.get("prefixItems", ()) if part is not False]
            if member.get("items", False) is not False:
                found.append(member["items"])
        return Place(found or [True], self._among)

    def field(self, name: str) -> Place | None:
        """The place of the field ``name``; ``None`` if there is none."""
        if not self._may_be("object"):
            return None
        named = [member["properties"][name] for member in self._members if name in member.get("properties", {})]
        shown = [schema for schema in named if not _is_refused(schema)]
        if shown:
            return Place(shown, self._among)
        if named:
            return None
        more = list(self._open_to(name))
        return Place(more, self._among) if more else None

    def is_hidden(self, name: str) -> bool:
        """Whether ``name`` is a field that only the other direction has (``readOnly``, ``writeOnly``)."""
        return any(
            isinstance(schema := member.get("properties", {}).get(name), dict) and HIDDEN in schema
            for member in self._members
        )

    def requires(self, name: str) -> bool:
        """Whether an object here always has the field ``name``."""
        return any(name in member.get("required", ()) for member in self._members)

    def below(self, steps: tuple[Step, ...]) -> Place | None:
        """The place that ``steps`` lead to; ``None`` if one of them leads nowhere."""
        place: Place | None = self
        for step in steps:
            if place is None:
                return None
            place = place.items if step is EACH else place.field(str(step))
        return place

    def _may_be(self, kind: Kind) -> bool:
        return self._kinds is None or kind in self._kinds

    def _open_to(self, name: str) -> Iterator[Schema]:
        """The schemas of a field that nothing names: of objects that say what else they hold, or that say nothing."""
        closed = named = False
        for member in self._members:
            named |= bool(member.get("properties"))
            for pattern, schema in member.get("patternProperties", {}).items():
                if schema is not False and matcher(pattern)(name):
                    yield schema
            for keyword in ("additionalProperties", "unevaluatedProperties"):
                if keyword in member:
                    closed = True
                    if member[keyword] is not False:
                        yield member[keyword]
        if not closed and not named:
            yield True

    def _expand(self) -> Iterator[dict[str, Any]]:
        """Every schema that speaks about this very place."""
        pending = list(reversed(self._schemas))
        seen: set[str] = set()
        count = 0
        while pending:
            schema = pending.pop()
            if isinstance(schema, bool):
                continue
            count += 1
            if count > _MAX_MEMBERS:
                return
            yield schema
            reference = schema.get("$ref")
            if reference is not None and reference not in seen:
                seen.add(reference)
                pending.append(self._among.named(name_of(reference)))
            pending += [part for keyword in _IN_PLACE for part in reversed(schema.get(keyword, ()))]
            pending += [schema[keyword] for keyword in _CONDITIONAL if keyword in schema]
            pending += schema.get("dependentSchemas", {}).values()


def place_of(checker: Checker, name: str) -> Place:
    """The place of values that are checked against what ``checker`` calls ``name``."""
    among = _Schemas(checker)
    return Place([among.named(name)], among)


def _is_refused(schema: Schema) -> bool:
    return schema is False or (isinstance(schema, dict) and HIDDEN in schema)


def _kind_of_any(value: Any) -> Kind:
    if isinstance(value, str | int):
        return kind_of(value)
    return (
        "null"
        if value is None
        else "number"
        if isinstance(value, float)
        else "list"
        if isinstance(value, list)
        else "object"
    )


def _both(one: frozenset[Any] | None, other: frozenset[Any] | None) -> frozenset[Any] | None:
    return other if one is None else one if other is None else one & other


def _either(one: frozenset[Any] | None, other: frozenset[Any] | None) -> frozenset[Any] | None:
    return None if one is None or other is None else one | other


def _any_of(found: list[_Means]) -> _Means:
    """What passes if it passes one of them."""
    kinds, values = found[0]
    for more_kinds, more_values in found[1:]:
        kinds, values = _either(kinds, more_kinds), _either(values, more_values)
    return kinds, values
