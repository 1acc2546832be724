from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from portcullis.control import outgoing
from portcullis.control.decision_protocols.speaking import DecisionPointSettings
from portcullis.control.metrics import Metrics
from portcullis.control.outgoing import OutgoingError
from portcullis.control.parts import ControlServices, decisions
from portcullis.control.parts.decisions import MAX_CALLS, PART, PROTOCOLS, Decisions, DecisionSettings
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.decision_points.questions import (
    DECIDE,
    Decided,
    Entity,
    Question,
    decode_decided,
    encode_asked,
)
from portcullis.testing.fakes import FakeFiles

QUESTION = Question(Entity("user", "alice"), "read", Entity("order", "17"))
OPA = DecisionPointSettings("opa", "https://opa.example/v1/data/shop/allow", "env:OPA_TOKEN", timeout=0.5)


class Calls:
    """Stands for the calls to others."""

    def __init__(self) -> None:
        self.answer: Callable[[], Any] = lambda: {"result": True}
        self.asked: list[tuple[str, Any, Any]] = []
        self.held: asyncio.Event | None = None

    async def post_json(self, url: str, document: Any, *, fields: Any) -> Any:
        self.asked.append((url, document, dict(fields)))
        if self.held is not None:
            await self.held.wait()
        return self.answer()


class World:
    def __init__(self) -> None:
        self.hub, self.calls = WorkerHub(Metrics(lambda: 0), lambda _lines: None), Calls()
        nothing: Any = None
        files: Any = FakeFiles({}, {"OPA_TOKEN": "s3cret"})
        calls: Any = self.calls
        part = PART.make(ControlServices(self.hub, nothing, files, nothing, lambda: 0.0, calls, nothing, nothing))
        assert isinstance(part, Decisions)
        self.part = part
        self.part.take_over(DecisionSettings({"opa": OPA}))

    async def ask(self, point: str = "opa", *questions: Question) -> Decided:
        return decode_decided(await self.hub._answers[DECIDE](encode_asked(point, questions or (QUESTION,))))


async def test_the_decision_point_is_asked_with_its_token() -> None:
    world = World()
    assert await world.ask() == Decided([True])
    ((url, document, fields),) = world.calls.asked
    assert (url, fields) == (OPA.url, {"authorization": "Bearer s3cret"})
    assert document["input"]["resource"] == {"type": "order", "id": "17"}
    world.calls.answer = lambda: {"result": False}
    assert await world.ask() == Decided([False])
    assert list(world.part.routes()) == []


async def test_a_question_that_is_being_asked_is_not_asked_again() -> None:
    world = World()
    world.calls.held = asyncio.Event()
    waiting = [asyncio.create_task(world.ask()) for _ in range(5)]
    other = asyncio.create_task(world.ask("opa", Question(Entity("user", "bob"), "read", Entity("order", "17"))))
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    world.calls.held.set()
    assert await asyncio.gather(*waiting[1:], other) == [Decided([True])] * 5
    assert len(world.calls.asked) == 2
    assert await world.ask() == Decided([True])
    assert len(world.calls.asked) == 3


async def test_a_slow_decision_point_leaves_calls_to_others() -> None:
    world = World()
    world.calls.held = asyncio.Event()
    several = [Question(Entity("user", "alice"), "read", Entity("order", str(n))) for n in range(MAX_CALLS + 5)]
    waiting = asyncio.create_task(world.ask("opa", *several))
    await asyncio.sleep(0.01)
    assert len(world.calls.asked) == MAX_CALLS < outgoing.MAX_CALLS
    world.calls.held.set()
    assert await waiting == Decided([True] * len(several))


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"result": "yes"}, "result is neither true nor false"),
        (OutgoingError("https://opa.example: answered 500", 500), "https://opa.example: answered 500"),
    ],
)
async def test_no_answer_is_a_failure_and_told_once(
    answer: Any, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    world = World()

    def fail() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    world.calls.answer = fail
    assert await world.ask() == Decided([], failure)
    assert await world.ask() == Decided([], failure)
    world.calls.answer = lambda: {"result": True}
    assert await world.ask() == Decided([True])
    assert await world.ask() == Decided([True])
    assert caplog.messages == [
        f"portcullis: decision point opa: {failure}",
        "portcullis: decision point opa: answers again",
    ]


async def test_who_answers_too_late_has_not_answered() -> None:
    world = World()
    world.calls.held = asyncio.Event()
    world.part.take_over(DecisionSettings({"opa": DecisionPointSettings("opa", OPA.url, timeout=0.01)}))
    assert await world.ask() == Decided([], "no answer in 0.01 s")
    assert world.calls.asked[0][2] == {}


async def test_a_token_that_is_gone_is_a_failure() -> None:
    world = World()
    world.part.take_over(DecisionSettings({"opa": DecisionPointSettings("opa", OPA.url, "env:GONE")}))
    assert await world.ask() == Decided([], "the environment has no GONE")
    assert world.calls.asked == []


async def test_a_point_that_only_the_next_file_has_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    waiting = asyncio.create_task(world.ask("new"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.part.take_over(DecisionSettings({"new": OPA}))
    assert await waiting == Decided([True])
    monkeypatch.setattr(decisions, "NEW_POINT_SECONDS", 0.01)
    assert await world.ask("opa") == Decided([], "there is no such decision point")


async def test_nothing_has_to_be_done_regularly() -> None:
    running = asyncio.create_task(World().part.run())
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()


def test_every_kind_that_can_be_declared_is_spoken() -> None:
    schema = DecisionPointConfig.model_json_schema()["properties"]["kind"]
    assert set(schema["enum"]) == set(PROTOCOLS)


def test_the_settings_are_what_the_file_declares_without_the_token() -> None:
    text = """\
listeners: {public: {bind: "127.0.0.1:0"}}
decision_points:
  opa: {kind: opa, url: "https://opa.example/v1/data/shop/allow", token: "env:OPA_TOKEN", timeout: 500ms}
  fga: {kind: openfga, url: "http://127.0.0.1:8080", store: S, model: M}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:9"]}, versions: {v1: {spec: x}}}}
"""
    fga = DecisionPointSettings("openfga", "http://127.0.0.1:8080", store="S", model="M")
    configuration = load_configuration(text, "portcullis.yaml").configuration
    assert PART.of(configuration) == DecisionSettings({"opa": OPA, "fga": fga})
