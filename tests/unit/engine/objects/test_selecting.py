"""Lists are filtered by the check of a single object."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given as having
from hypothesis import strategies as st
from rows import rows
from rule_samples import RULES, THINGS, make_given, sources_of

from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.json_text import edited
from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.selecting import Judged, counted, judge


def is_even(value: Any) -> bool | None:
    return value % 2 == 0 if isinstance(value, int) else None


def judged(document: Any, at: str, **how: bool) -> Judged:
    return judge(document, parse_path(at).steps, is_even, **how)


@rows(
    ("document", "at", "left"),
    [
        ([1, 2, 3, 4], "response", [2, 4]),
        ({"a": [1, 2], "b": 1}, "response.a", {"a": [2], "b": 1}),
        ({"a": {"b": [1]}}, "response.a.b", {"a": {"b": []}}),
        ([{"a": [1, 2]}, {"a": [3]}, {"a": None}], "response[].a", [{"a": [2]}, {"a": []}, {"a": None}]),
        ({"a": None}, "response.a", {"a": None}),
        ([2, 4], "response", [2, 4]),
    ],
)
def test_what_may_not_pass_is_taken_out(document: Any, at: str, left: Any) -> None:
    found = judged(document, at)
    assert found.document == left
    assert found.missing is None
    assert found.single is None
    text = orjson.dumps(document)
    assert orjson.loads(text if found.edit is None else edited(text, found.edit)) == left


def test_the_document_itself_is_not_changed() -> None:
    document = {"a": [{"b": [1, 2]}]}
    judged(document, "response.a[].b")
    assert document == {"a": [{"b": [1, 2]}]}


def test_what_passes_and_what_does_not_is_counted() -> None:
    found = judged([{"a": [1, 2]}, {"a": [4, 5, 7]}], "response[].a")
    assert (found.passed, found.refused, found.first) == (2, 3, (0, "a", 0))
    assert (judged([2], "response").passed, judged([2], "response").first) == (1, None)


def test_an_object_that_stands_alone_can_not_be_taken_out() -> None:
    found = judged([{"a": 2}, {"a": 3}], "response[].a")
    assert (found.single, found.first, found.edit) == ((1, "a"), (1, "a"), None)
    assert judged(3, "response").single == ()
    assert judged(None, "response").single == ()


@rows(
    ("document", "at", "missing"),
    [
        ({}, "response.a", ("a",)),
        ([], "response.a", ()),
        ({"a": 1}, "response.a.b", ("a",)),
        ({"a": 1}, "response.a[].b", ("a",)),
        ([{"a": [2]}, {}], "response[].a", (1, "a")),
    ],
)
def test_objects_that_are_not_where_they_should_be_are_missing(document: Any, at: str, missing: Any) -> None:
    assert judged(document, at).missing == missing


def test_a_field_that_need_not_be_there_may_be_absent() -> None:
    assert judged([{"a": [1]}, {}], "response[].a", absent_is_none=True).document == [{"a": []}, {}]
    assert judged([{"a": [1]}, 1], "response[].a", absent_is_none=True).missing == (1,)


def test_a_field_that_is_there_again_in_another_case_is_not_there() -> None:
    assert judged({"a": [2], "A": [1]}, "response.a").missing is None
    assert judged({"a": [2], "A": [1]}, "response.a", strict=True).missing == ("a",)
    assert judged({"a": [2], "b": [1]}, "response.a", strict=True).missing is None


@rows("settled", [True, False, None])
def test_an_answer_that_is_the_same_for_all_holds_for_all(settled: bool | None) -> None:
    found = judge([1, 2], (), settled)
    assert found.document == ([1, 2] if settled is True else [])
    assert (judge(1, (), settled).single is None) is (settled is True)


@having(RULES, st.lists(THINGS, max_size=6))
def test_a_list_and_its_objects_are_never_judged_differently(rule: str, things: list[Any]) -> None:
    condition = parse(rule).condition
    decider, given = Decider(condition, sources_of(condition)), make_given(query={"a": "x"})
    left = [thing for thing in things if decider.check(given, thing) is True]
    found = judge({"items": things, "n": 0.1}, ("items",), decider.bind(given))
    assert found.document["items"] == left
    assert (found.passed, found.refused) == (len(left), len(things) - len(left))
    for thing in things:
        alone = judge([thing], (), decider.bind(given))
        assert (alone.document == [thing]) is (decider.check(given, thing) is True)
        if not isinstance(thing, list):
            assert (judge(thing, (), decider.bind(given)).single is None) is (decider.check(given, thing) is True)
    text = orjson.dumps({"items": things, "n": 0.1})
    written = text if found.edit is None else edited(text, found.edit)
    assert orjson.loads(written) == orjson.loads(orjson.dumps({"items": left, "n": 0.1}))


@rows(
    ("document", "at", "left"),
    [
        ({"a": [1, 2], "n": 9}, ("n",), {"a": [2], "n": 1}),
        ({"a": [1, 2], "n": 1}, ("n",), {"a": [2], "n": 1}),
        ({"a": [2, 4], "n": 2}, ("n",), {"a": [2, 4], "n": 2}),
        ({"a": [2, 4], "n": 5}, ("n",), {"a": [2, 4], "n": 2}),
        ({"a": [1], "p": {"n": 5, "m": 1}}, ("p", "n"), {"a": [], "p": {"n": 0, "m": 1}}),
        ({"a": [2], "n": "5"}, ("n",), {"a": [2], "n": 1}),
        ({"a": [1]}, ("n",), {"a": []}),
        ({"a": [1], "n": None}, ("n", "m"), {"a": [], "n": None}),
    ],
)
def test_a_number_that_counts_them_is_corrected(document: Any, at: tuple[str, ...], left: Any) -> None:
    found = judged(document, "response.a")
    corrected, edit = counted(found.document, found.edit, at, found.passed)
    assert corrected == left
    text = orjson.dumps(document)
    assert orjson.loads(text if edit is None else edited(text, edit)) == left
