"""Whether a query may be sent on: it is of the schema, within its bounds, and asks only for what the caller may see.

What does not depend on the caller or on variables is found out once for each text, and remembered.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values

from portcullis.engine.graphql.allow_list import canonical, digest_of
from portcullis.engine.graphql.bounds import check_size
from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.field_rules import FieldRule, FieldRules
from portcullis.engine.graphql.measuring import Measure, Measurer, Weights, coordinates_of
from portcullis.engine.graphql.reading import GraphqlRequest
from portcullis.engine.graphql.repetition import check_repetition

CACHED: Final = 1_000
"""Texts that one worker remembers; the one not used for longest goes first."""
CACHED_BYTES: Final = 16 * 1024
"""The longest that is remembered."""
_INTROSPECTION: Final = frozenset({"__schema", "__type"})


class Bounds(msgspec.Struct, frozen=True):
    """What one query may be at most; see the configuration of ``validate.graphql``."""

    bytes: int = 16 * 1024
    tokens: int = 2_000
    depth: int = 10
    aliases: int = 15
    fields: int = 500
    cost: int = 1_000


class Prepared(msgspec.Struct, eq=False):
    """One operation of one document. ``digest``: of what it says; ``measure``: ``None`` if it depends on variables."""

    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    rules: tuple[FieldRule, ...]
    introspects: bool
    digest: bytes
    measure: Measure | None = None

    @property
    def title(self) -> str:
        """How it is called in records: ``mutation refund``."""
        name = self.operation.name
        return f"{self.operation.operation.value} {name.value if name is not None else ''}".rstrip()


class QueryJudge:
    """Judges the queries of one API."""

    def __init__(
        self, schema: GraphQLSchema, bounds: Bounds, rules: FieldRules, *, list_size: int, introspection: bool
    ) -> None:
        self._schema = schema
        self._bounds = bounds
        self._rules = rules
        self._weights = Weights(schema, list_size)
        self._introspection = introspection
        self._known: OrderedDict[tuple[bytes, str | None], Prepared] = OrderedDict()

    def judge(self, text: str, request: GraphqlRequest, *, may_change: bool = True) -> Prepared:
        """The operation that ``request`` asks for, of the document ``text``.

        ``may_change``: it may be a mutation. Raises :class:`QueryError`.
        """
        prepared = self._prepare(text, request.operation)
        kind = prepared.operation.operation
        if kind is OperationType.SUBSCRIPTION:
            raise QueryError("method", "Subscriptions are not offered here.", "a subscription", "queries, mutations")
        if kind is OperationType.MUTATION and not may_change:
            raise QueryError("method", "What changes something is sent by POST.", "a mutation by GET", "queries")
        if prepared.introspects and not self._introspection:
            raise QueryError("introspection", "The schema is not told.", "a query for the schema", "queries for data")
        variables = self._variables(prepared, request.variables)
        self._check(prepared.measure or self._measure(prepared, variables))
        return prepared

    def _prepare(self, text: str, operation: str | None) -> Prepared:
        if len(text) > CACHED_BYTES:
            return self._read(text, operation)
        key = (hashlib.sha256(text.encode()).digest(), operation)
        known = self._known
        found = known.get(key)
        if found is not None:
            known.move_to_end(key)
            return found
        found = known[key] = self._read(text, operation)
        if len(known) > CACHED:
            known.popitem(last=False)
        return found

    def _read(self, text: str, operation: str | None) -> Prepared:
        bounds = self._bounds
        check_size(text, bounds.bytes)
        try:
            document = parse(
                text,
                no_location=True,
                max_tokens=bounds.tokens,
                max_lexical_tokens=2 * bounds.tokens,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            if "token limit" in error.message.lower() or "tokens" in error.message:
                raise QueryError("limit", "The query is too long.", "", f"{bounds.tokens} tokens") from None
            raise QueryError("syntax", "The query is not GraphQL.", error.message) from None
        check_repetition(document, fields=bounds.fields, aliases=bounds.aliases)
        errors = validate(
            self._schema,
            document,
            specified_rules,
            max_errors=1,
            hide_suggestions=True,
            allow_empty_selection_sets=False,
        )
        if errors:
            raise QueryError("invalid", "The query does not fit the schema.", errors[0].message)
        chosen = _chosen(document, operation)
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        rules: dict[FieldRule, None] = {}
        introspects = False

        def take(parent: str, field: str) -> None:
            nonlocal introspects
            introspects = introspects or field in _INTROSPECTION
            rules.update(dict.fromkeys(self._rules.of(parent, field)))

        root = self._schema.get_root_type(chosen.operation)
        if root is None:
            raise QueryError("invalid", "The query does not fit the schema.", f"no {chosen.operation.value}s")
        coordinates_of(chosen.selection_set, root, self._schema, fragments, take)
        digest = digest_of(canonical(document, chosen.name.value if chosen.name is not None else ""))
        prepared = Prepared(document, chosen, fragments, tuple(rules), introspects, digest)
        measurer = Measurer(self._weights, fragments, {})
        measure = measurer.of(chosen.selection_set, root)
        if not measurer.uses_variables:
            prepared.measure = measure
        return prepared

    def _variables(self, prepared: Prepared, given: Mapping[str, Any]) -> Mapping[str, Any]:
        definitions = prepared.operation.variable_definitions or ()
        unknown = given.keys() - {each.variable.name.value for each in definitions}
        if unknown:
            raise QueryError("variables", "A variable is not declared by the query.", f"{len(unknown)} of them")
        if not definitions:
            return given
        coerced = get_variable_values(self._schema, definitions, dict(given), max_errors=1, hide_suggestions=True)
        if isinstance(coerced, list):
            raise QueryError("variables", "A variable does not have a value of its type.", coerced[0].message)
        return coerced.coerced

    def _measure(self, prepared: Prepared, variables: Mapping[str, Any]) -> Measure:
        root = self._schema.get_root_type(prepared.operation.operation)
        assert root is not None, "looked at when it was prepared"
        return Measurer(self._weights, prepared.fragments, variables).of(prepared.operation.selection_set, root)

    def _check(self, measure: Measure) -> None:
        bounds = self._bounds
        for what, found, most in (
            ("deep", measure.depth, bounds.depth),
            ("large: it asks for too many fields", measure.fields, bounds.fields),
            ("large: it has too many aliases", measure.aliases, bounds.aliases),
            ("dear", measure.cost, bounds.cost),
        ):
            if found > most:
                raise QueryError("limit", f"The query is too {what}.", str(found), f"at most {most}")


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is None:
        if len(operations) == 1:
            return operations[0]
        raise QueryError("request", "Say by operationName which operation of the document is meant.")
    for each in operations:
        if each.name is not None and each.name.value == name:
            return each
    raise QueryError("request", "The document has no operation of that name.")
