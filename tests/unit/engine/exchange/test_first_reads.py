"""What is read of the service before the request is sent."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from rows import rows

from portcullis.engine.codes import INTERNAL, Code
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.operation import Operation
from portcullis.engine.policy import FirstRead, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request

NOT_YOURS = Code("objects.not_yours", 404, "Not yours")
UNREAD = Refuse(Code("objects.unread", 503, "Unread"))


def says(decision: Any) -> Any:
    def judge(response: ResponseView, _facts: Facts) -> Any:
        if isinstance(decision, Exception):
            raise decision
        return decision if response.body == b"theirs" else None

    return FirstRead("/orders/1", b"application/json", judge, UNREAD)


def step(found: Any, *, monitor: bool = False) -> Step:
    def run(_request: RequestView, _facts: Facts) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    return Step("test.step", "before", run, monitor, allowed("test.step"))


def exchange(*steps: Step) -> Exchange:
    made = Exchange(make_request("DELETE", "/orders/1"), "a" * 32, "b" * 32, 0, 0.0)
    made.request.operation = Operation("shop", "v1", "DELETE /orders", (), (), 0, "shop", str, before_steps=steps)
    return made


def answer(made: Exchange, **headers: bytes) -> ResponseView:
    fields = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return ResponseView(made.request, 200, tuple(fields.items()), fields)


def outcomes(made: Exchange) -> list[str]:
    return [verdict.outcome for verdict in made.facts.verdicts]


def test_without_steps_nothing_is_read() -> None:
    made = exchange()
    assert made.first_read() is None
    assert outcomes(made) == []


def test_one_after_the_other_is_read() -> None:
    first, second = says(None), says(None)
    made = exchange(step(first), step(None), step(second))
    assert made.first_read() is first
    assert made.decide_first_read(answer(made), b"mine") is None
    assert made.first_read() is second
    assert made.decide_first_read(answer(made), b"mine") is None
    assert made.first_read() is None
    assert made.first_read() is None
    assert outcomes(made) == ["allow"] * 3


def test_what_was_read_may_refuse() -> None:
    made = exchange(step(says(Refuse(NOT_YOURS))))
    made.first_read()
    refusal = made.decide_first_read(answer(made), b"theirs")
    assert refusal is not None
    assert refusal.code is NOT_YOURS
    assert made.refusal is refusal


def test_but_not_where_it_is_only_monitored() -> None:
    made = exchange(step(says(Refuse(NOT_YOURS)), monitor=True), step(Refuse(NOT_YOURS), monitor=True))
    made.first_read()
    assert made.decide_first_read(answer(made), b"theirs") is None
    assert made.first_read() is None
    assert outcomes(made) == ["would_refuse", "would_refuse"]


def test_a_step_may_refuse_before_anything_is_read() -> None:
    made = exchange(step(Refuse(NOT_YOURS)))
    assert made.first_read() is made.refusal


@rows("monitor", [False, True])
def test_what_fails_refuses_unless_it_is_only_monitored(monitor: bool) -> None:
    made = exchange(step(KeyError("x"), monitor=monitor))
    found = made.first_read()
    assert (found is None) is monitor
    assert outcomes(made) == ["error"]
    made = exchange(step(says(KeyError("x")), monitor=monitor))
    made.first_read()
    found = made.decide_first_read(answer(made), b"")
    assert (found is None) is monitor
    if found is not None:
        assert found.code is INTERNAL


def test_an_encoded_answer_is_decoded() -> None:
    made = exchange(step(says(Refuse(NOT_YOURS))))
    made.first_read()
    assert made.decide_first_read(answer(made, content_encoding=b"gzip"), gzip.compress(b"theirs")) is made.refusal
    assert made.refusal is not None


def test_one_that_can_not_be_decoded_is_not_read() -> None:
    made = exchange(step(says(None)))
    made.first_read()
    refusal = made.decide_first_read(answer(made, content_encoding=b"gzip"), b"mine")
    assert refusal is not None
    assert (refusal.code, refusal.finding and refusal.finding.pointer) == (UNREAD.code, "/response/body")


def test_no_answer_is_no_reason_to_go_on() -> None:
    made = exchange(step(says(None)))
    made.first_read()
    refusal = made.first_read_failed(Finding("/before", "it was closed"))
    assert refusal is not None
    assert (refusal.code, refusal.finding) == (UNREAD.code, Finding("/before", "it was closed"))


def test_nothing_is_decided_about_what_was_not_asked_for() -> None:
    made = exchange(step(says(None)))
    with pytest.raises(RuntimeError):
        made.decide_first_read(answer(made), b"")
    made.first_read()
    made.decide_first_read(answer(made), b"")
    with pytest.raises(RuntimeError):
        made.first_read_failed(None)


def later(decision: Any) -> Any:
    async def judge(_response: ResponseView, _facts: Facts) -> Any:
        await asyncio.sleep(0)
        if isinstance(decision, Exception):
            raise decision
        return decision

    return FirstRead("/orders/1", b"application/json", judge, UNREAD)


@rows(
    ("decision", "monitor", "code", "outcome"),
    [
        (None, False, None, "allow"),
        (Refuse(NOT_YOURS), False, NOT_YOURS, "refuse"),
        (Refuse(NOT_YOURS), True, None, "would_refuse"),
        (OSError("away"), False, INTERNAL, "error"),
    ],
)
async def test_what_was_read_may_be_decided_about_later(decision: Any, monitor: bool, code: Any, outcome: str) -> None:
    made = exchange(step(later(decision), monitor=monitor))
    made.first_read()
    pending: Any = made.decide_first_read(answer(made), b"theirs")
    refusal = await pending
    assert (refusal and refusal.code) is code
    assert outcomes(made) == [outcome]


async def test_who_decides_too_late_about_what_was_read_has_failed() -> None:
    made = exchange(step(later(None)))
    made.first_read()
    pending: Any = made.decide_first_read(answer(made), b"theirs")
    pending.send(None)
    refusal: Any = made.overdue()
    assert refusal.code is INTERNAL
    pending.close()
