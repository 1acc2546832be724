"""Taking out of a value what its closed schema does not declare: a tree of functions made from the schema.

A *prune* is made for each schema of a translation, when a value first comes by it. It goes through an object or a list
once, in place, and takes out what the schema refuses because it is not declared. Parts for the same value are gone
through one after another; where an object is closed as a whole (``unevaluatedProperties``) they note what they know.

Of alternatives those count that fit. Where none does, undeclared fields may be why: then a copy is pruned by each
alternative that is plausible, and asked again. Where only one may count, it is the one that takes the least away.
Copying is what makes this dear, and so a budget of copied nodes bounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from portcullis.engine.openapi import prunes
from portcullis.engine.openapi.checker import Checker, name_of
from portcullis.engine.openapi.patterns import matcher
from portcullis.engine.openapi.prunes import Prune, nothing, take
from portcullis.engine.openapi.violations import HIDDEN, SELECTED_BY, Schema, tags_of

_MAX_DEPTH: Final = 60
_MAX_DEFINITIONS: Final = 2_000
_MAX_COPIED: Final = 50_000


class TooMuchError(Exception):
    """The value or its schema would take too long."""


class Pruner:
    """The prunes of the definitions that ``checker`` has. They are kept, but no more than so many."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._known: dict[str, Prune | None] = {}
        self._left = 0

    def prune(self, name: str, value: Any) -> int:
        """Take what is not declared out of ``value``, as the definition ``name`` has it.

        Gives how many fields were taken out; raises :class:`TooMuchError`.
        """
        self._left = _MAX_COPIED
        try:
            return self._by_name(name)(value, None)
        except RecursionError:
            raise TooMuchError from None

    def _by_name(self, name: str, depth: int = 0) -> Prune:
        if name not in self._known:
            made = self._made(self._checker.schema(name), depth)
            if len(self._known) >= _MAX_DEFINITIONS:
                self._known.clear()
            self._known[name] = made
        return self._known[name] or nothing

    def _made(self, schema: Schema, depth: int) -> Prune | None:
        """The prune of ``schema``; ``None`` if there is nothing for it to do or to know."""
        if depth == _MAX_DEPTH:
            raise TooMuchError
        if isinstance(schema, bool):
            return None
        parts = [self._fields(schema), self._items(schema), *self._parts(schema, depth + 1)]
        useful = [part for part in parts if part is not None and part is not nothing]
        if "unevaluatedProperties" in schema:
            return prunes.whole_object(useful, self._rest(schema["unevaluatedProperties"]))
        return prunes.one_after_another(useful)

    # What is below the value

    def _below(self, schema: Schema) -> Prune | None:
        """The prune for what stands below a value: of a reference only made when it is needed."""
        if isinstance(schema, dict) and schema.keys() == {"$ref"}:
            name, known, by_name = name_of(schema["$ref"]), self._known, self._by_name

            def prune(value: Any, _declared: set[str] | None) -> int:
                return (known.get(name) or by_name(name))(value, None)

            return prune
        return self._made(schema, 0)

    def _items(self, schema: dict[str, Any]) -> Prune | None:
        first = [self._below(part) or nothing for part in schema.get("prefixItems", ())]
        further = self._below(schema["items"]) if "items" in schema else None
        if "unevaluatedItems" in schema and self._below(schema["unevaluatedItems"]) is not None:
            raise TooMuchError
        if further is None and all(each is nothing for each in first):
            return None
        return prunes.items(first, further)

    def _fields(self, schema: dict[str, Any]) -> Prune | None:
        properties = schema.get("properties", {})
        refused = frozenset(name for name, part in properties.items() if _is_refused(part))
        names = frozenset(properties) - refused
        below = [(name, self._below(properties[name])) for name in properties if name in names]
        children = tuple((name, prune) for name, prune in below if prune is not None)
        patterns = schema.get("patternProperties", {})
        if not patterns and "additionalProperties" not in schema:
            return prunes.open_object(names, refused, children) if properties else None
        if not patterns and schema["additionalProperties"] is False:
            return prunes.closed_object(names, children)
        matching = [(matcher(pattern), self._rest(part)) for pattern, part in patterns.items()]
        rest = self._rest(schema.get("additionalProperties", True))
        named = prunes.open_object(names, refused, children)
        return prunes.keyed_object(named, names, matching, rest, goes_on="additionalProperties" in schema)

    def _rest(self, schema: Schema) -> Prune | None:
        return take if schema is False else self._below(schema)

    # Other schemas for the same value

    def _parts(self, schema: dict[str, Any], depth: int) -> Iterable[Prune | None]:
        if "$ref" in schema:
            yield self._by_name(name_of(schema["$ref"]), depth)
        for part in schema.get("allOf", ()):
            yield self._made(part, depth)
        for keyword in ("anyOf", "oneOf"):
            if keyword == "anyOf" and SELECTED_BY in schema:
                yield self._selected(schema[SELECTED_BY], schema["anyOf"], depth)
            elif keyword in schema:
                yield self._chosen(keyword, schema[keyword], depth)
        if "if" in schema:
            yield self._conditional(schema, depth)
        for name, part in schema.get("dependentSchemas", {}).items():
            yield prunes.where_present(name, self._made(part, depth))

    def _conditional(self, schema: dict[str, Any], depth: int) -> Prune | None:
        condition = schema["if"]
        knows, then, otherwise = (
            self._made(part, depth) or nothing
            for part in (condition, schema.get("then", True), schema.get("else", True))
        )
        if knows is then is otherwise is nothing:
            return None
        if not isinstance(condition, dict) or "$ref" not in condition:
            raise TooMuchError
        name, fits = name_of(condition["$ref"]), self._checker.fits

        def prune(value: Any, declared: set[str] | None) -> int:
            if fits({name: value}):
                return knows(value, declared) + then(value, declared)
            return otherwise(value, declared)

        return prune

    def _selected(self, tag: str, branches: list[Schema], depth: int) -> Prune:
        """The alternative that the field ``tag`` selects."""
        by_value = {value: self._made(branch, depth) or nothing for branch in branches for value in tags_of(branch)}
        others = self._chosen("anyOf", [branch for branch in branches if not tags_of(branch)], depth) or nothing

        def prune(value: Any, declared: set[str] | None) -> int:
            selected = None
            if value.__class__ is dict and value.get(tag).__class__ is str:
                selected = by_value.get(value[tag])
            return (selected or others)(value, declared)

        return prune

    def _chosen(self, keyword: str, branches: list[Schema], depth: int) -> Prune | None:
        """The alternatives that fit."""
        alternatives = [each for branch in branches if (each := self._alternative(branch, depth)) is not None]
        if all(each.prune is nothing for each in alternatives):
            return None
        anything_fits = True in branches
        if len(alternatives) == 1 and not anything_fits:
            return alternatives[0].prune

        def prune(value: Any, declared: set[str] | None) -> int:
            plausible = [each for each in alternatives if each.is_plausible(value)]
            if len(plausible) == 1 and not anything_fits:
                return plausible[0].prune(value, declared)
            counting = [each for each in plausible if self._fits(each, value)]
            if not counting and not anything_fits:
                tries = [(taken, each) for each in plausible if (taken := self._try(each, value)) is not None]
                if declared is None or keyword == "oneOf":
                    tries = sorted(tries, key=lambda tried: tried[0])[:1]
                counting = [each for _, each in tries]
            return sum(each.prune(value, declared) for each in counting)

        return prune

    def _alternative(self, branch: Schema, depth: int) -> _Alternative | None:
        """``branch`` as one of several; ``None`` if no object or list fits it, or anything does."""
        if isinstance(branch, bool):
            return None
        asked = _Asked(self._checker.schema)
        asked.read(branch)
        if not asked.types:
            return None
        name = name_of(branch["$ref"]) if "$ref" in branch else ""
        prune = self._made(branch, depth) or nothing
        return _Alternative(name, prune, asked.types, frozenset(asked.required), tuple(asked.fixed.items()))

    def _try(self, alternative: _Alternative, value: Any) -> int | None:
        """How much pruning by ``alternative`` would take out of ``value``; ``None`` if it does not fit even so."""
        copy = self._copy(value)
        taken = alternative.prune(copy, None)
        return taken if self._fits(alternative, copy) else None

    def _fits(self, alternative: _Alternative, value: Any) -> bool:
        if not alternative.name:
            raise TooMuchError
        return self._checker.fits({alternative.name: value})

    def _copy(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        self._left -= len(value)
        if self._left < 0:
            raise TooMuchError
        if isinstance(value, list):
            return [self._copy(item) for item in value]
        return {name: self._copy(item) for name, item in value.items()}


class _Alternative(NamedTuple):
    """One of several schemas for a value: ``name`` of its definition, and what is plain to see of what it asks."""

    name: str
    prune: Prune
    types: frozenset[str]
    required: frozenset[str]
    fixed: tuple[tuple[str, tuple[Any, ...]], ...]

    def is_plausible(self, value: Any) -> bool:
        """Whether ``value`` is an object or list that may fit, whatever is undeclared in it."""
        if value.__class__ is not dict:
            return value.__class__ is list and "array" in self.types
        if "object" not in self.types or not self.required <= value.keys():
            return False
        return all(name not in value or value[name] in values for name, values in self.fixed)


class _Asked:
    """What a schema plainly asks of a value: its types, required fields, and fields with but a few possible values."""

    def __init__(self, resolve: Callable[[str], Schema]) -> None:
        self._resolve = resolve
        self._seen: set[str] = set()
        self.types = frozenset(("object", "array"))
        self.required: set[str] = set()
        self.fixed: dict[str, tuple[Any, ...]] = {}

    def read(self, schema: Schema, depth: int = 0) -> None:
        """Add what ``schema`` asks, with what it refers to."""
        if isinstance(schema, bool) or depth == _MAX_DEPTH:
            return
        if "type" in schema:
            self.types &= {*([schema["type"]] if isinstance(schema["type"], str) else schema["type"])}
        self.required.update(schema.get("required", ()))
        for name, part in schema.get("properties", {}).items():
            if isinstance(part, dict) and ("const" in part or "enum" in part):
                self.fixed[name] = tuple(part.get("enum", [part.get("const")]))
        reference = schema.get("$ref")
        if reference is not None and reference not in self._seen:
            self._seen.add(reference)
            self.read(self._resolve(name_of(reference)), depth + 1)
        for part in schema.get("allOf", ()):
            self.read(part, depth + 1)


def _is_refused(schema: Schema) -> bool:
    return schema is False or (isinstance(schema, dict) and HIDDEN in schema)
