from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from rows import rows

from portcullis.control.decision_protocols.opa import decide
from portcullis.control.decision_protocols.speaking import BadAnswerError, DecisionPointSettings, evaluation
from portcullis.engine.decision_points.questions import Question

POINT = DecisionPointSettings("opa", "https://opa.example/v1/data/shop/allow")


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ({"result": True}, True),
        ({"result": False, "decision_id": "x"}, False),
        ({}, False),  # undefined
        ({"decision_id": "x"}, False),
        ({"result": {"allow": True, "reasons": []}}, True),
        ({"result": {"allow": False}}, False),
        ({"result": {}}, False),
    ],
)
async def test_a_question_is_the_input_of_a_document(
    point: Any, questions: Sequence[Question], answer: Any, decision: bool
) -> None:
    point.answers = [answer]
    assert await decide(point.post, POINT, questions[:1]) == [decision]
    assert point.asked == [(POINT.url, {"input": evaluation(questions[0])})]


async def test_several_are_asked_one_by_one(point: Any, questions: Sequence[Question]) -> None:
    point.answers = [{"result": True}, {}, {"result": True}]
    assert await decide(point.post, POINT, questions) == [True, False, True]
    assert [document["input"]["resource"]["id"] for _, document in point.asked] == ["1", "2", "3"]


@rows("answer", [[], None, True, {"result": 1}, {"result": "true"}, {"result": None}, {"result": {"allow": 1}}])
async def test_what_is_neither_yes_nor_no_decides_nothing(
    point: Any, questions: Sequence[Question], answer: Any
) -> None:
    point.answers = [{"result": True}, answer, {"result": True}]
    with pytest.raises(BadAnswerError):
        await decide(point.post, POINT, questions)


async def test_a_call_that_fails_is_told_as_it_was(point: Any, questions: Sequence[Question]) -> None:
    point.answers = [{"result": True}, LookupError("gone"), {"result": True}]
    with pytest.raises(LookupError, match="gone"):
        await decide(point.post, POINT, questions)
