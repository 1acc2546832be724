"""Who may ask for which fields: rules by ``Type.field``, and where they hold.

A field can be reached by its type, by an interface that its type has, or by a union's member; a rule holds wherever the
object may be one of its type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from graphql import GraphQLSchema, is_abstract_type, is_interface_type, is_object_type

from portcullis.engine.identity import Identity

_NOBODY: Final[frozenset[str]] = frozenset()


class FieldRule(msgspec.Struct, frozen=True):
    """What a caller needs for a field. ``coordinate``: ``Customer.email``; ``allowed``: the rule in words.

    ``granting``: sets of roles, one of each of which is needed; ``scopes``: all of which are.
    """

    coordinate: str
    allowed: str
    granting: tuple[frozenset[str], ...] = ()
    scopes: frozenset[str] = _NOBODY

    def holds(self, identity: Identity) -> bool:
        """Whether ``identity`` may ask for the field."""
        held = identity.roles
        return self.scopes <= identity.scopes and not any(each.isdisjoint(held) for each in self.granting)


class FieldRules:
    """The rules of one API, by where a query may meet them."""

    def __init__(self, schema: GraphQLSchema, rules: Iterable[FieldRule]) -> None:
        self._by_place: dict[tuple[str, str], tuple[FieldRule, ...]] = {}
        for rule in rules:
            name, _, field = rule.coordinate.partition(".")
            for place in _places(schema, name, field):
                self._by_place[place] = (*self._by_place.get(place, ()), rule)

    def __bool__(self) -> bool:
        return bool(self._by_place)

    def of(self, parent: str, field: str) -> tuple[FieldRule, ...]:
        """The rules for the field ``field`` where it is asked of the type ``parent``."""
        return self._by_place.get((parent, field), ())


def is_field(schema: GraphQLSchema, coordinate: str) -> bool:
    """Whether ``coordinate`` names a field of an object type or an interface."""
    name, _, field = coordinate.partition(".")
    return field in getattr(schema.type_map.get(name), "fields", {}) and _has_fields(schema, name)


def fields_of(schema: GraphQLSchema) -> Iterator[str]:
    """All coordinates that a rule may be about."""
    fields: Mapping[str, object]
    for name, named in schema.type_map.items():
        if _has_fields(schema, name) and not name.startswith("__"):
            fields = getattr(named, "fields", {})
            yield from (f"{name}.{field}" for field in fields)


def _has_fields(schema: GraphQLSchema, name: str) -> bool:
    named = schema.type_map.get(name)
    return is_object_type(named) or is_interface_type(named)


def _places(schema: GraphQLSchema, name: str, field: str) -> Iterator[tuple[str, str]]:
    named = schema.type_map[name]
    concrete = {each.name for each in schema.get_possible_types(named)} if is_abstract_type(named) else {name}
    for other_name, other in schema.type_map.items():
        if field not in getattr(other, "fields", {}) or not _has_fields(schema, other_name):
            continue
        possible = {each.name for each in schema.get_possible_types(other)} if is_abstract_type(other) else {other_name}
        if possible & concrete:
            yield other_name, field
