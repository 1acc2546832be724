"""Where the objects of a rule are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.objects.declared import Place
from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.placing import listed_at, may_be_absent, may_be_lists, number_at, objects_at
from portcullis.engine.objects.syntax import EACH
from portcullis.engine.objects.tokens import RuleError

THING = {"type": "object", "properties": {"owner": {"type": "string"}}}
LIST = {"type": "array", "items": THING}
Make = Callable[..., Place]


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


RULE = parse("response.owner == identity.subject")


@rows(
    ("schema", "at"),
    [
        (THING, ()),
        (LIST, ()),
        (of(items=LIST, total={"type": "integer"}), ("items",)),
        (of(data=of(items=LIST)), ("data", "items")),
        (of(owner={"type": "string"}, tags={"type": "array", "items": {"type": "string"}}), ()),
        ({"type": "object"}, ()),
        (of(other={"type": "string"}), ()),
    ],
)
def test_they_are_found_where_the_document_declares_them(schema: Any, at: Any, place: Make) -> None:
    assert objects_at(RULE, [("200", place(schema))], None) == at


@rows(
    ("schemas", "message"),
    [
        ([of(owner={"type": "string"}, items=LIST)], "could be meant of response or response.items in the answer 200"),
        ([of(a=LIST, b=LIST)], "could be meant of response.a or response.b"),
        ([THING, of(items=LIST)], "the objects are at response in one answer, and at response.items"),
    ],
)
def test_what_can_be_read_in_two_ways_has_to_be_said(schemas: Any, message: str, place: Make) -> None:
    with pytest.raises(RuleError, match=message):
        objects_at(RULE, [("200", place(schema)) for schema in schemas], None)


def test_the_file_may_say_where_they_are(place: Make) -> None:
    places = [("200", place(of(owner={"type": "string"}, items=LIST, groups={"type": "array", "items": of(all=LIST)})))]
    for text, at in (
        ("response", ()),
        ("response.items", ("items",)),
        ("response.groups[].all", ("groups", EACH, "all")),
    ):
        assert objects_at(RULE, places, parse_path(text)) == at


@rows(
    ("items", "message"),
    [
        ("response.item", "response.item is not declared in the answer 200"),
        ("request.body", "objects are looked for in the answer"),
        ("response.items[]", "the place is that of the list"),
    ],
)
def test_but_only_where_they_are_declared(items: str, message: str, place: Make) -> None:
    with pytest.raises(RuleError, match=message.replace("[", r"\[")):
        objects_at(RULE, [("200", place(of(items=LIST)))], parse_path(items))


def test_a_rule_that_speaks_of_items_says_it_itself(place: Make) -> None:
    rule = parse("response.items[].owner == identity.subject and response.total == 1")
    places = [("200", place(of(items=LIST)))]
    assert objects_at(rule, places, None) == ("items",)
    with pytest.raises(RuleError, match="the rule itself says"):
        objects_at(rule, places, parse_path("response.items"))


@rows(
    ("rule", "at"),
    [
        ("response.a == 1", None),
        ("response[].a == 1", ()),
        ("response.x[].a == 1 and response.x[].b == 2", ("x",)),
        ("response.x[].y[].a == 1", ("x", EACH, "y")),
        ("request.body.x[].a == 1", None),
    ],
)
def test_one_list(rule: str, at: Any) -> None:
    assert listed_at(parse(rule), "response") == at


def test_and_no_other_list() -> None:
    with pytest.raises(RuleError, match=r"about response.x\[\] already"):
        listed_at(parse("response.x[].a == 1 and response.y[].a == 2"), "response")


@rows(
    ("schema", "at", "absent"),
    [
        (of(items=LIST), ("items",), True),
        ({**of(items=LIST), "required": ["items"]}, ("items",), False),
        ({**of(a=of(items=LIST)), "required": ["a"]}, ("a", "items"), True),
        (LIST, (), False),
        (of(other=LIST), ("items",), True),
        (THING, ("owner", "x"), True),
    ],
)
def test_what_need_not_be_there(schema: Any, at: Any, absent: bool, place: Make) -> None:
    assert may_be_absent(place(schema), at) is absent


@rows(
    ("schema", "at", "lists"),
    [
        (LIST, (), True),
        (THING, (), False),
        (of(items=LIST), ("items",), True),
        (of(items=LIST), ("none",), False),
        ({}, (), True),
    ],
)
def test_lists(schema: Any, at: Any, lists: bool, place: Make) -> None:
    assert may_be_lists([("200", place(schema))], at) is lists


def test_numbers_of_an_answer(place: Make) -> None:
    places = [
        ("200", place(of(total={"type": "integer"}, page=of(n={"type": "number"}), name={"type": "string"}, x={})))
    ]
    assert number_at(parse_path("response.total"), places) == ("total",)
    assert number_at(parse_path("response.page.n"), places) == ("page", "n")
    assert number_at(parse_path("response.x"), places) == ("x",)


@rows(
    ("path", "message", "hint"),
    [
        ("response.totl", "response.totl is not declared", 'did you mean "response.total"?'),
        ("response.name", "response.name is no number", "remove it"),
        ("response", "response is not declared", "declared: response.total, response.name"),
        ("request.body.total", "request.body.total is not declared", "declared: response.total, response.name"),
        ("response.total[]", "is not declared", ""),
    ],
)
def test_what_is_no_number(path: str, message: str, hint: str, place: Make) -> None:
    places = [("200", place(of(total={"type": "integer"}, name={"type": "string"})))]
    with pytest.raises(RuleError) as error:
        number_at(parse_path(path), places)
    assert message in error.value.message
    assert hint in error.value.hint


def test_what_leads_nowhere_is_not_absent(place: Make) -> None:
    schema = {**of(a={"type": "string"}), "required": ["a"]}
    assert not may_be_absent(place(schema), ("a", EACH, "b"))
