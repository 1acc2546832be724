"""What the schemas of one value say together, as far as making a value of them needs it.

This is a second reading of schemas, apart from the one that requests are checked by: what both agree on is not
true only because one of them says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import NEVER, SchemaGraph, View

MAX_MEMBERS: Final = 500
"""Schemas that are read for one value."""

_LEAST: Final = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
_MOST: Final = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))
_ABOUT_OTHERS: Final = frozenset(("additionalProperties", "patternProperties", "unevaluatedProperties"))
_NOT_FOLLOWED: Final = frozenset(("if", "then", "else", "not", "dependentSchemas", "dependentRequired", "contains"))
_TYPES: Final = {
    "object": ("properties", "additionalProperties", "patternProperties", "required", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("pattern", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class Outline(msgspec.Struct):
    """What schemas say about one value.

    ``types``: its JSON types, ``None`` if nobody says; ``values``: all that it may be, if that is listed; ``bounds``:
    by keyword, the stricter of several; ``properties``: pointers of the schemas of its fields, ``extra`` of those
    that have no name; ``items``, ``prefix``: of its items; ``tags``: what discriminators ask its fields to be;
    ``members``: the pointers of the schemas that were read; ``is_closed``: other fields than its properties are not
    declared; ``is_chosen``: an alternative was chosen, so that another value may be right too; ``is_partial``: there
    is more that was not looked at (conditions).
    """

    types: tuple[str, ...] | None = None
    values: list[Any] | None = None
    bounds: dict[str, Any] = msgspec.field(default_factory=dict)
    patterns: list[str] = msgspec.field(default_factory=list)
    formats: list[str] = msgspec.field(default_factory=list)
    properties: dict[str, list[str]] = msgspec.field(default_factory=dict)
    required: dict[str, None] = msgspec.field(default_factory=dict)
    extra: list[str] = msgspec.field(default_factory=list)
    items: list[str] = msgspec.field(default_factory=list)
    prefix: list[list[str]] = msgspec.field(default_factory=list)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    members: dict[str, None] = msgspec.field(default_factory=dict)
    is_unique: bool = False
    is_closed: bool = False
    is_chosen: bool = False
    is_partial: bool = False
    is_impossible: bool = False

    @property
    def type(self) -> str:
        """The type that a value is made of: the first that is not null; text if nobody says."""
        if self.types is not None:
            return next((kind for kind in self.types if kind != "null"), "null" if self.types else "string")
        known = {**self.bounds, **dict.fromkeys(("pattern",) if self.patterns else ())}
        if self.properties or self.required or self.extra:
            return "object"
        if self.items or self.prefix:
            return "array"
        return next((kind for kind, keywords in _TYPES.items() if any(map(known.__contains__, keywords))), "string")


class OutlineReader:
    """Reads outlines from ``graph``. ``choose(pointer, count)`` says which of several alternatives is meant."""

    def __init__(self, graph: SchemaGraph, choose: Callable[[str, int], int]) -> None:
        self._graph = graph
        self._choose = choose

    def read(self, schemas: list[str]) -> Outline:
        """What ``schemas`` (pointers) say together."""
        outline = Outline()
        pending = list(reversed(schemas))
        while pending and len(outline.members) < MAX_MEMBERS:
            here = pending.pop()
            if here not in outline.members:
                outline.members[here] = None
                view = self._graph.view(here)
                outline.is_impossible |= NEVER in view
                _add_assertions(outline, view)
                self._add_below(outline, here, view)
                pending += reversed([*self._graph.parts(here), *self._chosen(outline, here, view)])
                self._tag(outline, here, view)
        spoken_of = any(not _ABOUT_OTHERS.isdisjoint(self._graph.view(each)) for each in outline.members)
        refused = any(self._graph.view(each).get("additionalProperties") is False for each in outline.members)
        outline.is_closed = bool(outline.properties) and (refused or not spoken_of)
        return outline

    def _chosen(self, outline: Outline, here: str, view: View) -> list[str]:
        found = []
        for keyword in ("oneOf", "anyOf"):
            ways = [f"{here}/{keyword}/{index}" for index in range(len(view.get(keyword, ())))]
            usable = [way for way in ways if self._is_usable(outline, way)]
            if not usable:
                continue
            way = usable[self._choose(f"{here}/{keyword}", len(usable)) % len(usable)]
            found.append(way)
            discriminator = self._graph.discriminator(here)
            outline.is_chosen |= len(ways) > 1 or discriminator is not None
            if discriminator is not None:
                target = self._graph.target(way) if "$ref" in self._graph.view(way) else way
                names = [value for value, mapped in discriminator.mapping.items() if mapped == target]
                for name in (names or self._graph.names(target))[:1]:
                    outline.tags[discriminator.property] = name
        return found

    def _is_usable(self, outline: Outline, way: str) -> bool:
        view = self._graph.view(way)
        kinds = view.get("type")
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        if NEVER in view or kinds == ("null",):
            return False
        listed = [view["const"]] if "const" in view else view.get("enum")
        if listed is not None and outline.values is not None and not any(each in listed for each in outline.values):
            return False
        return kinds is None or outline.types is None or bool(_both(outline.types, tuple(kinds)))

    def _tag(self, outline: Outline, here: str, view: View) -> None:
        """What inheritance asks the tag of a base to be that stands for itself, or of one of its heirs."""
        discriminator = self._graph.discriminator(here)
        if discriminator is None or "oneOf" in view or "anyOf" in view:
            return
        outline.is_chosen = True
        for member in outline.members:  # who inherits was read before what it inherits from
            names = [value for value, mapped in discriminator.mapping.items() if mapped == member]
            for name in names or self._graph.names(member):
                outline.tags.setdefault(discriminator.property, name)

    def _add_below(self, outline: Outline, here: str, view: View) -> None:
        for name in view.get("properties", ()):
            outline.properties.setdefault(name, []).append(pointers.join(here, "properties", name))
        if isinstance(view.get("additionalProperties"), dict):
            outline.extra.append(f"{here}/additionalProperties")
        if "items" in view:
            outline.items.append(f"{here}/items")
        for index in range(len(view.get("prefixItems", ()))):
            while len(outline.prefix) <= index:
                outline.prefix.append([])
            outline.prefix[index].append(f"{here}/prefixItems/{index}")


def _add_assertions(outline: Outline, view: View) -> None:
    kinds = view.get("type")
    if kinds is not None:
        said = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        outline.types = said if outline.types is None else _both(outline.types, said)
    listed = [view["const"]] if "const" in view else view.get("enum")
    if listed is not None:
        outline.values = list(listed) if outline.values is None else [each for each in outline.values if each in listed]
    for keyword, value in view.items():
        if keyword in _LEAST:
            outline.bounds[keyword] = max(value, outline.bounds.get(keyword, value))
        elif keyword in _MOST:
            outline.bounds[keyword] = min(value, outline.bounds.get(keyword, value))
    if "multipleOf" in view:
        outline.bounds["multipleOf"] = view["multipleOf"]
    if "pattern" in view:
        outline.patterns.append(view["pattern"])
    if "format" in view:
        outline.formats.append(view["format"])
    outline.is_unique |= view.get("uniqueItems") is True
    outline.is_partial |= not _NOT_FOLLOWED.isdisjoint(view)
    outline.required |= dict.fromkeys(view.get("required", ()))


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    common = [kind for kind in one if kind in other or (kind == "integer" and "number" in other)]
    if "number" in one and "integer" in other and "integer" not in common:
        common.append("integer")
    return tuple(common)
