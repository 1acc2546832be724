"""The requests of an API, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portcullis.engine.graphql.allow_list import AllowList
from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.field_rules import FieldRule
from portcullis.engine.graphql.judging import QueryJudge
from portcullis.engine.graphql.queries import Queries
from portcullis.engine.identity import ANONYMOUS, Identity

EMAIL = FieldRule("Customer.email", "the scope pii", scopes=frozenset({"pii"}))
CALLER = Identity("jwt", "a", scopes=frozenset({"pii"}))
MakeJudge = Callable[..., QueryJudge]


def kind(run: Callable[[], Any]) -> str:
    with pytest.raises(QueryError) as error:
        run()
    return error.value.kind


def test_titles_are_those_of_the_operations(make_judge: MakeJudge) -> None:
    queries = Queries(make_judge(), 2, None, "#/x")
    assert queries.in_body({"query": "query Me{me{id}}"}, ANONYMOUS) == ("query Me", None)
    batch = [{"query": "{me{id}}"}, {"query": "mutation R{refund(order:1){id}}"}]
    assert queries.in_body(batch, ANONYMOUS) == ("query, mutation R", None)
    assert queries.in_url({"query": "{me{id}}"}, ANONYMOUS) == "query"


def test_a_field_is_for_those_who_have_what_it_needs(make_judge: MakeJudge) -> None:
    queries = Queries(make_judge(EMAIL), 1, None, "#/x")
    value = {"query": "{me{email}}"}
    assert kind(lambda: queries.in_body(value, ANONYMOUS)) == "field"
    assert queries.in_body(value, CALLER)[0] == "query"
    assert queries.in_body({"query": "{me{id}}"}, ANONYMOUS)[0] == "query"


def test_only_listed_operations_are_taken(make_judge: MakeJudge) -> None:
    listed = AllowList([("a.graphql", b"query Me{me{id}}")])
    queries = Queries(make_judge(), 2, listed, "#/x")
    assert queries.in_body({"query": "query Me { me { id } }"}, ANONYMOUS) == ("query Me", None)
    assert kind(lambda: queries.in_body({"query": "query Me{me{name}}"}, ANONYMOUS)) == "unknown"


def test_a_digest_is_replaced_by_the_text(make_judge: MakeJudge) -> None:
    listed = AllowList([("a.graphql", b"query Me{me{id}}")])
    sha256 = next(digest for digest, text in listed._by_hash.items() if text)
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}, "client": "x"}}
    queries = Queries(make_judge(), 2, listed, "#/x")
    _, changed = queries.in_body({**named, "variables": None}, ANONYMOUS)
    assert changed == {"query": listed.text_of(sha256), "extensions": {"client": "x"}, "variables": None}
    _, changed = queries.in_body([named, {"query": "query Me{me{id}}"}], ANONYMOUS)
    assert [each["query"] for each in changed] == [listed.text_of(sha256), "query Me{me{id}}"]
    bare = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}}}
    assert queries.in_body(bare, ANONYMOUS)[1] == {"query": listed.text_of(sha256)}


def test_a_digest_that_stands_for_nothing_is_refused(make_judge: MakeJudge) -> None:
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}
    for listed in (None, AllowList([("a.graphql", b"query Me{me{id}}")])):
        queries = Queries(make_judge(), 1, listed, "#/x")
        assert kind(lambda queries=queries: queries.in_body(named, ANONYMOUS)) == "unknown"  # type: ignore[misc]
    url = {"extensions": '{"persistedQuery": {"version": 1, "sha256Hash": "%s"}}' % ("0" * 64)}
    assert kind(lambda: Queries(make_judge(), 1, None, "#/x").in_url(url, ANONYMOUS)) == "request"


def test_what_changes_something_is_not_taken_from_a_url(make_judge: MakeJudge) -> None:
    queries = Queries(make_judge(), 1, None, "#/x")
    assert kind(lambda: queries.in_url({"query": "mutation{refund(order:1){id}}"}, ANONYMOUS)) == "method"
