"""Questions whose answers have to be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from rule_samples import make_given, sources_of

from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.given import UNKNOWN, Arguments, AwaitedError, Inquiry, QuestionError, Truth
from portcullis.engine.objects.parsing import parse


def waiting(answers: dict[Any, Truth], asked: list[Any]) -> Inquiry:
    async def ask(_facts: Any, questions: Sequence[Arguments]) -> list[Truth]:
        await asyncio.sleep(0)
        asked.append(list(questions))
        return [answers[question[0].__class__, question[0]] for question in questions]

    return Inquiry(lambda facts, arguments: True if arguments == ("known",) else UNKNOWN, ask)


async def test_all_answers_that_have_to_be_waited_for_are_asked_for_together() -> None:
    asked: list[Any] = []
    linked = waiting({(int, 1): True, (bool, True): False}, asked)
    condition = parse("linked(request.query.a) and not linked(true) and linked('known')").condition
    made = Decider(condition, sources_of(condition), {"linked": linked})
    given = make_given(query={"a": 1})
    with pytest.raises(AwaitedError):
        made.check(given, None)
    with pytest.raises(AwaitedError):
        given.must_know()
    await given.learn()
    given.must_know()
    assert made.check(given, None) is True
    assert asked == [[(1,), (True,)]]  # equal to Python, and not to a rule


async def test_an_answer_holds_for_every_object_that_asks_the_same() -> None:
    asked: list[Any] = []
    condition = parse("linked(response.id)").condition
    linked = waiting({(int, 1): True, (int, 2): None, (int, 3): False}, asked)
    made = Decider(condition, sources_of(condition), {"linked": linked})
    given = make_given()
    check: Any = made.bind(given)
    objects = [{"id": id_} for id_ in (1, 2, 3, 1, 3, "known", None, [1])]
    assert [check(each) for each in objects] == [None, None, None, None, None, True, None, None]
    await given.learn()
    assert [check(each) for each in objects] == [True, None, False, True, False, True, None, None]
    assert asked == [[(1,), (2,), (3,)]]


def test_too_many_questions_about_one_answer_are_no_question_more() -> None:
    condition = parse("linked(response.id)").condition
    check: Any = Decider(condition, sources_of(condition), {"linked": waiting({}, [])}).bind(given := make_given())
    given.work.left = 3
    assert [check({"id": each}) for each in (1, "known", 2)] == [None, True, None]
    with pytest.raises(QuestionError, match="more than 20000 questions"):
        check({"id": 3})


def test_what_is_unknown_says_so() -> None:
    assert repr(UNKNOWN) == "UNKNOWN"
