from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.decision_points.questions import DECIDE, Decided, decode_asked, encode_decided
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.objects.functions.decided import FUNCTION, check_call, compile_decided
from portcullis.engine.objects.given import UNKNOWN, QuestionError, Truth
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.syntax import Call, Holds
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, FakeQuestions

ALICE = Facts()
ALICE.identify(Identity("jwt", "alice", name="staff"))


class World:
    """Two decision points that let alice read what has an even number."""

    def __init__(self, *any_of: str) -> None:
        self.failure = ""
        self.questions = FakeQuestions({DECIDE: self.decide})
        point = DecisionPointConfig.model_validate({"kind": "authzen", "url": "https://pdp.example"})
        self.context: Any = SimpleNamespace(
            settings=SimpleNamespace(
                public=False, authenticate=AuthenticateSettings.model_validate({"any_of": list(any_of) or ["staff"]})
            ),
            configuration=SimpleNamespace(
                decision_points={"pdp": point, "opa": point},
                identities={name: SimpleNamespace(api_key=None) for name in ("staff", "web")},
            ),
            ports=Ports(FakeClock(), FakeCounters(), FakeKeys(), self.questions),
            shared={},
        )
        self.inquiry = compile_decided(self.context)

    def decide(self, asked: bytes) -> bytes:
        questions = decode_asked(asked).questions
        return encode_decided(
            Decided([], self.failure)
            if self.failure
            else Decided([int(question.resource.id) % 2 == 0 for question in questions])
        )

    def ask(self, *asked: Any, facts: Facts = ALICE) -> Sequence[Truth]:
        async def wait() -> Sequence[Truth]:
            return await self.inquiry.ask(facts, asked)

        return asyncio.run(wait())


def test_all_objects_are_asked_about_together_and_the_answers_remembered() -> None:
    world = World()
    asked = [("pdp", "read", "order", number) for number in (1, 2, "4")]
    assert [world.inquiry.known(ALICE, each) for each in asked] == [UNKNOWN] * 3
    assert world.ask(*asked) == [False, True, True]
    ((_, question),) = world.questions.asked
    (first, *_) = decode_asked(question).questions
    assert (first.subject.id, first.action, first.resource.type, first.resource.id) == ("alice", "read", "order", "1")
    assert [world.inquiry.known(ALICE, each) for each in asked] == [False, True, True]


def test_each_decision_point_is_asked_its_own_questions() -> None:
    world = World()
    assert world.ask(("pdp", "read", "order", 1), ("opa", "read", "order", 2), ("pdp", "write", "order", 4)) == [
        False,
        True,
        True,
    ]
    assert [decode_asked(question).point for _, question in world.questions.asked] == ["pdp", "opa"]


def test_what_is_no_id_and_nobody_in_particular_are_undecided_without_a_question() -> None:
    world = World()
    for arguments in (("pdp", "read", "order", True), ("pdp", "read", "order", "")):
        assert world.inquiry.known(ALICE, arguments) is None
        assert world.ask(arguments) == [None]
    assert world.inquiry.known(Facts(), ("pdp", "read", "order", 1)) is None
    assert world.ask(("pdp", "read", "order", 1), ("pdp", "read", "order", True)) == [False, None]
    assert len(world.questions.asked) == 1


def test_no_answer_is_an_error() -> None:
    world = World()
    world.failure = "no answer in 1 s"
    with pytest.raises(QuestionError, match="pdp: no answer in 1 s"):
        world.ask(("pdp", "read", "order", 1))


def call_of(text: str) -> tuple[Any, Call]:
    rule = parse(text)
    assert isinstance(rule.condition, Holds)
    assert isinstance(rule.condition.operand, Call)
    return rule, rule.condition.operand


@rows(
    ("rule", "message"),
    [
        ('decided(response.pdp, "read", "order", response.id)', "the decision point is written in the rule"),
        ('decided("pdq", "read", "order", response.id)', 'there is no decision point "pdq"'),
    ],
)
def test_a_mistake_is_told(rule: str, message: str) -> None:
    with pytest.raises(RuleError, match=message) as error:
        check_call(*call_of(rule), World().context)
    assert error.value.column == 9
    check_call(*call_of(FUNCTION.example.replace("opa", "pdp")), World().context)


def test_of_which_type_callers_are_has_to_be_said_where_there_are_several_identities() -> None:
    with pytest.raises(RuleError, match="of which type callers are that staff proves is not said") as error:
        check_call(*call_of('decided("pdp", "read", "order", response.id)'), World("staff", "web").context)
    assert error.value.hint == "say it in decision_points.pdp: subjects: {staff: user}"
