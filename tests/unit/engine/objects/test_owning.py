"""The steps that enforce a rule. What they make of whole exchanges is in the cases of the policy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
import orjson
import pytest
from rows import rows
from rule_samples import ALICE, sources_of

from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.deciding import (
    UNKNOWN,
    Arguments,
    Decider,
    Inquiry,
    QuestionError,
    Truth,
)
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.objects.owning import (
    ListPlan,
    Ownership,
    Part,
    ReadPlan,
    before_step,
    body_step,
    head_step,
    is_json,
    response_body_step,
    response_head_step,
    wants_answer,
)
from portcullis.engine.objects.parsing import parse
from portcullis.engine.policy import FirstRead
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.testing import FakeClock, FakeCounters, make_request

RULE = parse("response.owner == identity.subject")
REQUEST = make_request("GET", "/orders/1")


def owned(rule: Any = RULE, **how: Any) -> Ownership:
    locks = how.pop("locks", False)
    counters = how.pop("counters", FakeCounters())
    return Ownership(rule, "#/x", Enumeration(counters, FakeClock(), "shop", 3, 60, locks), **how)


def part(rule: Any = RULE, at: Any = (), functions: Any = None, **how: Any) -> Part:
    return Part(Decider(rule.condition, sources_of(rule.condition), functions or {}), at, **how)


def facts(document: Any = UNREAD, **arguments: Any) -> Facts:
    found = Facts()
    found.identify(ALICE)
    found.document, found.arguments = document, arguments
    return found


def answer(body: Any = None, status: int = 200, **headers: str) -> ResponseView:
    fields = {b"content-type": b"application/json"} | {
        n.replace("_", "-").encode(): v.encode() for n, v in headers.items()
    }
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return ResponseView(REQUEST, status, tuple(fields.items()), fields, status not in (204, 304), data)


def code_of(found: object) -> codes.Code | None:
    assert found is None or isinstance(found, Refuse)
    return None if found is None else found.code


# On the request


def test_a_head_is_decided_at_once() -> None:
    rule = parse("request.path == identity.subject")
    run = head_step(owned(rule), part(rule, None), None)
    assert run(REQUEST, facts(path="alice")) is None
    assert code_of(run(REQUEST, facts(path="bob"))) is codes.NOT_OWNER
    assert code_of(run(REQUEST, facts())) is codes.UNDECIDED


def test_nothing_is_asked_of_who_is_exempt() -> None:
    spared = owned(exempt=frozenset({"clerk"}))
    assert head_step(spared, part(at=None), b"application/json")(REQUEST, facts()) is None
    assert body_step(spared, [part(at=None)])(REQUEST, facts()) is None
    assert response_head_step(spared, monitor=False)(answer(status=204), facts()) is None
    assert response_body_step(spared, part(), ListPlan())(answer({}), facts()) is None
    assert before_step(spared, part(), ReadPlan(lambda given: "/x", b"a/b"))(REQUEST, facts()) is None


@rows(
    ("accept", "asked"),
    [
        (None, None),
        ("*/*", None),
        ("application/json", None),
        ("application/hal+json", None),
        ("text/csv", b"application/hal+json"),
        ("application/json, text/csv", b"application/hal+json"),
        ("", b"application/hal+json"),
    ],
)
def test_the_service_is_asked_for_what_can_be_read(accept: str | None, asked: bytes | None) -> None:
    request = make_request("GET", "/", {} if accept is None else {"Accept": accept})
    found: Any = head_step(owned(), None, b"application/hal+json")(request, facts())
    assert (found is not None) is (asked is not None)
    if asked is not None:
        assert found.set_fields == ((b"accept", asked),)


@rows(
    "name",
    ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range", "If-Range", "Accept-Encoding"],
)
def test_the_service_is_asked_without_conditions(name: str) -> None:
    found = head_step(owned(), None, b"a/b")(make_request("GET", "/", {name: "x"}), facts())
    assert isinstance(found, Modify)
    assert name.lower().encode() in found.remove_fields


def test_who_has_tried_many_objects_is_locked() -> None:
    rule = parse("request.path == identity.subject")
    run = head_step(owned(rule, locks=True), part(rule, None), None)
    found = [code_of(run(make_request("GET", f"/{n}"), facts(path=f"bob{n}"))) for n in range(4)]  # type: ignore[arg-type]
    assert found == [codes.NOT_OWNER, codes.NOT_OWNER, codes.ENUMERATION, codes.LOCKED]
    locked: Any = run(REQUEST, facts(path="alice"))
    assert locked.fields == ((b"retry-after", b"60"),)


def test_counters_that_can_not_be_reached_let_nobody_pass_where_there_are_locks() -> None:
    counters = FakeCounters()
    counters.broken = True
    rule = parse("request.path == identity.subject")
    run = head_step(owned(rule, counters=counters, locks=True), part(rule, None), None)
    assert code_of(run(REQUEST, facts(path="alice"))) is codes.UNAVAILABLE  # type: ignore[arg-type]
    run = head_step(owned(rule, counters=counters), part(rule, None), None)
    assert run(REQUEST, facts(path="alice")) is None
    assert code_of(run(REQUEST, facts(path="bob"))) is codes.NOT_OWNER  # type: ignore[arg-type]


def test_a_body_that_was_not_read_is_nobodys() -> None:
    assert code_of(body_step(owned(), [part(at=None)])(REQUEST, facts())) is codes.UNREADABLE  # type: ignore[arg-type]


def asking(answers: dict[Any, Truth], asked: list[Any]) -> Inquiry:
    """Answers questions by ``answers``; one that is not there can't be answered."""

    async def ask(_facts: Any, questions: Sequence[Arguments]) -> list[Truth]:
        await asyncio.sleep(0)
        asked.append(list(questions))
        if any(question not in answers for question in questions):
            raise QuestionError("nobody knows")
        return [answers[question] for question in questions]

    return Inquiry(lambda facts, arguments: True if arguments == ("known",) else UNKNOWN, ask)


async def waited(found: Any) -> Any:
    assert isinstance(found, Awaitable)
    return await found


async def test_answers_may_be_waited_for() -> None:
    asked: list[Any] = []
    rule = parse("linked(request.path) and linked(identity.subject)")
    functions = {"linked": asking({("p",): True, ("alice",): True}, asked)}
    run = head_step(owned(rule), part(rule, None, functions), None)
    assert await waited(run(REQUEST, facts(path="p"))) is None
    assert asked == [[("p",), ("alice",)]]


def test_what_is_known_is_not_waited_for() -> None:
    rule = parse("linked(request.path)")
    run = head_step(owned(rule), part(rule, None, {"linked": asking({}, [])}), None)
    assert run(REQUEST, facts(path="known")) is None


async def test_of_each_item_too_and_of_the_same_value_once() -> None:
    asked: list[Any] = []
    rule = parse("linked(response.id)")
    functions = {"linked": asking({(1,): True, (2,): False}, asked)}
    run = body_step(owned(rule), [part(rule, ("items",), functions)])
    assert await waited(run(REQUEST, facts({"items": [{"id": 1}, {"id": 1}]}))) is None
    assert asked == [[(1,)]]
    refused = await waited(run(REQUEST, facts({"items": [{"id": 1}, {"id": 2}]})))
    assert (refused.code, refused.finding.pointer) == (codes.NOT_OWNER, "/response/body/items/1/id")


def test_who_is_exempt_waits_for_nothing() -> None:
    rule = parse("linked(request.path)")
    functions = {"linked": asking({}, [])}
    spared = owned(rule, exempt=frozenset({"clerk"}))
    assert head_step(spared, part(rule, None, functions), None)(REQUEST, facts(path="p")) is None
    assert body_step(spared, [part(rule, None, functions)])(REQUEST, facts({})) is None


async def test_of_an_answer_all_objects_are_asked_about_together() -> None:
    asked: list[Any] = []
    rule = parse("linked(response.id)")
    functions = {"linked": asking({(1,): True, (2,): False, (3,): True}, asked)}
    run = response_body_step(owned(rule), part(rule, (), functions), ListPlan())
    changed = await waited(run(answer([{"id": 1}, {"id": 2}, {"id": 3}]), facts()))
    assert orjson.loads(changed.body) == [{"id": 1}, {"id": 3}]
    assert asked == [[(1,), (2,), (3,)]]
    assert await waited(run(answer({"id": 1}), facts())) is None
    assert code_of(await waited(run(answer({"id": 2}), facts()))) is codes.NOT_OWNER


async def test_an_object_that_is_read_first_is_asked_about_then() -> None:
    rule = parse("linked(response.id)")
    functions = {"linked": asking({(1,): True, (2,): False}, [])}
    found = before_step(owned(rule), part(rule, (), functions), PLAN)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    assert await waited(found.judge(answer({"id": 1}), facts())) is None
    assert code_of(await waited(found.judge(answer({"id": 2}), facts()))) is codes.NOT_OWNER


async def test_a_question_that_can_not_be_answered_lets_nothing_pass() -> None:
    rule = parse("linked(response.id)")
    functions = {"linked": asking({}, [])}
    run = response_body_step(owned(rule), part(rule, (), functions), ListPlan())
    refused = await waited(run(answer([{"id": 1}]), facts()))
    assert (refused.code, refused.code.status) == (codes.UNAVAILABLE, 503)
    assert (refused.finding.found, refused.finding.source) == ("nobody knows", "#/x")
    found = before_step(owned(rule), part(rule, (), functions), PLAN)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    assert code_of(await waited(found.judge(answer({"id": 1}), facts()))) is codes.UNAVAILABLE


def test_nor_does_one_that_fails_at_once() -> None:
    def fail(_given: Any, _arguments: Arguments) -> Truth:
        raise QuestionError("no store")

    rule = parse("linked(request.path)")
    for run in (
        head_step(owned(rule), part(rule, None, {"linked": fail}), None),
        body_step(owned(rule), [part(rule, None, {"linked": fail})]),
    ):
        refused: Any = run(REQUEST, facts({}, path="p"))
        assert (refused.code, refused.finding.found) == (codes.UNAVAILABLE, "no store")


# Reading first


def first_read(plan: ReadPlan, **how: Any) -> FirstRead:
    found = before_step(owned(**how), part(), plan)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    return found


PLAN = ReadPlan(lambda given: "/orders/17", b"application/json")


@rows(
    ("said", "code"),
    [
        (answer({"owner": "alice"}), None),
        (answer({"owner": "bob"}), codes.NOT_OWNER),
        (answer({}), codes.UNDECIDED),
        (answer([]), codes.ABSENT),
        (answer([{"owner": "alice"}, {"owner": "bob"}]), codes.NOT_OWNER),
        (answer(b"{"), codes.UNREADABLE),
        (answer({}, content_type="text/plain"), codes.UNREADABLE),
        (answer(status=204), codes.UNREADABLE),
        (answer(status=404), codes.ABSENT),
        (answer(status=410), codes.ABSENT),
        (answer({"owner": "alice"}, status=401), codes.UNAVAILABLE),
        (answer({"owner": "alice"}, status=503), codes.UNAVAILABLE),
        (answer({"owner": "alice"}, status=301), codes.UNREADABLE),
    ],
)
def test_what_was_read_decides(said: ResponseView, code: codes.Code | None) -> None:
    assert code_of(first_read(PLAN).judge(said, facts())) is code


def test_what_is_not_there_may_pass() -> None:
    plan = msgspec.structs.replace(PLAN, absent_passes=True)
    assert first_read(plan).judge(answer(status=404), facts()) is None
    assert code_of(first_read(plan).judge(answer({"owner": "bob"}), facts())) is codes.NOT_OWNER


def test_without_a_place_to_read_from_nothing_is_read() -> None:
    found = before_step(owned(), part(), ReadPlan(lambda given: None, b"a/b"))(REQUEST, facts())
    assert code_of(found) is codes.UNREADABLE  # type: ignore[arg-type]


# On the answer


@rows(
    ("said", "code"),
    [
        (answer({}), None),
        (answer({}, content_type="application/hal+json; charset=UTF-8"), None),
        (answer({}, content_type="text/html"), codes.UNREADABLE),
        (answer({}, content_type=""), codes.UNREADABLE),
        (answer(status=204), codes.UNREADABLE),
        (answer(status=304), codes.UNREADABLE),
        (answer(status=302), codes.UNREADABLE),
        (answer(status=404), codes.ABSENT),
        (answer(status=410), codes.ABSENT),
        (answer(status=400), None),
        (answer(status=500), None),
    ],
)
def test_what_the_head_of_an_answer_says(said: ResponseView, code: codes.Code | None) -> None:
    assert code_of(response_head_step(owned(), monitor=False)(said, facts())) is code


def test_the_service_may_say_itself_that_nothing_is_there() -> None:
    assert response_head_step(owned(hides=False), monitor=False)(answer(status=404), facts()) is None
    assert response_head_step(owned(), monitor=True)(answer(status=404), facts()) is None


def test_answers_that_hold_an_object_are_wanted() -> None:
    assert wants_answer(answer({}))
    assert wants_answer(answer({}, status=409))
    for kind in ("application/problem+json", "application/Problem+JSON; charset=utf-8", "text/plain"):
        assert not wants_answer(answer({}, status=409, content_type=kind))


@rows(
    ("document", "refused"),
    [
        ({"owner": "bob"}, True),
        ([{"owner": "alice"}, {"owner": "bob"}], True),
        ({"owner": "alice"}, False),
        ({"error": "conflict"}, False),
        ({"owner": None}, False),
        ("conflict", False),
        (None, False),
    ],
)
def test_an_error_is_refused_if_it_shows_an_object_of_somebody_else(document: Any, refused: bool) -> None:
    found: Any = response_body_step(owned(), part(), ListPlan())(answer(document, status=409), facts())
    assert (found is not None) is refused
    assert not refused or (found.status, found.code.name) == (404, "objects.not_owner")


def test_callers_may_be_told() -> None:
    refusal: Any = response_body_step(owned(hides=False), part(), ListPlan())(answer({"owner": "bob"}), facts())
    assert (refusal.status, refusal.code.name, refusal.code.visible) == (403, "objects.not_owner", codes.FORBIDDEN)


def test_a_filtered_answer_comes_with_its_document() -> None:
    found: Any = response_body_step(owned(), part(), ListPlan())(
        answer([{"owner": "bob"}, {"owner": "alice"}]), facts()
    )
    assert found.body == b'[{"owner":"alice"}]'
    assert found.document == [{"owner": "alice"}]
    assert (found.code, found.finding.found) == (codes.LIST_FILTERED, "1 objects of others")


def test_a_list_may_be_refused() -> None:
    run = response_body_step(owned(), part(), ListPlan(filters=False))
    assert code_of(run(answer([{"owner": "alice"}, {"owner": "bob"}]), facts())) is codes.LIST_REFUSED  # type: ignore[arg-type]
    assert run(answer([{"owner": "alice"}]), facts()) is None


def test_fields_that_count_are_corrected_where_they_are() -> None:
    run = response_body_step(owned(), part(), ListPlan(total_fields=(b"x-total",)))
    assert run(answer([{"owner": "alice"}]), facts()) is None
    found = run(answer([{"owner": "alice"}], x_total="9"), facts())
    assert found == Modify(set_fields=((b"x-total", b"1"),))


@rows(
    ("field", "json"),
    [
        (b"application/json", True),
        (b"Application/JSON; Charset=UTF-8", True),
        (b"text/json", True),
        (b"application/problem+json", True),
        (b"application/json; charset=latin-1", False),
        (b"application/x-ndjson", False),
        (b"application/json-seq", False),
        (b"application/jsonl", False),
        (b"*/*", False),
        (b"application/*", False),
        (b"application/json, text/html", False),
        (b"json", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_what_is_json(field: bytes, json: bool) -> None:
    assert is_json(field) is json


def test_a_step_needs_no_more_than_a_request(request: pytest.FixtureRequest) -> None:
    bare = RequestView("GET", "/", (), {})
    assert head_step(owned(), None, b"a/b")(bare, facts()) is None
