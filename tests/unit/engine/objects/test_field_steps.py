"""The steps for fields. What they make of whole exchanges is in the cases of the policy."""

from __future__ import annotations

from typing import Any

import orjson
from rows import rows

from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.objects import codes
from portcullis.engine.objects.field_steps import (
    MOST_STRIPPED,
    answer_head_step,
    answer_step,
    ask_step,
    body_step,
    wants_answer,
)
from portcullis.engine.objects.hiding import Hider, Mark, Marks, tree_of
from portcullis.engine.openapi.field_marks import Action
from portcullis.engine.openapi.pointer import split
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request


def marks(*pointers: str, action: Action = "drop") -> Marks:
    roles = frozenset({"boss"})
    return Marks(tree_of([(split(pointer), Mark(roles, action, pointer, "#/x")) for pointer in pointers]))


def facts(role: str = "", document: Any = UNREAD) -> Facts:
    found = Facts(document=document)
    found.identify(Identity("api_key", "a", consumer=Consumer("a", roles=frozenset({role}))))
    return found


def answer(body: bytes, kind: str | None = "application/json", status: int = 200) -> ResponseView:
    headers = {} if kind is None else {b"content-type": kind.encode()}
    return ResponseView(make_request(), status, tuple(headers.items()), headers, True, body)


def test_only_those_from_whom_something_is_hidden_need_an_answer_that_can_be_read() -> None:
    encoded = make_request(headers={"Accept-Encoding": "gzip"})
    assert isinstance(ask_step([marks("/a")])(encoded, facts()), Modify)
    assert ask_step([marks("/a")])(encoded, facts("boss")) is None
    assert ask_step([marks("/a")])(make_request(), facts()) is None


def test_nobody_asks_whether_the_answer_is_still_one_with_a_hidden_value() -> None:
    conditions = {"If-None-Match": '"1"', "If-Match": '"1"'}
    asked = ask_step([marks("/a")])(make_request(headers=conditions), facts())
    assert asked is not None
    assert asked.remove_fields >= {b"if-none-match", b"if-match"}
    assert ask_step([marks("/a")])(make_request(headers=conditions), facts("boss")) is None
    assert ask_step([marks("/a")])(make_request("PUT", headers=conditions), facts()) is None
    assert ask_step([marks("/a")])(make_request("QUERY", headers=conditions), facts()) is not None


@rows("name", ["etag", "content-digest", "content-md5", "digest", "repr-digest"])
@rows(("status", "has_body"), [(200, True), (200, False), (304, False), (409, True)])
def test_what_is_made_of_a_whole_body_is_not_told(name: str, status: int, has_body: bool) -> None:
    fields = ((b"content-type", b"application/json"), (name.encode(), b"x"))
    said = ResponseView(make_request(), status, fields, dict(fields), has_body)
    found = answer_head_step([marks("/a")])(said, facts())
    assert isinstance(found, Modify)
    assert name.encode() in found.remove_fields
    assert answer_head_step([marks("/a")])(said, facts("boss")) is None


@rows(("method", "is_untold"), [("HEAD", True), ("GET", False)])
def test_head_does_not_learn_how_long_the_whole_body_is(method: str, is_untold: bool) -> None:
    fields = ((b"content-type", b"application/json"), (b"content-length", b"71"))
    said = ResponseView(make_request(method), 200, fields, dict(fields), has_body=False)
    found = answer_head_step([marks("/a")])(said, facts())
    assert (found is not None) is is_untold
    assert not is_untold or (isinstance(found, Modify) and b"content-length" in found.remove_fields)
    assert answer_head_step([marks("/a")])(said, facts("boss")) is None


@rows(
    ("said", "refused"),
    [
        (answer(b"{}"), False),
        (answer(b"a;b", "text/csv"), True),
        (answer(b"a;b", None), True),
        (answer(b"a;b", "text/html", 500), False),
    ],
)
def test_another_format_is_refused(said: ResponseView, refused: bool) -> None:
    found = answer_head_step([marks("/a")])(said, facts())
    assert (found is not None and found.code is codes.FIELDS_UNREADABLE) is refused
    assert answer_head_step([marks("/a")])(said, facts("boss")) is None


@rows(
    ("said", "wanted"),
    [
        (answer(b"{}"), True),
        (answer(b"{}", status=409), True),
        (answer(b"{}", "application/problem+json", 409), False),
        (answer(b"{}", "application/problem+json; charset=utf-8", 409), False),
        (answer(b"{}", "application/problem+json-of-orders+json", 409), True),
        (answer(b"{}", "application/problem+json", 200), True),
        (answer(b"{}", "text/plain"), False),
        (answer(b"{}", None), False),
    ],
)
def test_what_is_looked_into(said: ResponseView, wanted: bool) -> None:
    assert wants_answer(said) is wanted


def test_all_trees_count() -> None:
    run = answer_step([marks("/a"), marks("/b/c", "/d")], Hider())
    found: Any = run(answer(b'{"a": 1, "b": {"c": 1}, "d": 2, "e": 1.0}'), facts())
    assert found.body == b'{"b":{},"e":1.0}'
    assert (found.code, found.finding.pointer, found.finding.found) == (
        codes.FIELD_HIDDEN,
        "/response/body/a",
        "3 fields",
    )
    assert run(answer(b'{"e": 1}'), facts()) is None
    assert run(answer(b""), facts()) is None
    assert run(answer(b'{"a": 1}'), facts("boss")) is None


@rows(("status", "told"), [(200, 403), (409, 409)])
def test_what_is_not_json_after_all_is_refused(status: int, told: int) -> None:
    found: Any = answer_step([marks("/a")], Hider())(answer(b'{"a": 1, "a": 2}', status=status), facts())
    assert (found.code, found.status) == (codes.FIELDS_UNREADABLE, told)


def test_a_field_of_a_body_is_refused_and_named() -> None:
    request = make_request("POST", "/", body=b"{}")
    run = body_step([marks("/role", action="refuse")])
    found: Any = run(request, facts(document={"role": 1}))
    assert (found.code, found.detail) == (codes.FIELD_REFUSED, "The field /role is not yours to set.")
    assert found.finding.pointer == "/body/role"
    assert run(request, facts(document={"a": 1})) is None
    assert run(request, facts("boss", {"role": 1})) is None
    assert run(make_request("POST", "/"), facts(document={"role": 1})) is None


def test_a_body_whose_fields_can_not_be_told_is_refused() -> None:
    found = body_step([marks("/role", action="refuse")])(make_request("POST", "/", body=b"x"), facts())
    assert isinstance(found, Refuse)
    assert (found.code, found.code.visible) == (codes.BODY_UNREADABLE, codes.FIELD_REFUSED)


def test_items_are_taken_out_like_fields() -> None:
    document = {"cards": [{"number": 1}, {"number": 2}, {"number": 3}], "box": {"in": {"deep": 1}, "out": 2}}
    request = make_request("POST", "/", body=orjson.dumps(document))
    steps = [marks("/cards/*", "/box/in", action="strip"), marks("/box/in/deep", "/cards/*/number", action="strip")]
    found: Any = body_step(steps)(request, facts(document=document))
    assert found.body == b'{"cards":[],"box":{"out":2}}'
    assert document == {"cards": [], "box": {"out": 2}}
    assert found.finding.found == "4 fields"


@rows(("count", "code"), [(MOST_STRIPPED, None), (MOST_STRIPPED + 1, "refuse")])
def test_a_body_of_which_too_much_would_be_taken_out_is_refused(count: int, code: str | None) -> None:
    document = {"tags": [1] * count}
    request = make_request("POST", "/", body=orjson.dumps(document))
    found = body_step([marks("/tags/*", action="strip")])(request, facts(document=document))
    assert isinstance(found, Refuse) is (code is not None)
    assert found is not None
    assert found.code is codes.FIELD_REFUSED


def test_a_field_is_taken_out_of_the_text_and_of_what_it_says() -> None:
    document = {"role": 1, "items": [{"role": 2, "a": 3}]}
    request = make_request("POST", "/", body=orjson.dumps(document))
    found: Any = body_step([marks("/role", "/items/*/role", action="strip")])(request, facts(document=document))
    assert found.body == b'{"items":[{"a":3}]}'
    assert document == {"items": [{"a": 3}]}
    assert found.finding.found == "2 fields"


def test_a_body_that_is_marked_as_a_whole_is_refused() -> None:
    found: Any = body_step([Marks(tree_of([([], Mark(frozenset({"boss"}), "strip", ""))]))])(
        make_request("POST", "/", body=b"{}"), facts(document={"a": 1})
    )
    assert found.code is codes.FIELD_REFUSED


@rows("kind", ["application/json-patch+json", "Application/JSON-Patch+JSON ; a=b"])
def test_a_list_of_changes_names_fields_in_its_values_and_is_refused(kind: str) -> None:
    document = [{"op": "replace", "path": "/role", "value": "boss"}]
    request = make_request("PATCH", "/", {"Content-Type": kind}, body=orjson.dumps(document))
    run = body_step([marks("/role", action="refuse")])
    found: Any = run(request, facts(document=document))
    assert found.code is codes.BODY_UNREADABLE
    assert run(request, facts("boss", document)) is None
