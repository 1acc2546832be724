"""Schemas of GraphQL APIs, as files have them."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.graphql.schema import is_schema, read_schema


@rows(
    ("name", "is_one"),
    [("a.graphql", True), ("x/b.GRAPHQLS", True), ("c.gql", True), ("d.yaml", False), ("graphql", False)],
)
def test_a_schema_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert is_schema(name) is is_one


def test_costs_may_be_said_without_defining_how() -> None:
    text = b'type Query { a: [Int!] @listSize(assumedSize: 3) @cost(weight: "2") }'
    assert read_schema("a.graphql", text).directives
    defined = b"directive @cost(weight: String!) on FIELD_DEFINITION\n" + b'type Query { a: Int @cost(weight: "2") }'
    assert read_schema("a.graphql", defined).query_type is not None


@rows(
    ("text", "place", "told"),
    [
        (b"type Query {\n  a: Itn\n}", (1, 1), "Unknown type"),
        (b"type Query {\n  a Int\n}", (2, 5), "Syntax Error"),
        (b"type Mutation { a: Int }", (1, 1), "Query root type must be provided"),
        (b"type Query {\n  a: Int @nope\n}", (1, 1), "Unknown directive"),
        (b"\xff", (0, 0), "not UTF-8"),
        (b"type Query { a: " + b"[" * 200, (1, 1), "more than 100"),
        (b"", (1, 1), "Syntax Error"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: bytes, place: tuple[int, int], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_schema("shop.graphql", text)
    first = error.value.diagnostics[0]
    assert first.file == "shop.graphql"
    assert (first.line, first.column) == place
    assert told in first.message
