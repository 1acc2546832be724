"""Values that fit the schemas of a document, always the same ones.

Nothing is drawn by chance: the same schema gives the same value, so that what a test found it finds again. Values are
small: what need not be there is left out, unless all of it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow
from portcullis.testing.generating_outlines import Outline, OutlineReader
from portcullis.testing.generating_texts import texts_of

MAX_FIELDS: Final = 400
"""Fields that need not be there and are written nevertheless, in one value."""
_MAX_ITEMS: Final = 200
_MAX_ABOVE: Final = 200


class UnmakeableError(ValueError):
    """No value of a schema is found. The text names the schema by its JSON pointer, and says why."""


class ValueMaker:
    """Makes values of the schemas of ``graph``.

    ``everything``: with the fields that need not be there; ``attempt``: which alternatives and types are taken where
    there are several, 0 the first ones.
    """

    def __init__(self, graph: SchemaGraph, *, everything: bool = False, attempt: int = 0) -> None:
        self.graph = graph
        self._everything = everything
        self.attempt = attempt
        self._left = MAX_FIELDS
        self._outlines = OutlineReader(graph, lambda _pointer, _count: attempt)

    def make(self, schema: str) -> Any:
        """A value of the schema at the pointer ``schema``. Raises :class:`UnmakeableError`."""
        self._left = MAX_FIELDS
        return self._make([schema], (), 0)

    def outline(self, schemas: list[str]) -> Outline:
        """What ``schemas`` (pointers) say together, with the alternatives that values are made by."""
        return self._outlines.read(schemas)

    def _make(self, schemas: list[str], above: tuple[str, ...], turn: int, tag: str | None = None) -> Any:
        """A value of ``schemas``, below the schemas ``above``; the one number ``turn`` of several that differ."""
        outline = self.outline(schemas)
        here = schemas[0] if schemas else ""
        if len(above) > _MAX_ABOVE or above.count(here) > 1:
            raise UnmakeableError(f"{here}: it holds itself")
        if outline.is_impossible or outline.types == ():
            raise UnmakeableError(f"{here}: nothing fits it")
        if tag is not None and (outline.values is None or tag in outline.values):
            return tag
        if outline.values is not None:
            values = [each for each in outline.values if each is not None] or outline.values
            if not values:
                raise UnmakeableError(f"{here}: nothing fits it")
            return values[(turn + self.attempt) % len(values)]
        match self._type(outline):
            case "object":
                return self._object(outline, (*above, *outline.members))
            case "array":
                return self._list(outline, (*above, *outline.members))
            case "integer":
                return int(_number(outline, here, turn, step=1))
            case "number":
                return _number(outline, here, turn, step=0)
            case "boolean":
                return turn % 2 == 0
            case "null":
                return None
        return self._text(outline, here, turn)

    def _type(self, outline: Outline) -> str:
        kinds = [kind for kind in outline.types or () if kind != "null"]
        return kinds[self.attempt % len(kinds)] if kinds else outline.type

    def _object(self, outline: Outline, above: tuple[str, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name in outline.required:
            if name in outline.properties and self.is_hidden(outline, name):
                continue
            schemas = outline.properties.get(name) or outline.extra
            made[name] = self._make(schemas, above, 0, outline.tags.get(name)) if schemas else "text"
        for name, tag in outline.tags.items():
            if (name not in made and not outline.is_closed) or name in outline.properties:
                made[name] = self._make(outline.properties.get(name, []), above, 0, tag)
        for name in self._further(outline, made):
            try:
                made[name] = self._make(outline.properties[name], above, 0)
            except UnmakeableError:
                continue
        least = max(outline.bounds.get("minProperties", 0), self._everything and bool(outline.extra) and len(made) + 1)
        for number in range(least - len(made)):
            made[f"key{number}"] = self._make(outline.extra, above, number) if outline.extra else "text"
        most = outline.bounds.get("maxProperties", len(made))
        optional = [name for name in made if name not in outline.required]
        for name in optional[len(optional) - max(0, len(made) - most) :]:
            del made[name]
        return made

    def _further(self, outline: Outline, made: dict[str, Any]) -> Iterator[str]:
        """Fields that need not be there, as many as are wanted."""
        wanted = outline.bounds.get("minProperties", 0)
        for name in outline.properties:
            if name not in made and not self.is_hidden(outline, name):
                if self._everything and self._left > 0:
                    self._left -= 1
                    yield name
                elif len(made) < wanted:
                    yield name

    def is_hidden(self, outline: Outline, name: str) -> bool:
        """Whether the field ``name`` is not for requests."""
        return any(self.graph.is_marked(schema, "readOnly") for schema in outline.properties[name])

    def _list(self, outline: Outline, above: tuple[str, ...]) -> list[Any]:
        least = outline.bounds.get("minItems", 0)
        count = max(least, min(1, outline.bounds.get("maxItems", 1)))
        if count > _MAX_ITEMS:
            raise UnmakeableError(f"{next(iter(outline.members))}: it is too long")
        made: list[Any] = []
        try:
            for number in range(count):
                schemas = outline.prefix[number] if number < len(outline.prefix) else outline.items
                made.append(self._make(schemas, above, number if outline.is_unique else 0) if schemas else "text")
        except UnmakeableError:
            if least:
                raise
            return []
        return made

    def _text(self, outline: Outline, here: str, turn: int) -> str:
        bounds = outline.bounds
        found = texts_of(
            bounds.get("minLength", 0),
            bounds.get("maxLength"),
            outline.formats,
            outline.patterns,
            [value for member in outline.members for value in examples_of(self.graph, member)],
        )
        is_free = not outline.patterns and not outline.formats
        text = next(islice(found, 0 if is_free else turn, None), None)
        if text is None:
            raise UnmakeableError(f"{here}: no text is found for it")
        return f"{text}{turn}"[-bounds.get("maxLength", 1_000) :] if turn and is_free else text


def _number(outline: Outline, here: str, turn: int, *, step: int) -> int | float:
    bounds = outline.bounds
    step = bounds.get("multipleOf", step)
    low, high = bounds.get("minimum"), bounds.get("maximum")
    if "exclusiveMinimum" in bounds:
        low = bounds["exclusiveMinimum"] + (step or 1)
    if "exclusiveMaximum" in bounds:
        high = bounds["exclusiveMaximum"] - (step or 1)
    if low is not None and high is not None and low > high:
        low = high = (bounds.get("exclusiveMinimum", low) + bounds.get("exclusiveMaximum", high)) / 2
    number: int | float = low if low is not None else min(1, high) if high is not None else 1
    if low is not None and number <= 0 and (high is None or high >= 1):
        number = 1
    if step:
        number = math.ceil(number / step) * step
    number += turn * (step or 1)
    if high is not None and number > high:
        raise UnmakeableError(f"{here}: no number is found for it")
    return number


def examples_of(graph: SchemaGraph, schema: str) -> Iterator[Any]:
    """What the document gives as examples beside or in the schema at ``schema``, and what it is by default."""
    for keyword in ("example", "default"):
        found = graph.raw(schema, keyword)
        if found is not None:
            yield found
    several = graph.raw(schema, "examples")
    if isinstance(several, list):
        yield from several


def examples_beside(graph: SchemaGraph, owner: str) -> Iterator[Any]:
    """The ``example`` and ``examples`` of the parameter or media type at the pointer ``owner``."""
    raw = graph.value(owner)
    if "example" in raw:
        yield raw["example"]
    several = raw.get("examples")
    for name in several if isinstance(several, dict) else ():
        _, found = follow(graph.root, pointers.join(owner, "examples", name), Problems())
        if isinstance(found, dict) and "value" in found:
            yield found["value"]
