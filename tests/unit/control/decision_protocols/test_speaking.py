from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.control.decision_protocols.speaking import BadAnswerError, entity, evaluation, member, plain
from portcullis.engine.decision_points.questions import Entity, Question


def test_a_question_is_written_as_authzen_has_it() -> None:
    question = Question(Entity("user", "a", {"x": 1}), "read", Entity("order", "17"), {"address": "192.0.2.1"})
    assert evaluation(question) == {
        "subject": {"type": "user", "id": "a", "properties": {"x": 1}},
        "action": {"name": "read"},
        "resource": {"type": "order", "id": "17"},
        "context": {"address": "192.0.2.1"},
    }
    assert "context" not in evaluation(Question(Entity("user", "a"), "read", Entity("order", "17")))
    assert entity(Entity("user", "a")) == {"type": "user", "id": "a"}


def test_yes_and_no_are_what_they_are() -> None:
    assert plain(True, "x") is True
    assert plain(False, "x") is False


@rows("value", [None, 1, 0, "true", "yes", [], [True], {}, 1.0])
def test_nothing_else_is_yes_or_no(value: Any) -> None:
    with pytest.raises(BadAnswerError, match="x is neither true nor false"):
        plain(value, "x")


def test_what_is_no_object_has_no_members() -> None:
    assert member({"a": 1}, "a") == 1
    assert [member(each, "a") for each in ({}, [], "a", None, 5)] == [None] * 5
