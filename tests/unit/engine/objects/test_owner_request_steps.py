"""A rule enforced on the request."""

from __future__ import annotations

from typing import Any

import pytest
from owning_samples import REQUEST, asking, code_of, facts, owned, part, waited
from rows import rows

from portcullis.engine.decision import Modify
from portcullis.engine.objects import codes
from portcullis.engine.objects.given import Arguments, QuestionError, Truth
from portcullis.engine.objects.owner_request_steps import body_step, head_step
from portcullis.engine.objects.parsing import parse
from portcullis.engine.request import RequestView
from portcullis.testing import FakeCounters, make_request


def test_a_head_is_decided_at_once() -> None:
    rule = parse("request.path == identity.subject")
    run = head_step(owned(rule), part(rule, None), None)
    assert run(REQUEST, facts(path="alice")) is None
    assert code_of(run(REQUEST, facts(path="bob"))) is codes.NOT_OWNER
    assert code_of(run(REQUEST, facts())) is codes.UNDECIDED


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


def test_a_step_needs_no_more_than_a_request(request: pytest.FixtureRequest) -> None:
    bare = RequestView("GET", "/", (), {})
    assert head_step(owned(), None, b"a/b")(bare, facts()) is None
