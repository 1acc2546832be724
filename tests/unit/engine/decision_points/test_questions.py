from __future__ import annotations

import pytest

from portcullis.engine.decision_points.questions import (
    Asked,
    Decided,
    Entity,
    Question,
    decode_asked,
    decode_decided,
    encode_asked,
    encode_decided,
    encode_question,
)

QUESTION = Question(Entity("user", "alice", {"roles": ["clerk"]}), "read", Entity("order", "17"), {"address": "::1"})


def test_questions_and_answers_arrive_as_they_were_sent() -> None:
    assert decode_asked(encode_asked("opa", [QUESTION, QUESTION])) == Asked("opa", [QUESTION, QUESTION])
    for decided in (Decided([True, False]), Decided([], "away")):
        assert decode_decided(encode_decided(decided)) == decided


def test_different_questions_are_told_apart() -> None:
    others = [
        Question(Entity("user", "alice"), "read", Entity("order", "17")),
        Question(Entity("user", "bob", {"roles": ["clerk"]}), "read", Entity("order", "17"), {"address": "::1"}),
        Question(Entity("user", "alice", {"roles": ["clerk"]}), "write", Entity("order", "17"), {"address": "::1"}),
        Question(Entity("user", "alice", {"roles": ["clerk"]}), "read", Entity("order", "1"), {"address": "::1"}),
    ]
    assert len({encode_question(each) for each in [QUESTION, *others]}) == 5


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ValueError):
        decode_asked(b"nonsense")
    with pytest.raises(ValueError):
        decode_decided(encode_question(QUESTION))
