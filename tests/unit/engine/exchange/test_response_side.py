"""The answer's side of an exchange: what steps decide about a service's answer, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.codes import BUFFERS_FULL, INTERNAL, UPSTREAM_TOO_LARGE, Code
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.exchange import AnswerChanges, Exchange
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Needs, Step
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request

NO_EXIT = Code("validate.no_exit", 502, "No exit")


def step(needs: Needs, decision: object, *, monitor: bool = False, wants: bool | None = None) -> Step:
    def run(_response: ResponseView, _facts: Facts) -> Any:
        return decision

    asked: Callable[..., bool] | None = None if wants is None else lambda _response: wants
    return Step("test.step", needs, run, monitor, allowed("test.step"), asked)


def answered(*steps: Step, headers: dict[bytes, bytes] | None = None) -> tuple[Exchange, ResponseView]:
    made = Exchange(make_request("GET", "/orders"), "a" * 32, "b" * 32, 0, 0.0)
    by_need = {
        f"{needs}_steps": tuple(each for each in steps if each.needs == needs)
        for needs in ("response_head", "response_body", "answer")
    }
    made.request.operation = Operation("shop", "v1", "GET /orders", (), (), 1024, "shop", str, **by_need)
    return made, ResponseView(made.request, 200, tuple((headers or {}).items()), headers or {})


def outcomes(made: Exchange) -> list[str]:
    return [verdict.outcome for verdict in made.facts.verdicts]


@rows(("wants", "held"), [(None, True), (True, True), (False, False)])
def test_an_answer_is_held_back_if_a_step_wants_it_whole(wants: bool | None, held: bool) -> None:
    made, response = answered(step("response_body", None, wants=wants))
    assert made.decide_response(response) is None
    assert made.holds_response is held


@rows("decision", [Refuse(NO_EXIT), "nonsense"])
def test_a_step_for_the_head_refuses_the_answer_unless_it_is_monitored(decision: object) -> None:
    code = NO_EXIT if isinstance(decision, Refuse) else INTERNAL
    made, response = answered(step("response_head", decision))
    refusal = made.decide_response(response)
    assert refusal is not None
    assert refusal.code is code
    made, response = answered(step("response_head", decision, monitor=True))
    assert made.decide_response(response) is None
    assert outcomes(made) == ["would_refuse" if code is NO_EXIT else "error"]


def test_a_changed_body_is_what_later_steps_see_and_the_client_gets() -> None:
    made, response = answered(step("response_body", Modify(body=b"new")))
    assert made.decide_response_body(response, b"old") is None
    assert response.body == b"new"
    assert made.answer is not None
    assert made.answer.body == b"new"


def test_what_a_monitored_step_would_change_is_only_recorded_and_only_where_it_says_what() -> None:
    said = step("response_body", Modify(body=b"new", code=NO_EXIT), monitor=True)
    made, response = answered(said, step("response_body", Modify(body=b"newer"), monitor=True))
    assert made.decide_response_body(response, b"old") is None
    assert made.answer is None
    assert outcomes(made) == ["would_modify"]


def test_steps_for_every_answer_change_its_fields() -> None:
    change = Modify(set_fields=((b"x-a", b"1"),))
    made, response = answered(step("answer", change))
    changes = made.conclude(response)
    assert isinstance(changes, AnswerChanges)
    assert changes.fields == (change,)


def test_without_steps_nothing_is_changed() -> None:
    made, response = answered()
    assert made.decide_response(response) is None
    assert made.conclude(response) is None


def test_an_answer_that_can_not_be_held_back_passes_if_all_who_want_it_whole_are_monitored() -> None:
    monitored = step("response_body", None, monitor=True, wants=True)
    uninterested = step("response_body", None, wants=False)
    made, response = answered(monitored, uninterested)
    assert made.refuse_response(Refuse(BUFFERS_FULL), response) is None
    assert outcomes(made) == ["would_refuse"]
    made, response = answered(monitored, step("response_body", None, wants=True))
    refusal = made.refuse_response(Refuse(BUFFERS_FULL), response)
    assert refusal is not None
    assert refusal.code is BUFFERS_FULL


def test_an_answer_in_an_unknown_coding_is_refused_and_a_known_one_taken_off() -> None:
    made, response = answered(step("response_body", None), headers={b"content-encoding": b"lzma"})
    assert made.decide_response_body(response, b"?") is not None
    made, response = answered(step("response_body", None), headers={b"content-encoding": b"identity"})
    assert made.decide_response_body(response, b"plain") is None
    assert response.body == b"plain"


def test_a_step_may_have_its_own_word_for_an_answer_that_can_not_be_read() -> None:
    own = Refuse(NO_EXIT)
    too_large = Refuse(UPSTREAM_TOO_LARGE, finding=Finding("/response/body"))
    with_word = msgspec.structs.replace(step("response_body", None), unread=own)
    made, response = answered(step("response_body", None), with_word)
    refusal = made.refuse_response(too_large, response)
    assert refusal is not None
    assert (refusal.code, refusal.finding) == (NO_EXIT, too_large.finding)
    made, response = answered(msgspec.structs.replace(with_word, monitor=True), step("response_body", None))
    assert made.refuse_response(too_large, response) is too_large
    made, response = answered(with_word)
    short_of_memory = Refuse(BUFFERS_FULL)
    assert made.refuse_response(short_of_memory, response) is short_of_memory


def test_what_an_answer_says_goes_from_step_to_step() -> None:
    seen: list[Any] = []

    def look(response: ResponseView, _facts: Facts) -> None:
        seen.append(response.value())

    change = Modify(body=b"[2]", document=[2])
    run = Step("test.look", "response_body", look)
    made, response = answered(step("response_body", change), run, step("response_body", Modify(body=b"[3]")), run)
    assert made.decide_response_body(response, b"[1]") is None
    assert seen == [[2], [3]]


def test_a_monitored_step_changes_nothing_that_others_read() -> None:
    def strip(response: ResponseView, _facts: Facts) -> Modify:
        del response.value()["secret"]
        return Modify(body=b"{}", code=NO_EXIT)

    seen: list[Any] = []
    steps = (
        Step("test.strip", "response_body", strip, monitor=True),
        Step("test.look", "response_body", lambda response, _facts: seen.append(response.value())),
    )
    made, response = answered(*steps)
    assert made.decide_response_body(response, b'{"secret": 1}') is None
    assert seen == [{"secret": 1}]


def test_a_changed_body_is_not_kept_with_the_fields() -> None:
    change = Modify(body=b"[2]", document=[2], set_fields=((b"x-a", b"1"),), default_fields=((b"x-b", b"2"),))
    made, response = answered(step("response_body", change))
    made.decide_response_body(response, b"[1]")
    assert made.answer is not None
    (fields,) = made.answer.fields
    assert (fields.body, fields.set_fields, fields.default_fields) == (None, change.set_fields, change.default_fields)


async def test_a_step_for_the_body_may_decide_later() -> None:
    async def later(decision: Any) -> Any:
        return decision

    made, response = answered(
        step("response_body", later(None)),
        step("response_body", later(Modify(body=b"new"))),
        step("response_body", Refuse(NO_EXIT), monitor=True),
    )
    made.decide_response(response)
    pending: Any = made.decide_response_body(response, b"old")
    assert await pending is None
    assert made.answer is not None
    assert made.answer.body == b"new"
    assert outcomes(made) == ["allow", "would_refuse"]


async def test_of_steps_that_are_overdue_the_rest_decides() -> None:
    never: Any = asyncio.Event().wait()
    made, response = answered(step("response_body", never, monitor=True), step("response_body", Refuse(NO_EXIT)))
    with pytest.raises(RuntimeError, match="no step is waited for"):
        made.overdue_response(response)
    pending: Any = made.decide_response_body(response, b"old")
    pending.send(None)
    refusal = made.overdue_response(response)
    assert isinstance(refusal, Refuse)
    assert refusal.code is NO_EXIT
    assert outcomes(made) == ["error", "refuse"]
    pending.close()


@rows("needs", ["response_head", "answer"])
def test_other_steps_may_not(needs: Needs) -> None:
    async def later() -> None:
        raise AssertionError

    pending = later()
    made, response = answered(step(needs, pending))
    made.decide_response(response)
    made.conclude(response)
    assert outcomes(made) == ["error"]
    pending.close()
