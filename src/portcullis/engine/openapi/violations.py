"""Why a value does not fit a schema: asked only once that is known, and answered within a budget.

The compiled validator says yes or no in microseconds, whatever a client sends. Its error reports do not: they try
each alternative of a ``oneOf`` again on every level, so that a small nested body could keep a worker busy for
minutes. Explanations are therefore made here. Each pair of schema and value is looked at once, subtrees that the
compiled validator finds right are skipped, and the number of looks is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import msgspec

from portcullis.engine.openapi.compiling import compile_schema
from portcullis.engine.openapi.formats import is_broken_by
from portcullis.engine.openapi.patterns import matcher

SOURCE: Final = "x-source"
"""In a translated schema: the JSON pointer of the part of the document that it comes from."""
HIDDEN: Final = "x-hidden"
"""In a translated schema that nothing fits: why (``readOnly``, ``writeOnly``), other than that it is not declared."""
SELECTED_BY: Final = "x-selected-by"
"""In a translated schema with ``anyOf``: the field whose value selects the one alternative that counts."""
TAG: Final = "x-tag"
"""In such an alternative: the values that select it. Those without are tried where no value selects another."""

_MAX_NESTING: Final = 80  # about six frames each
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
# Checked by the compiled validator on this one level; none of them looks at another schema.
_ASSERTIONS: Final = (
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "format",
)

Schema = dict[str, Any] | bool
Path = tuple[str | int, ...]


class Violation(msgspec.Struct, frozen=True):
    """One way in which a value does not fit.

    ``path`` leads from the checked value to ``value``, the part that is wrong; ``keyword`` of ``schema`` is what
    it breaks, and ``source`` is the JSON pointer of that keyword in the document; ``names`` are the keys that
    are missing or not declared; ``selected``: the field and the value that selected the schema, if one did.
    """

    path: Path
    keyword: str
    schema: Schema
    source: str
    value: object
    names: tuple[str, ...] = ()
    selected: tuple[str, str] | None = None


class TooComplexError(Exception):
    """The value is wrong, but saying where would cost more than it may."""


class Explainer:
    """Finds violations of schemas of one family.

    ``resolve`` gives the schema that a ``$ref`` names, the same object each time; ``fits`` may know at once
    whether a value fits that schema (``None``: does not know); ``budget`` is the number of looks allowed, and
    ``limit`` how many violations are of interest.
    """

    def __init__(
        self,
        resolve: Callable[[str], Schema],
        fits: Callable[[str, object], bool | None] = lambda _reference, _value: None,
        budget: int = 2_000,
        limit: int = 16,
    ) -> None:
        self._resolve = resolve
        self._fits = fits
        self._budget = budget
        self._limit = limit
        self._nesting = 0
        self._known: dict[tuple[int, int], tuple[Violation, ...]] = {}
        self._alive: list[object] = []  # keys of _known are identities, so nothing in them may go away
        self._assertions: dict[int, jsonschema_rs.Validator | None] = {}

    def violations(self, schema: Schema, value: object, source: str = "") -> tuple[Violation, ...]:
        """The violations of ``schema`` by ``value``. Raises :class:`TooComplexError`."""
        if schema is True:
            return ()
        if schema is False:
            return (Violation((), "false", schema, source, value),)
        if "$ref" in schema and len(schema) == 1 and self._fits(schema["$ref"], value):
            return ()
        key = (id(schema), id(value))
        known = self._known.get(key)
        if known is None:
            self._budget -= 1
            if self._budget < 0 or self._nesting == _MAX_NESTING:
                raise TooComplexError
            self._known[key] = ()  # a schema that leads back to itself adds nothing
            self._alive.append((schema, value))
            self._nesting += 1
            known = self._known[key] = tuple(islice(self._each(schema, value, schema.get(SOURCE, source)), self._limit))
            self._nesting -= 1
        return known

    def _each(self, schema: dict[str, Any], value: object, source: str) -> Iterator[Violation]:
        types = schema.get("type")
        if types is not None and not has_type(value, types):
            yield Violation((), "type", schema, f"{source}/type", value)
            return
        in_place = tuple(self._in_place(schema, value, source))
        yield from in_place
        yield from self._assert_here(schema, value, source)
        if isinstance(value, dict):
            yield from self._object(schema, value, source)
            # What a schema that does not fit knows does not count, so only now it can be told what nobody knows.
            if "unevaluatedProperties" in schema and not in_place:
                evaluated = self._evaluated_keys(schema, value)
                others = [name for name in value if name not in evaluated]
                yield from self._others(schema, "unevaluatedProperties", value, others, source)
        elif isinstance(value, list):
            yield from self._array(schema, value, source)
            if "unevaluatedItems" in schema and not in_place:
                known = self._evaluated_items(schema, value)
                for index in range(len(value)):
                    if index not in known:
                        part = schema["unevaluatedItems"]
                        yield from _below(index, self.violations(part, value[index], f"{source}/unevaluatedItems"))

    def _assert_here(self, schema: dict[str, Any], value: object, source: str) -> Iterator[Violation]:
        if id(schema) not in self._assertions:
            checks: dict[str, Any] = {keyword: schema[keyword] for keyword in _ASSERTIONS if keyword in schema}
            self._assertions[id(schema)] = compile_schema(checks) if checks else None
        validator = self._assertions[id(schema)]
        if validator is not None and not validator.is_valid(value):
            # Its own errors quote the whole value: of one of a megabyte that takes half a second.
            for keyword in _ASSERTIONS:
                if keyword not in schema or _fits_one(keyword, schema[keyword], value):
                    continue
                is_format = is_broken_by(schema.get("format", ""), keyword, schema[keyword])
                broken = "format" if is_format else keyword
                yield Violation((), broken, schema, f"{source}/{broken}", value)

    def _in_place(self, schema: dict[str, Any], value: object, source: str) -> Iterator[Violation]:
        if "$ref" in schema:
            reference = schema["$ref"]
            if self._fits(reference, value) is not True:
                yield from self.violations(self._resolve(reference), value, source)
        for index, part in enumerate(schema.get("allOf", ())):
            yield from self.violations(part, value, f"{source}/allOf/{index}")
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                if keyword == "anyOf" and SELECTED_BY in schema:
                    yield from self._selected(schema, value, source)
                else:
                    yield from self._alternatives(schema, keyword, schema[keyword], value, source)
        if "not" in schema and not self.violations(schema["not"], value, f"{source}/not"):
            yield Violation((), "not", schema, f"{source}/not", value)
        if "if" in schema:
            keyword = "else" if self.violations(schema["if"], value) else "then"
            yield from self.violations(schema.get(keyword, True), value, f"{source}/{keyword}")

    def _selected(self, schema: dict[str, Any], value: object, source: str) -> Iterator[Violation]:
        """What is wrong with ``value`` by the alternative that its tag selects."""
        name = schema[SELECTED_BY]
        branches = schema["anyOf"]
        tag = value.get(name) if isinstance(value, dict) else None
        if isinstance(tag, str):
            for branch in branches:
                if tag in tags_of(branch):
                    for violation in self.violations(branch, value, source):
                        yield msgspec.structs.replace(violation, selected=violation.selected or (name, tag))
                    return
        others = [branch for branch in branches if not tags_of(branch)]
        if not isinstance(value, dict):
            yield from self._alternatives(schema, "anyOf", branches, value, source)
        elif all(self.violations(branch, value, source) for branch in others):
            if any(_speaks_of(branch, name) for branch in others):
                yield from self._alternatives(schema, "anyOf", others, value, source)
            elif name not in value:
                yield Violation((), "required", schema, f"{source}/discriminator", value, (name,))
            else:
                known = {"enum": [tag for branch in branches for tag in tags_of(branch)]}
                yield Violation((name,), "enum", known, f"{source}/discriminator", tag)

    def _alternatives(
        self, schema: dict[str, Any], keyword: str, branches: list[Schema], value: object, source: str
    ) -> Iterator[Violation]:
        tries = [self.violations(branch, value, f"{source}/{keyword}/{index}") for index, branch in enumerate(branches)]
        fitting = sum(not violations for violations in tries)
        if fitting == 0:
            # Say what is wrong with the alternative that was most likely meant, if one stands out.
            ranks = [_likeness(violations) for violations in tries]
            best = max(ranks)
            if ranks.count(best) == 1:
                yield from tries[ranks.index(best)]
            else:
                yield Violation((), keyword, schema, f"{source}/{keyword}", value)
        elif fitting > 1 and keyword == "oneOf":
            yield Violation((), "oneOf", schema, f"{source}/oneOf", value, ("more than one",))

    def _object(self, schema: dict[str, Any], value: dict[str, Any], source: str) -> Iterator[Violation]:
        missing = [name for name in schema.get("required", ()) if name not in value]
        if missing:
            yield Violation((), "required", schema, f"{source}/required", value, tuple(missing))
        for name, part in schema.get("dependentSchemas", {}).items():
            if name in value:
                yield from self.violations(part, value, f"{source}/dependentSchemas/{_escape(name)}")
        properties = schema.get("properties", {})
        for name, part in properties.items():
            if name not in value:
                continue
            if isinstance(part, dict) and HIDDEN in part:
                place = f"{source}/properties/{_escape(name)}"
                yield Violation((), part[HIDDEN], schema, place, value, (name,))
            else:
                yield from _below(name, self.violations(part, value[name], f"{source}/properties/{_escape(name)}"))
        patterns = schema.get("patternProperties", {})
        for pattern, part in patterns.items():
            for name in self._matching(pattern, value):
                yield from _below(
                    name, self.violations(part, value[name], f"{source}/patternProperties/{_escape(pattern)}")
                )
        if "propertyNames" in schema:
            for name in value:
                yield from _below(name, self.violations(schema["propertyNames"], name, f"{source}/propertyNames"))
        if "additionalProperties" in schema:
            matched = {name for pattern in patterns for name in self._matching(pattern, value)}
            others = [name for name in value if name not in properties and name not in matched]
            yield from self._others(schema, "additionalProperties", value, others, source)

    def _others(
        self, schema: dict[str, Any], keyword: str, value: dict[str, Any], names: list[str], source: str
    ) -> Iterator[Violation]:
        part = schema[keyword]
        if part is False:
            if names:
                yield Violation((), keyword, schema, f"{source}/{keyword}", value, tuple(names))
            return
        for name in names:
            yield from _below(name, self.violations(part, value[name], f"{source}/{keyword}"))

    def _array(self, schema: dict[str, Any], value: list[Any], source: str) -> Iterator[Violation]:
        first = schema.get("prefixItems", [])
        for index, part in enumerate(first[: len(value)]):
            yield from _below(index, self.violations(part, value[index], f"{source}/prefixItems/{index}"))
        if "items" in schema:
            for index in range(len(first), len(value)):
                yield from _below(index, self.violations(schema["items"], value[index], f"{source}/items"))
        if "contains" in schema:
            count = sum(not self.violations(schema["contains"], item) for item in value)
            if not schema.get("minContains", 1) <= count <= schema.get("maxContains", count):
                yield Violation((), "contains", schema, f"{source}/contains", value)

    def _evaluated_keys(self, schema: Schema, value: dict[str, Any]) -> set[str]:
        """The keys of ``value`` that ``schema``, its unevaluatedProperties aside, evaluates (JSON Schema core 11.3)."""
        if isinstance(schema, bool):
            return set()
        names = {name for name in schema.get("properties", ()) if name in value}
        for pattern in schema.get("patternProperties", ()):
            names.update(self._matching(pattern, value))
        if "additionalProperties" in schema:
            names.update(value)
        for part in self._counting(schema, value):
            if isinstance(part, dict) and "unevaluatedProperties" in part:
                names.update(value)
            names |= self._evaluated_keys(part, value)
        return names

    def _evaluated_items(self, schema: Schema, value: list[Any]) -> set[int]:
        """The items of ``value`` that ``schema``, its unevaluatedItems aside, evaluates (JSON Schema core 11.2)."""
        if isinstance(schema, bool):
            return set()
        indexes = set(range(len(value) if "items" in schema else len(schema.get("prefixItems", ()))))
        if "contains" in schema:
            indexes.update(i for i, item in enumerate(value) if not self.violations(schema["contains"], item))
        for part in self._counting(schema, value):
            if isinstance(part, dict) and "unevaluatedItems" in part:
                indexes.update(range(len(value)))
            indexes |= self._evaluated_items(part, value)
        return indexes

    def _counting(self, schema: dict[str, Any], value: Any) -> Iterator[Schema]:
        """The schemas for the same value in ``schema`` whose evaluations count: those that ``value`` fits."""
        if "$ref" in schema:
            yield self._resolve(schema["$ref"])
        yield from schema.get("allOf", ())
        for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            if not self.violations(part, value):
                yield part
        if "if" in schema:
            if self.violations(schema["if"], value):
                yield schema.get("else", True)
            else:
                yield schema["if"]
                yield schema.get("then", True)
        if isinstance(value, dict):
            yield from (part for name, part in schema.get("dependentSchemas", {}).items() if name in value)

    def _matching(self, pattern: str, value: dict[str, Any]) -> list[str]:
        matches = matcher(pattern)
        return [name for name in value if matches(name)]


def _fits_one(keyword: str, expected: Any, value: object) -> bool:
    fits = matcher(expected) if keyword == "pattern" else compile_schema({keyword: expected}).is_valid
    return fits(value)


def tags_of(branch: Schema) -> list[str]:
    """The values that select ``branch``, an alternative of a translated schema."""
    tags: list[str] = branch.get(TAG, []) if isinstance(branch, dict) else []
    return tags


def _speaks_of(branch: Schema, name: str) -> bool:
    return isinstance(branch, dict) and name in branch.get("properties", ())


def has_type(value: object, types: str | list[str]) -> bool:
    """Whether ``value`` has one of the JSON Schema ``types``: 1.0 is an integer, ``true`` is not."""
    for name in [types] if isinstance(types, str) else types:
        if isinstance(value, bool):
            if name == "boolean":
                return True
        elif isinstance(value, _TYPES[name]) or (name == "integer" and isinstance(value, float) and value.is_integer()):
            return True
    return False


def _below(token: str | int, violations: tuple[Violation, ...]) -> Iterator[Violation]:
    for violation in violations:
        yield msgspec.structs.replace(violation, path=(token, *violation.path))


def _likeness(violations: tuple[Violation, ...]) -> tuple[int, int, int]:
    """How much a value looks as if an alternative was meant whose ``violations`` these are; the greater, the more.

    Another type is no likeness at all, and another value of a field that can have but a few (a tag) is little.
    """
    likeness = 2
    for violation in violations:
        if violation.keyword == "type" and not violation.path:
            likeness = 0
        elif violation.keyword in ("const", "enum") and len(violation.path) <= 1:
            likeness = min(likeness, 1)
    return likeness, max(len(violation.path) for violation in violations), -len(violations)


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
