"""What becomes of an exchange: the first refusal stays, and a failure says nothing of the request."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from portcullis.engine.codes import INTERNAL, UNKNOWN_PATH, Code
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView
from portcullis.testing import make_request

NO_ENTRY = Code("authorize.no_entry", 403, "No entry")
TOO_MUCH = Code("limit.too_much", 429, "Too much")
MILLISECOND = 1_000_000


def step(run: Callable[..., Any], *, policy: str = "test.step", monitor: bool = False, needs: Any = "head") -> Step:
    return Step(policy, needs, run, monitor, allowed(policy))


def fails(_request: RequestView, _facts: Facts) -> None:
    raise KeyError("sk_live_of_the_caller")


def exchange(*head: Step, body: tuple[Step, ...] = (), request: RequestView | None = None) -> Exchange:
    made = Exchange(request or make_request("GET", "/orders"), "a" * 32, "b" * 32, 1000 * MILLISECOND, 1764000000.25)
    made.request.operation = Operation("shop", "v1", "GET /orders", head, body, 1024, "shop", str)
    return made


def decided(outcome: Refuse | Awaitable[Refuse | None] | None) -> Refuse | None:
    assert outcome is None or isinstance(outcome, Refuse), "nothing here needs to be awaited"
    return outcome


def outcomes(made: Exchange) -> list[tuple[str, str, str]]:
    return [(verdict.policy, verdict.outcome, verdict.code) for verdict in made.facts.verdicts]


def test_a_second_refusal_changes_nothing() -> None:
    made = exchange()
    first = made.refuse(Refuse(UNKNOWN_PATH))
    assert made.refuse(Refuse(NO_ENTRY)) is first
    assert outcomes(made) == [("guard", "refuse", "guard.unknown_path")]


def test_a_refusal_that_no_policy_made_is_put_down_to_the_phase_of_its_code() -> None:
    made = exchange()
    made.refuse(Refuse(TOO_MUCH))
    assert made.facts.verdicts[0].policy == "limit"


def test_why_a_step_failed_is_recorded_but_never_what_the_error_says() -> None:
    made = exchange(step(fails))
    refusal = decided(made.decide_head())
    assert refusal is not None
    assert refusal.code is INTERNAL
    assert refusal.detail == ""
    finding = made.facts.verdicts[0].finding
    assert finding is not None
    assert finding.found == "KeyError"
    assert finding.source == f"{__name__}:{inspect.getsourcelines(fails)[1] + 1}"
    assert "sk_live" not in repr(made.facts.verdicts)
