"""Requests, read from bodies and URLs."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.reading import GraphqlRequest, read_body, read_query

HASH = "a" * 64


@rows(
    ("value", "request_"),
    [
        ({"query": "{a}"}, GraphqlRequest("{a}")),
        ({"query": "{a}", "operationName": None, "variables": None, "extensions": None}, GraphqlRequest("{a}")),
        ({"query": "{a}", "operationName": "A", "variables": {"b": 1}}, GraphqlRequest("{a}", "A", {"b": 1})),
        ({"query": "{a}", "extensions": {"other": 1}}, GraphqlRequest("{a}")),
        (
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
            GraphqlRequest(None, sha256=HASH),
        ),
    ],
)
def test_a_request_is_read(value: Any, request_: GraphqlRequest) -> None:
    assert read_body(value, 1) == (request_,)


@rows(
    "value",
    [
        None,
        7,
        "{a}",
        {},
        [],
        [7],
        {"query": ""},
        {"query": None},
        {"query": 7},
        {"query": ["{a}"]},
        {"query": "{a}", "operationName": 7},
        {"query": "{a}", "variables": "{}"},
        {"query": "{a}", "variables": []},
        {"query": "{a}", "extensions": []},
        {"query": "{a}", "Query": "{b}"},
        {"query": "{a}", "extensions": {"persistedQuery": HASH}},
        {"query": "{a}", "extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
        {"query": "{a}", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH.upper()}}},
        {"query": "{a}", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}},
    ],
)
def test_what_is_none_is_refused(value: Any) -> None:
    with pytest.raises(QueryError) as error:
        read_body(value, 5)
    assert error.value.kind == "request"


def test_a_batch_has_a_bound() -> None:
    assert len(read_body([{"query": "{a}"}] * 3, 3)) == 3
    for most in (1, 2):
        with pytest.raises(QueryError) as error:
            read_body([{"query": "{a}"}] * 3, most)
        assert error.value.kind == "limit"


def test_a_url_holds_json() -> None:
    parameters = {"query": "{a}", "variables": '{"b": 1}', "operationName": "A"}
    assert read_query(parameters) == GraphqlRequest("{a}", "A", {"b": 1})


@rows("parameters", [{"query": "{a}", "variables": "{"}, {"query": "{a}", "variables": '{"a":1,"a":2}'}, {"q": "{a}"}])
def test_a_url_that_is_none_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(QueryError):
        read_query(parameters)
