from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.control.decision_protocols.openfga import MOST_TOGETHER, decide
from portcullis.control.decision_protocols.speaking import BadAnswerError, DecisionPointSettings
from portcullis.engine.decision_points.questions import Entity, Question

POINT = DecisionPointSettings("openfga", "https://fga.example/", store="01S", model="01M")


async def test_one_question_is_a_check(point: Any, questions: Sequence[Question]) -> None:
    for decision in (True, False):
        point.answers = [{"allowed": decision, "resolution": ""}]
        assert await decide(point.post, POINT, questions[:1]) == [decision]
    assert point.asked[0] == (
        "https://fga.example/stores/01S/check",
        {
            "tuple_key": {"user": "user:alice", "relation": "read", "object": "order:1"},
            "context": {"address": "192.0.2.1"},
            "authorization_model_id": "01M",
        },
    )


async def test_without_a_model_the_latest_is_meant_and_without_a_context_none_is_sent(
    point: Any, questions: Sequence[Question]
) -> None:
    point.answers = [{"allowed": True}]
    plain = msgspec.structs.replace(questions[0], context={})
    await decide(point.post, msgspec.structs.replace(POINT, model=""), [plain])
    assert point.asked[0][1].keys() == {"tuple_key"}


async def test_several_are_a_batch_whose_results_are_told_apart_by_ids(
    point: Any, questions: Sequence[Question]
) -> None:
    point.answers = [{"result": {"2": {"allowed": True}, "0": {"allowed": True}, "1": {"allowed": False}}}]
    assert await decide(point.post, POINT, questions) == [True, False, True]
    ((url, document),) = point.asked
    assert url == "https://fga.example/stores/01S/batch-check"
    assert document["authorization_model_id"] == "01M"
    assert [check["correlation_id"] for check in document["checks"]] == ["0", "1", "2"]
    assert document["checks"][2]["tuple_key"]["object"] == "order:3"


@rows("name", ["*", "staff#member", "a b", "", "a\n", "x" * 257])
async def test_what_would_be_everybody_or_a_set_is_denied_and_not_asked(point: Any, name: str) -> None:
    subject, resource = Entity("user", name), Entity("order", name)
    asked = [
        Question(subject, "read", Entity("order", "1")),
        Question(Entity("user", "alice"), "read", resource),
        Question(Entity("user", "auth0|17"), "read", Entity("order", "1*")),
    ]
    point.asked.clear()
    point.answers = [{"allowed": True}]
    assert await decide(point.post, POINT, asked) == [False, False, True]
    ((_, document),) = point.asked
    assert document["tuple_key"] == {"user": "user:auth0|17", "relation": "read", "object": "order:1*"}
    assert await decide(point.post, POINT, asked[:1]) == [False]
    assert len(point.asked) == 1


async def test_no_batch_is_larger_than_a_server_takes(point: Any) -> None:
    questions = [Question(Entity("user", "a"), "read", Entity("order", str(n))) for n in range(MOST_TOGETHER + 5)]
    point.answers = [
        {"result": {str(n): {"allowed": True} for n in range(MOST_TOGETHER)}},
        {"result": {str(n): {"allowed": n == 4} for n in range(5)}},
    ]
    assert await decide(point.post, POINT, questions) == [True] * MOST_TOGETHER + [False] * 4 + [True]
    assert [len(document["checks"]) for _, document in point.asked] == [MOST_TOGETHER, 5]


@rows(
    "answer",
    [
        *({}, [], None, {"result": []}, {"result": {}}, {"result": {"0": {"allowed": True}, "1": {"allowed": True}}}),
        {"result": {"0": {"allowed": True}, "1": {"allowed": "true"}, "2": {"allowed": True}}},
        {"result": {"0": {"allowed": True}, "1": {"error": {"message": "x"}}, "2": {"allowed": True}}},
        {"result": {"0": {"allowed": True}, "1": {"allowed": True, "error": {}}, "2": {"allowed": True}}},
    ],
)
async def test_what_does_not_answer_each_question_decides_nothing(
    point: Any, questions: Sequence[Question], answer: Any
) -> None:
    point.answers = [answer]
    with pytest.raises(BadAnswerError):
        await decide(point.post, POINT, questions)


@rows("answer", [{}, {"allowed": 1}, {"allowed": None}, [], {"code": "validation_error"}])
async def test_what_is_neither_yes_nor_no_decides_nothing(
    point: Any, questions: Sequence[Question], answer: Any
) -> None:
    point.answers = [answer]
    with pytest.raises(BadAnswerError, match="allowed is neither true nor false"):
        await decide(point.post, POINT, questions[:1])
