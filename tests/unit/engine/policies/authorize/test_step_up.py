from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Identity
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize.step_up import POLICY, StepUpConfig
from portcullis.engine.ports import Ports
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys

CASES = cases_of("authorize/step_up")["cases"]
NOW = 1_800_000_000
Make = Callable[..., OperationContext]


def compiled(context: Make, step_up: dict[str, Any]) -> OperationContext:
    ports = Ports(FakeClock(wall_s=float(NOW)), FakeCounters(), FakeKeys())
    return msgspec.structs.replace(context({"authorize": {"step_up": step_up}}), ports=ports)


def identity_of(case: dict[str, Any]) -> Identity | None:
    if case.get("anonymous"):
        return None
    logged_in = {"auth_time": NOW - case["ago"]} if "ago" in case else {}
    return Identity("jwt", "alice", claims={**case["has"], **logged_in})


def challenges(exchange: Exchange) -> list[str]:
    fields = exchange.refusal.fields if exchange.refusal is not None else ()
    return [value.decode() for name, value in fields if name == b"www-authenticate"]


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make, call: Any, check: Any) -> None:
    exchange = call(compiled(context, case["step_up"]), identity_of(case))
    if "refused" in case:
        [challenge] = challenges(exchange)
        assert challenge == case.get("challenge", challenge)
        case = {**case, "refused": {**case["refused"], "challenge": challenge, "detail": exchange.refusal.detail}}
        assert exchange.refusal.status == 401
        assert exchange.refusal.code.visible is exchange.refusal.code
    check(exchange, POLICY.name, case)


def test_of_several_credentials_one_must_say_all_of_it(context: Make, call: Any) -> None:
    made = compiled(context, {"acr": "mfa", "max_age": "1h"})
    old, weak = {"acr": "mfa", "auth_time": NOW - 7200}, {"acr": "pwd", "auth_time": NOW}
    good = {"acr": "mfa", "auth_time": NOW}
    both = Identity("jwt", "alice", claims=old, also=(Identity("jwt", "bob", claims=weak),))
    assert call(made, both).refusal is not None
    assert call(made, msgspec.structs.replace(both, also=(Identity("jwt", "bob", claims=good),))).refusal is None


@rows(
    ("said", "reason"),
    [
        ({}, "acr, max_age or both"),
        ({"acr": []}, "acr, max_age or both"),
        ({"acr": ["a b"]}, "printable ASCII without blanks"),
        ({"acr": 'a"b'}, "printable ASCII without blanks"),
        ({"acr": "é"}, "printable ASCII without blanks"),
        ({"max_age": "0s"}, "greater than or equal to 1"),
        ({"acr": "mfa", "leeway": "1h"}, "less than or equal to 600"),
    ],
)
def test_a_mistake_in_the_file_is_told(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        StepUpConfig.model_validate(said)
