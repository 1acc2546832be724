"""Which queries are sent on: hostile ones, and good ones."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.graphql import judging
from portcullis.engine.graphql.errors import QueryError
from portcullis.engine.graphql.field_rules import FieldRule
from portcullis.engine.graphql.judging import QueryJudge
from portcullis.engine.graphql.reading import GraphqlRequest

MakeJudge = Callable[..., QueryJudge]
SPREADS = " ".join(f"...f{number}" for number in range(45))
HOSTILE: list[tuple[str, str]] = [
    # No GraphQL.
    ("", "syntax"),
    ("{", "syntax"),
    ("}", "syntax"),
    ("{}", "syntax"),
    ("{me{}}", "syntax"),
    ("me", "syntax"),
    ("{me{id}", "syntax"),
    ("{me(){id}}", "syntax"),
    ("query query query", "syntax"),
    ("{me{id}}\x00", "syntax"),
    ('{search(text:"\\u{110000}"){__typename}}', "syntax"),
    ('{search(text:"\\ud800"){__typename}}', "syntax"),
    ('{search(text:"a\n"){__typename}}', "syntax"),
    ("type Query { a: Int }", "invalid"),
    ("extend type Query { a: Int } {me{id}}", "invalid"),
    ("fragment f on Customer{id}", "invalid"),
    # Not of the schema.
    ("{nope}", "invalid"),
    ("{me}", "invalid"),
    ("{me{id{a}}}", "invalid"),
    ("{me{friends}}", "invalid"),
    ("{node{id}}", "invalid"),
    ("{node(id:1,x:2){id}}", "invalid"),
    ("{node(id:1,id:2){id}}", "invalid"),
    ("{node(id:{a:1}){id}}", "invalid"),
    ("{orders(first:1.5){count}}", "invalid"),
    ("{orders(first:99999999999999999999){count}}", "invalid"),
    ('{search(text:"a",in:{shop:1,x:2}){__typename}}', "invalid"),
    ('{search(text:"a",in:{tags:["a"]}){__typename}}', "invalid"),
    ("{me{...f}}", "invalid"),
    ("fragment f on Nope{id} {me{...f}}", "invalid"),
    ("fragment f on Order{id} {me{...f}}", "invalid"),
    ("fragment f on Where{shop} {me{...f}}", "invalid"),
    ("fragment f on Customer{...f} {me{...f}}", "invalid"),
    ("fragment f on Customer{...g} fragment g on Customer{...f} {me{...f}}", "invalid"),
    ("fragment f on Customer{id} {me{id}}", "invalid"),
    ("fragment f on Customer{id} fragment f on Customer{id} {me{...f}}", "invalid"),
    ("{me{id @nope}}", "invalid"),
    ("{me{id @skip}}", "invalid"),
    ("{me{id @skip(if:true) @skip(if:true)}}", "invalid"),
    ("{me{id:name id}}", "invalid"),
    ("{a:me{id} a:node(id:1){id}}", "invalid"),
    ("query($a:Int,$a:Int){products(limit:$a){id}}", "invalid"),
    ("query($a:Nope){products(limit:$a){id}}", "invalid"),
    ("query($a:Customer){me{id}}", "invalid"),
    ("query($a:String){products(limit:$a){id}}", "invalid"),
    ("{products(limit:$a){id}}", "invalid"),
    ("query($a:Int){me{id}}", "invalid"),
    ("mutation{me{id}}", "invalid"),
    ("{refund(order:1){id}}", "invalid"),
    ("query A{me{id}} query A{me{id}}", "invalid"),
    ("subscription{changed{id}}", "method"),
    # Too much.
    ("{" * 2000, "limit"),
    ("{search(text:" + "[" * 100 + "]" * 100 + "){__typename}}", "limit"),
    ("{me{" + "id " * 100 + "}}", "limit"),
    ("{" + " ".join(f"a{number}:me{{id}}" for number in range(20)) + "}", "limit"),
    ("{me{" + " ".join("id" for _ in range(5000)) + "}}", "limit"),
    ("{me{id " + "@skip(if:true) " * 400 + "}}", "limit"),
    ("{me{id}}" + "\n# " * 20_000, "limit"),
    ("{me{friends{friends{friends{id}}}}}", "limit"),
    ("{products(limit:2147483647){id}}", "limit"),
    ("{a:products(limit:600){id} b:products(limit:600){id}}", "limit"),
    ("{me{orders{items{related{related{related{id}}}}}}}", "limit"),
    ("query A{me{id}}" * 30, "limit"),
    ("{me{" + SPREADS + "}}" + "".join(f"fragment f{n} on Customer{{{SPREADS}}}" for n in range(45)), "limit"),
    ("".join(f"fragment f{n} on Customer{{id}}" for n in range(60)) + "{me{...f0}}", "limit"),
    (
        "".join(f"fragment f{n} on Customer{{a:friends{{...f{n + 1}}} b:friends{{...f{n + 1}}}}}" for n in range(7))
        + "fragment f7 on Customer{id} {me{...f0}}",
        "limit",
    ),
    # The schema.
    ("{__schema{types{name}}}", "introspection"),
    ('{__type(name:"Order"){name}}', "introspection"),
    ('{a:__type(name:"Order"){name}}', "introspection"),
    ("fragment f on Query{__schema{queryType{name}}} {...f}", "introspection"),
    ("{...{...on Query{x:__schema{description}}}}", "introspection"),
]


@rows(("text", "kind"), HOSTILE)
def test_a_hostile_query_is_refused_in_good_time(make_judge: MakeJudge, text: str, kind: str) -> None:
    judge = make_judge()
    began = time.thread_time()
    with pytest.raises(QueryError) as error:
        judge.judge(text, GraphqlRequest(text))
    assert error.value.kind == kind
    assert time.thread_time() - began < 0.25
    for word in ("Customer", "Order", "did you mean"):
        assert word.lower() not in str(error.value).lower()


@rows(
    ("text", "operation", "variables", "title"),
    [
        ("{me{id}}", None, {}, "query"),
        ("query A{me{id}} mutation B{refund(order:1){id}}", "B", {}, "mutation B"),
        ("query A($n:Int=3){products(limit:$n){id __typename}}", None, {}, "query A"),
        ("query A($n:Int!){products(limit:$n){id}}", "A", {"n": 999}, "query A"),
        ('query($w:Where){search(text:"a",in:$w){__typename}}', None, {"w": {"shop": 1, "tags": ["a"]}}, "query"),
        ("query($s:Boolean!){me{id @include(if:$s) name @skip(if:$s)}}", None, {"s": True}, "query"),
        ("{me{id}} # a comment, {{{", None, {}, "query"),
        ('{search(text:"""block { string"""){...on Product{name} ...on Node{id}}}', None, {}, "query"),
    ],
)
def test_what_fits_is_taken(
    make_judge: MakeJudge, text: str, operation: str | None, variables: dict[str, Any], title: str
) -> None:
    assert make_judge().judge(text, GraphqlRequest(text, operation, variables)).title == title


@rows(
    "variables",
    [
        {},
        {"n": None},
        {"n": "3"},
        {"n": 3.5},
        {"n": True},
        {"n": [3]},
        {"n": 2**31},
        {"n": 1, "m": 2},
        {"N": 1},
    ],
)
def test_variables_have_their_types(make_judge: MakeJudge, variables: dict[str, Any]) -> None:
    text = "query($n:Int!){products(limit:$n){id}}"
    with pytest.raises(QueryError) as error:
        make_judge().judge(text, GraphqlRequest(text, None, variables))
    assert error.value.kind == "variables"


@rows("operation", [None, "C", ""])
def test_it_must_be_said_which_operation_is_meant(make_judge: MakeJudge, operation: str | None) -> None:
    text = "query A{me{id}} query B{me{id}}"
    with pytest.raises(QueryError) as error:
        make_judge().judge(text, GraphqlRequest(text, operation))
    assert error.value.kind == "request"


def test_the_bound_on_cost_is_about_what_variables_say_now(make_judge: MakeJudge) -> None:
    judge, text = make_judge(cost=100), "query($n:Int){products(limit:$n){id}}"
    for size, taken in ((100, True), (101, False), (100, True)):
        if taken:
            judge.judge(text, GraphqlRequest(text, None, {"n": size}))
        else:
            with pytest.raises(QueryError):
                judge.judge(text, GraphqlRequest(text, None, {"n": size}))


def test_the_schema_is_told_where_it_may_be(make_judge: MakeJudge) -> None:
    text = "{__schema{types{name}}}"
    assert make_judge(introspection=True).judge(text, GraphqlRequest(text)).introspects


def test_rules_are_those_of_the_operation_that_is_meant(make_judge: MakeJudge) -> None:
    rule = FieldRule("Customer.email", "x")
    judge, text = make_judge(rule), "query A{me{email}} query B{me{id}}"
    assert judge.judge(text, GraphqlRequest(text, "A")).rules == (rule,)
    assert judge.judge(text, GraphqlRequest(text, "B")).rules == ()


def test_what_was_read_is_remembered_up_to_a_bound(make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "CACHED", 2)
    judge = make_judge(bytes=100_000, tokens=50_000)
    first = judge.judge("{me{id}}", GraphqlRequest("{me{id}}"))
    assert judge.judge("{me{id}}", GraphqlRequest("{me{id}}")) is first
    for text in ("{me{name}}", "{me{email}}", "{me{id}}" + " " * judging.CACHED_BYTES):
        judge.judge(text, GraphqlRequest(text))
    assert len(judge._known) == 2
    assert judge.judge("{me{id}}", GraphqlRequest("{me{id}}")) is not first


@given(st.text(alphabet='{}()[]:$!@"\\ #\nmeidqueryfragonC1.,=', max_size=60))
def test_no_text_fails_in_another_way(make_judge: MakeJudge, text: str) -> None:
    with contextlib.suppress(QueryError):
        make_judge().judge(text, GraphqlRequest(text))
