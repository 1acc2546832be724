from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from rows import rows

from portcullis.control.decision_protocols.authzen import decide
from portcullis.control.decision_protocols.speaking import BadAnswerError, DecisionPointSettings, evaluation
from portcullis.engine.decision_points.questions import Question

POINT = DecisionPointSettings("authzen", "https://pdp.example/tenant/")


async def test_one_question_is_an_evaluation(point: Any, questions: Sequence[Question]) -> None:
    for decision in (True, False):
        point.answers = [{"decision": decision, "context": {"reason": "x"}}]
        assert await decide(point.post, POINT, questions[:1]) == [decision]
    assert point.asked[0] == ("https://pdp.example/tenant/access/v1/evaluation", evaluation(questions[0]))


async def test_several_are_evaluations_all_of_which_are_executed(point: Any, questions: Sequence[Question]) -> None:
    point.answers = [
        {"evaluations": [{"decision": True}, {"decision": False, "context": {"error": {}}}, {"decision": True}]}
    ]
    assert await decide(point.post, POINT, questions) == [True, False, True]
    ((url, document),) = point.asked
    assert url == "https://pdp.example/tenant/access/v1/evaluations"
    assert document == {
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [evaluation(question) for question in questions],
    }


@rows(
    "answer",
    [
        *({}, [], None, {"decision": "true"}, {"decision": True}, {"evaluations": []}, {"evaluations": {}}),
        *({"evaluations": [{"decision": True}] * 2}, {"evaluations": [{"decision": True}] * 4}),
        *({"evaluations": [{"decision": True}, {}, {"decision": True}]}, {"evaluations": [True] * 3}),
    ],
)
async def test_what_does_not_answer_each_question_decides_nothing(
    point: Any, questions: Sequence[Question], answer: Any
) -> None:
    point.answers = [answer]
    with pytest.raises(BadAnswerError):
        await decide(point.post, POINT, questions)


@rows("answer", [{}, [], None, {"decision": 1}, {"decision": None}, {"evaluations": [{"decision": True}]}])
async def test_what_is_neither_yes_nor_no_decides_nothing(
    point: Any, questions: Sequence[Question], answer: Any
) -> None:
    point.answers = [answer]
    with pytest.raises(BadAnswerError, match="decision is neither true nor false"):
        await decide(point.post, POINT, questions[:1])
