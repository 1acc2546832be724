"""Which value of a discriminator selects which schema.

A ``discriminator`` names a property, the *tag*, whose value tells of which schema an object is. The values of a schema
are those that the ``mapping`` gives it, and its own name in the document. What the schema itself allows for the tag
(``const``, ``enum``) counts as well: of the names only those that it allows are possible, and where it allows none of
them, which is the commonest mistake with discriminators, its own values are meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.dialects import NEVER
from portcullis.engine.openapi.graph import Discriminator, SchemaGraph

# Further than this no document refers from schema to schema for one value; hostile ones may.
_MAX_DEPTH: Final = 40


class Tags(NamedTuple):
    """How a tag selects among schemas.

    ``name``: the property; ``values``: for each schema those that select it, none if it is not selected by the tag;
    ``is_required``: all that are selected by it require it.
    """

    name: str
    values: tuple[tuple[str, ...], ...]
    is_required: bool = True


class TagReader:
    """Reads the discriminators of one document. What is found about a schema is kept."""

    def __init__(self, graph: SchemaGraph) -> None:
        self._graph = graph
        self._found: dict[str, Tags | None] = {}
        self._objects: dict[str, bool] = {}
        self._allowed_values: dict[tuple[str, str], dict[str, None] | None] = {}
        self._requiring: dict[tuple[str, str], bool] = {}

    def of_alternatives(self, pointer: str, alternatives: list[str]) -> Tags | None:
        """How the discriminator of the schema at ``pointer`` selects among ``alternatives``, those of its ``oneOf``.

        ``None`` if it has none, or one that does not tell them apart; the latter is noted as a warning.
        """
        if pointer not in self._found:
            self._found[pointer] = self._of_alternatives(pointer, alternatives)
        return self._found[pointer]

    def _of_alternatives(self, pointer: str, alternatives: list[str]) -> Tags | None:
        discriminator = self._graph.discriminator(pointer)
        if discriminator is None:
            return None
        objects = [alternative for alternative in alternatives if self.may_be_object(alternative)]
        listed = {self._graph.meant(alternative) for alternative in objects}
        meant = self._mapped(discriminator)
        values = {alternative: self._values(discriminator, meant, alternative, listed) for alternative in objects}
        for alternative, some in values.items():
            if not some:
                self._graph.problems.warning(
                    alternative,
                    f"no value of {discriminator.property} selects this alternative, so that all are tried",
                    "give the discriminator a mapping, or the alternative a name below components/schemas",
                )
                return None
        every = [value for some in values.values() for value in some]
        if len(set(every)) < len(every):
            twice = next(value for value in every if every.count(value) > 1)
            self._graph.problems.warning(
                pointers.join(pointer, "discriminator"),
                f"{discriminator.property}: {twice[:60]} selects more than one alternative, so that all are tried",
            )
            return None
        if not every:
            return None
        is_required = all(self._requires(alternative, discriminator.property) for alternative in objects)
        return Tags(discriminator.property, tuple(values.get(each, ()) for each in alternatives), is_required)

    def of_subtypes(self, pointer: str, schemas: list[str]) -> Tags | None:
        """How the discriminator of the schema at ``pointer`` selects among ``schemas``: itself and those that inherit.

        Values that would select more than one select none.
        """
        discriminator = self._graph.discriminator(pointer)
        if discriminator is None:
            return None
        listed = {self._graph.meant(schema) for schema in schemas}
        meant = self._mapped(discriminator)
        values = [self._values(discriminator, meant, schema, listed) for schema in schemas]
        every = [value for some in values for value in some]
        unique = tuple(tuple(value for value in some if every.count(value) == 1) for some in values)
        return Tags(discriminator.property, unique, is_required=False) if any(unique) else None

    def may_be_object(self, pointer: str, depth: int = 0) -> bool:
        """Whether an object may fit the schema at ``pointer``, as far as its types tell."""
        if pointer in self._objects or depth == _MAX_DEPTH:
            return self._objects.get(pointer, True)
        self._objects[pointer] = True
        view = self._graph.view(pointer)
        types = view.get("type", "object")
        fits = NEVER not in view and "object" in ([types] if isinstance(types, str) else types)
        fits = fits and any(isinstance(value, dict) for value in view.get("enum", [view.get("const", {})]))
        fits = fits and all(self.may_be_object(part, depth + 1) for part in self._graph.parts(pointer))
        self._objects[pointer] = fits
        return fits

    def _mapped(self, discriminator: Discriminator) -> dict[str, list[str]]:
        """The values that the mapping has for each schema."""
        found: dict[str, list[str]] = {}
        for value, mapped in discriminator.mapping.items():
            found.setdefault(self._graph.meant(mapped), []).append(value)
        return found

    def _values(
        self, discriminator: Discriminator, mapped: dict[str, list[str]], pointer: str, listed: set[str]
    ) -> tuple[str, ...]:
        """The values of the tag that select the schema at ``pointer``; ``mapped``: those of the mapping, by schema.

        Those of schemas that inherit from it select it too, unless they are ``listed`` themselves.
        """
        ways = self._graph.ways(pointer)
        heirs: list[str] = []
        if self._graph.discriminator(ways[-1]) is not None:
            heirs = [
                heir for way in ways for heir in self._graph.subtypes(way) if self._graph.meant(heir) not in listed
            ]
        names: dict[str, None] = {}
        for schemas in (ways, *map(self._graph.ways, heirs)):
            names |= dict.fromkeys(mapped.get(schemas[-1], ()))
            own = next(filter(None, map(self._graph.names, schemas)), ())
            names |= dict.fromkeys(name for name in own if name not in discriminator.mapping)
        allowed = self._allowed(pointer, discriminator.property)
        if allowed is None:
            return tuple(names)
        return tuple(name for name in names if name in allowed) or tuple(allowed)

    def _allowed(self, pointer: str, name: str, depth: int = 0) -> dict[str, None] | None:
        """The values that the schema at ``pointer`` allows for its property ``name``, if it lists them."""
        key = (pointer, name)
        if key in self._allowed_values or depth == _MAX_DEPTH:
            return self._allowed_values.get(key)
        self._allowed_values[key] = None
        view = self._graph.view(pointer)
        found = []
        if name in view.get("properties", ()):
            found.append(self._listed(pointers.join(pointer, "properties", name)))
        found += [self._allowed(part, name, depth + 1) for part in self._graph.parts(pointer)]
        for alternatives in self._choices(pointer):
            objects = [each for each in alternatives if self.may_be_object(each)]
            each = [self._allowed(part, name, depth + 1) for part in objects]
            if each and None not in each:
                found.append({value: None for some in each for value in some or ()})
        self._allowed_values[key] = _common(found)
        return self._allowed_values[key]

    def _listed(self, pointer: str, depth: int = 0) -> dict[str, None] | None:
        """The strings among ``const`` or ``enum`` of the schema at ``pointer``, by what it refers to as well."""
        view = self._graph.view(pointer)
        found: list[dict[str, None] | None] = []
        if "const" in view or "enum" in view:
            values = view.get("enum", [view.get("const")])
            found.append(dict.fromkeys(value for value in values if isinstance(value, str)))
        parts = list(self._graph.parts(pointer))
        if depth < _MAX_DEPTH and len(parts) == 1:
            found.append(self._listed(parts[0], depth + 1))
        return _common(found)

    def _requires(self, pointer: str, name: str, depth: int = 0) -> bool:
        key = (pointer, name)
        if key in self._requiring or depth == _MAX_DEPTH:
            return self._requiring.get(key, False)
        self._requiring[key] = False
        found = (
            name in self._graph.view(pointer).get("required", ())
            or any(self._requires(part, name, depth + 1) for part in self._graph.parts(pointer))
            or any(
                all(self._requires(each, name, depth + 1) for each in alternatives)
                for alternatives in self._choices(pointer)
            )
        )
        self._requiring[key] = found
        return found

    def _choices(self, pointer: str) -> Iterator[list[str]]:
        view = self._graph.view(pointer)
        for keyword in ("oneOf", "anyOf"):
            if view.get(keyword):
                yield [f"{pointer}/{keyword}/{index}" for index in range(len(view[keyword]))]


def _common(found: list[dict[str, None] | None]) -> dict[str, None] | None:
    """The values that are in all of ``found`` that list any."""
    common: dict[str, None] | None = None
    for values in found:
        if values is not None:
            common = values if common is None else {value: None for value in common if value in values}
    return common
