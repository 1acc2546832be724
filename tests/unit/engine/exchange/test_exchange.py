"""An exchange from its head to its record."""

from __future__ import annotations

from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Needs, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request


def test_every_kind_of_step_has_its_turn_and_its_verdict_in_the_record() -> None:
    turns: list[str] = []

    def step(needs: Needs) -> Step:
        def run(_view: RequestView | ResponseView, _facts: Facts) -> Refuse | None:
            turns.append(needs)
            return None

        return Step(f"test.{needs}", needs, run, allowed=allowed(f"test.{needs}"))

    kinds: tuple[Needs, ...] = ("head", "body", "response_head", "response_body", "answer")
    made = Exchange(make_request("POST", "/orders", body=b"{}"), "a" * 32, "b" * 32, 0, 0.0)
    made.request.operation = Operation(
        "shop",
        "v1",
        "POST /orders",
        (step("head"),),
        (step("body"),),
        1024,
        "shop",
        str,
        response_head_steps=(step("response_head"),),
        response_body_steps=(step("response_body"),),
        answer_steps=(step("answer"),),
    )
    made.decide_head()
    made.begin_body()
    made.decide_body(b"{}")
    response = ResponseView(made.request, 200, (), {})
    made.decide_response(response)
    made.decide_response_body(response, b"{}")
    made.conclude(response)
    assert turns == list(kinds)
    assert [verdict.policy for verdict in record_of(made, 0).verdicts] == [f"test.{each}" for each in kinds]
