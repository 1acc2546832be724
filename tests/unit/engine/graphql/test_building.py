"""The judge of queries, made from the file."""

from __future__ import annotations

from typing import Any

import pytest
from graphql_shop import graphql_context
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.graphql.building import queries_of
from portcullis.engine.graphql.document import POST
from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.identity import Identity
from portcullis.engine.policies.validate.graphql import GraphqlConfig

ME = {"query": "{ me { id email } }"}


@rows("case", cases_of("validate/graphql")["mistakes"], ids=lambda case: case["told"])
def test_mistakes_of_the_file_are_told_at_their_place(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as error:
        queries_of("shop.graphql", GraphqlConfig.model_validate(case["settings"]), graphql_context(POST))
    (first,) = error.value.diagnostics
    assert case["told"] in first.message
    assert first.pointer.startswith("apis.shop.validate.graphql.")


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"max_query_bytes": 64, "max_fields": 1}, "limit"),
        ({"max_depth": 1}, "limit"),
        ({"fields": {"Customer.email": {"scopes": ["email"]}}}, "field"),
        ({"documents": ["queries/*.graphql"]}, "unknown"),
    ],
)
def test_queries_are_judged_by_the_file(settings: dict[str, Any], kind: str) -> None:
    anybody = Identity("api_key", "a")
    assert queries_of("shop.graphql", GraphqlConfig(), graphql_context(POST)).in_body(ME, anybody) == ("query", None)
    with pytest.raises(QueryError) as error:
        queries_of("shop.graphql", GraphqlConfig.model_validate(settings), graphql_context(POST)).in_body(ME, anybody)
    assert error.value.kind == kind


def test_a_schema_is_read_once_for_all_operations() -> None:
    context = graphql_context(POST)
    queries_of("shop.graphql", GraphqlConfig(), context)
    schema = context.shared["graphql", "shop.graphql"]
    queries_of("shop.graphql", GraphqlConfig(get=True), context)
    assert context.shared["graphql", "shop.graphql"] is schema
