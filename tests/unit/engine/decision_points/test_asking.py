from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.decision_points.asking import (
    DecisionPoint,
    NoDecisionError,
    UnknownPointError,
    decision_point,
)
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.decision_points.questions import (
    DECIDE,
    MOST_TOGETHER,
    Decided,
    Entity,
    Question,
    decode_asked,
    encode_decided,
)
from portcullis.engine.ports import Ports
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys, FakeQuestions


def question(number: int) -> Question:
    return Question(Entity("user", "alice"), "read", Entity("order", str(number)))


class World:
    def __init__(self, **config: Any) -> None:
        self.clock = FakeClock()
        self.questions = FakeQuestions({DECIDE: lambda asked: encode_decided(self.decide(asked))})
        files = FakeFiles({})
        self.ports = Ports(
            self.clock, FakeCounters(), FakeKeys(), self.questions, secrets=SourceSecrets(files), files=files
        )
        self.config = DecisionPointConfig.model_validate({"kind": "authzen", "url": "https://pdp.example", **config})
        self.point = DecisionPoint("pdp", self.config, self.ports)
        self.said: Decided | None = None

    def decide(self, asked: bytes) -> Decided:
        questions = decode_asked(asked).questions
        return self.said or Decided([int(each.resource.id) % 2 == 0 for each in questions])

    def ask(self, *numbers: int) -> list[bool]:
        return asyncio.run(self.point.ask([question(number) for number in numbers]))

    def remembered(self, *numbers: int) -> list[bool | None]:
        return [self.point.remembered(question(number)) for number in numbers]


def test_each_answer_is_remembered_for_its_question() -> None:
    world = World()
    assert world.remembered(1, 2) == [None, None]
    assert world.ask(1, 2) == [False, True]
    assert world.remembered(1, 2, 3) == [False, True, None]
    world.clock.advance(2)
    assert world.remembered(1, 2) == [None, True]
    world.clock.advance(8)
    assert world.remembered(1, 2) == [None, None]
    assert repr(world.point) == "<DecisionPoint pdp remembers=2>"


def test_what_is_not_to_be_remembered_is_not() -> None:
    world = World(cache={"allow": "5s", "deny": "0s"})
    world.ask(1, 2)
    assert world.remembered(1, 2) == [None, True]


def test_the_oldest_answers_go_first() -> None:
    world = World(cache={"entries": 2})
    world.ask(2, 4)
    world.ask(2)
    world.ask(6)
    assert world.remembered(2, 4, 6) == [True, None, True]


@rows(
    ("said", "message"),
    [
        (Decided([], "no answer in 1 s"), "pdp: no answer in 1 s"),
        (Decided([True, True]), "pdp: an answer to other questions"),
        (Decided([]), "pdp: an answer to other questions"),
    ],
)
def test_no_answer_is_an_error_and_not_remembered(said: Decided, message: str) -> None:
    world = World()
    world.said = said
    with pytest.raises(NoDecisionError, match=message):
        world.ask(2)
    assert world.remembered(2) == [None]


def test_where_nobody_can_be_asked_there_is_no_answer() -> None:
    world = World()
    world.questions.answers.clear()
    with pytest.raises(NoDecisionError, match="decisions: nobody is there"):
        world.ask(2)


def test_questions_are_bounded() -> None:
    world = World()
    assert len(world.ask(*range(MOST_TOGETHER))) == MOST_TOGETHER
    with pytest.raises(NoDecisionError, match=f"more than {MOST_TOGETHER} questions"):
        world.ask(*range(MOST_TOGETHER + 1))


def test_a_point_is_made_once_for_all_operations() -> None:
    world = World()
    missing = DecisionPointConfig.model_validate({"kind": "authzen", "url": "https://pdp.example", "token": "env:GONE"})
    configuration = SimpleNamespace(decision_points={"pdp": world.config, "broken": missing})
    context: Any = SimpleNamespace(configuration=configuration, ports=world.ports, shared={})
    assert decision_point("pdp", context) is decision_point("pdp", context)
    errors = set()
    for _ in range(2):
        with pytest.raises(ConfigurationError) as error:
            decision_point("broken", context)
        errors.add(str(error.value.diagnostics[0]))
    assert len(errors) == 1
    assert "decision_points.broken.token" in errors.pop()
    with pytest.raises(UnknownPointError, match='there is no decision point "pdq"') as unknown:
        decision_point("pdq", context)
    assert unknown.value.hint.startswith("declared: pdp")
