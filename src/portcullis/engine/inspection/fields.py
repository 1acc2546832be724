"""What of a value is to be looked at, by the schema that the value is known to fit.

A field that the schema makes a number, one of a few words or a date can't hold an attack, and it needs no pattern;
one that is free text does. So each position of a value has a :class:`Field`, made of the very schemas that values are
checked against, and what a walk through a value leads to is free text only.

Several schemas may speak of one position. Of those that must all hold (``allOf``), one that makes it harmless is
enough; of alternatives (``anyOf``, ``oneOf``) all must. What can't be told is taken for free text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from portcullis.engine.inspection.harmless import is_harmless

Schema = bool | Mapping[str, Any]
Resolve = Callable[[str], Schema]
"""The definition that a ``$ref`` between translated schemas leads to."""

_MAX_DEPTH: Final = 60
_MAX_MERGES: Final = 50_000
_OF_OBJECTS: Final = ("properties", "patternProperties", "additionalProperties")


class Field:
    """One position of a value.

    ``text``: a string here may hold anything; ``members``: of an object, by name; ``others``: what members that are
    not among these may be (their names may be anything, too), ``None`` if there are none; ``items``: of a list,
    ``None`` if it can't be one. ``is_open``: nothing is said of other members, which a wider schema may still exclude.
    """

    __slots__ = ("is_open", "is_ready", "items", "members", "others", "text")

    def __init__(self) -> None:
        self.text = False
        self.members: dict[str, Field] = {}
        self.others: Field | None = None
        self.items: Field | None = None
        self.is_open = False
        self.is_ready = True

    def member(self, name: str) -> Field | None:
        """The field of a member ``name``; ``None`` if there can be none."""
        return self.members.get(name, self.others)

    @property
    def is_idle(self) -> bool:
        """Whether nothing at it or below it has to be looked at."""
        seen: set[int] = set()
        pending = [self]
        while pending:
            field = pending.pop()
            if id(field) in seen:
                continue
            seen.add(id(field))
            if field.text or field.others is not None:
                return False
            pending += field.members.values()
            if field.items is not None:
                pending.append(field.items)
        return True


def _anything() -> Field:
    field = Field()
    field.text = field.is_open = True
    field.others = field.items = field
    return field


ANYTHING: Final = _anything()
"""A position of which nothing is known: all strings at it and below it, and all names."""
NOTHING: Final = Field()
"""A position that can't hold an attack."""


class FieldReader:
    """Makes fields of schemas; ``resolve``: finds the definitions that they refer to."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: dict[str, Field] = {}
        self._merges = 0

    def read(self, reference: str) -> Field:
        """The field of values that fit what ``reference`` leads to."""
        return self._referred(reference, 0)

    def _referred(self, reference: str, depth: int) -> Field:
        aliases = []
        while reference not in self._known:
            schema = self._resolve(reference)
            if isinstance(schema, bool) or schema.keys() != {"$ref"} or reference in aliases:
                self._known[reference] = self._defined(reference, schema, depth)
                break
            aliases.append(reference)
            reference = schema["$ref"]
        field = self._known[reference]
        self._known.update(dict.fromkeys(aliases, field))
        return field

    def _defined(self, reference: str, schema: Schema, depth: int) -> Field:
        # It may be asked for again, by itself, before it is ready: then it is merely pointed at.
        field = self._known[reference] = Field()
        field.is_ready = False
        found = self._read(schema, depth + 1)
        _become(field, found if found.is_ready else ANYTHING)
        return field

    def _read(self, schema: Schema, depth: int) -> Field:
        if isinstance(schema, bool):
            return ANYTHING if schema else NOTHING
        if depth > _MAX_DEPTH:
            return ANYTHING
        if schema.keys() == {"$ref"}:
            return self._referred(schema["$ref"], depth)
        parts = [self._own(schema, depth)]
        if "$ref" in schema:
            parts.append(self._referred(schema["$ref"], depth))
        parts += [self._read(part, depth + 1) for part in schema.get("allOf", ())]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                parts.append(self._any_of(self._read(part, depth + 1) for part in schema[keyword]))
        if "then" in schema and "else" in schema:
            parts.append(self._any_of(self._read(schema[keyword], depth + 1) for keyword in ("then", "else")))
        field = parts[0]
        for part in parts[1:]:
            field = self._both(field, part, 0)
        if schema.get("unevaluatedProperties") is False and field.is_open:
            field = _copy(field)
            field.others, field.is_open = None, False
        return field

    def _own(self, schema: Mapping[str, Any], depth: int) -> Field:
        """What the keywords of ``schema`` itself say."""
        if "const" in schema or "enum" in schema:
            return NOTHING
        types = schema.get("type")
        allowed = {"string", "object", "array"} if types is None else {types} if isinstance(types, str) else set(types)
        field = Field()
        field.text = "string" in allowed and not is_harmless(schema)
        if "object" in allowed:
            self._read_members(field, schema, depth)
        if "array" in allowed:
            self._read_items(field, schema, depth)
        says_nothing = types is None and field.text and field.is_open and not field.members and field.items is ANYTHING
        return ANYTHING if says_nothing else field

    def _read_members(self, field: Field, schema: Mapping[str, Any], depth: int) -> None:
        properties = schema.get("properties", {})
        field.members = {name: self._read(below, depth + 1) for name, below in properties.items()}
        patterns = [self._read(below, depth + 1) for below in schema.get("patternProperties", {}).values()]
        additional = schema.get("additionalProperties")
        if additional is False and not patterns:
            return
        if additional is None and not patterns:
            field.others, field.is_open = ANYTHING, True
            return
        if additional is not False:
            patterns.append(ANYTHING if additional is None else self._read(additional, depth + 1))
        field.others = self._any_of(patterns)
        # A member whose name fits a pattern, too, fits both schemas: that of its own name is kept.

    def _read_items(self, field: Field, schema: Mapping[str, Any], depth: int) -> None:
        items = [self._read(below, depth + 1) for below in schema.get("prefixItems", ())]
        rest = schema.get("items", True)
        if rest is not False:
            items.append(self._read(rest, depth + 1))
        field.items = self._any_of(items)

    def _any_of(self, fields: Iterable[Field]) -> Field:
        found = NOTHING
        for field in fields:
            found = self._either(found, field, 0)
        return found

    def _either(self, one: Field, other: Field, depth: int) -> Field:
        """What may be in a value that fits one of two schemas."""
        if one is NOTHING or one is other:
            return other
        if other is NOTHING:
            return one
        if one is ANYTHING or other is ANYTHING or self._is_too_much(one, other, depth):
            return ANYTHING
        field = Field()
        field.text = one.text or other.text
        field.is_open = one.is_open or other.is_open
        field.members = {
            name: self._either(one.member(name) or NOTHING, other.member(name) or NOTHING, depth + 1)
            for name in one.members | other.members
        }
        field.others = self._either_or_none(one.others, other.others, depth)
        field.items = self._either_or_none(one.items, other.items, depth)
        return field

    def _either_or_none(self, one: Field | None, other: Field | None, depth: int) -> Field | None:
        if one is None or other is None:
            return other if one is None else one
        return self._either(one, other, depth + 1)

    def _both(self, one: Field, other: Field, depth: int) -> Field:
        """What may be in a value that fits both of two schemas."""
        if one is ANYTHING or one is other:
            return other
        if other is ANYTHING:
            return one
        if one is NOTHING or other is NOTHING:
            return NOTHING
        if self._is_too_much(one, other, depth):
            return one  # what one of them allows is never less than what both do
        field = Field()
        field.text = one.text and other.text
        field.is_open = one.is_open and other.is_open
        field.members = {
            name: self._both_or_none(one.member(name), other.member(name), depth) or NOTHING
            for name in one.members | other.members
        }
        field.others = self._both_or_none(one.others, other.others, depth)
        field.items = self._both_or_none(one.items, other.items, depth)
        return field

    def _both_or_none(self, one: Field | None, other: Field | None, depth: int) -> Field | None:
        return None if one is None or other is None else self._both(one, other, depth + 1)

    def _is_too_much(self, one: Field, other: Field, depth: int) -> bool:
        self._merges += 1
        return depth > _MAX_DEPTH or self._merges > _MAX_MERGES or not (one.is_ready and other.is_ready)


def _become(field: Field, other: Field) -> None:
    field.text, field.members, field.others, field.items = other.text, other.members, other.others, other.items
    field.is_open, field.is_ready = other.is_open, True


def _copy(field: Field) -> Field:
    copy = Field()
    _become(copy, field)
    return copy
