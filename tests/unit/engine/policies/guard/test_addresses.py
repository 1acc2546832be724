from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange
from portcullis.engine.operation import UNROUTED, OperationContext
from portcullis.engine.policies.guard import compile_phase
from portcullis.engine.policies.guard.addresses import ADDRESS_DENIED, POLICY, AddressesConfig
from portcullis.testing import make_request

CASES = cases_of("guard/addresses")["cases"]
Make = Callable[..., OperationContext]


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make) -> None:
    api = {"guard": {"addresses": case["api"]}} if "api" in case else {}
    steps = compile_phase(context({"guard": {"addresses": case["addresses"]}}, api=api))
    request = make_request(client=case["client"])
    request.operation = msgspec.structs.replace(UNROUTED, head_steps=steps)
    exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
    exchange.decide_head()
    wanted = case.get("refused") or case.get("would_refuse")
    assert (exchange.refusal is not None) == ("refused" in case)
    if wanted is not None:
        [verdict] = exchange.facts.verdicts
        assert (verdict.policy, verdict.code, verdict.detail) == (POLICY.name, wanted["code"], "")
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        assert verdict.finding.pointer == "/client"
        for key in ("found", "allowed", "source"):
            assert getattr(verdict.finding, key) == wanted.get(key, getattr(verdict.finding, key))


def test_the_caller_is_told_nothing_but_the_code(context: Make) -> None:
    [step] = compile_phase(context({"guard": {"addresses": {"allow": ["10.0.0.0/8"]}}}))
    refusal: Any = step.run(make_request(client="192.0.2.1"), None)  # type: ignore[arg-type]
    assert (refusal.code, refusal.detail, refusal.fields) == (ADDRESS_DENIED, "", ())
    assert ADDRESS_DENIED.status == 403


@rows("lists", [{}, {"mode": "monitor"}])
def test_lists_without_an_entry_at_any_level_are_an_error(context: Make, lists: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="nothing is guarded") as caught:
        compile_phase(context({"guard": {"addresses": lists}}))
    assert caught.value.diagnostics[0].pointer == 'apis.shop.operations."GET /orders".guard.addresses'


@rows(
    "config",
    [
        {"allow": []},
        {"deny": []},
        {"allow": "10.0.0.0/8"},
        {"allow": ["10.0.0.1/8"]},
        {"allow": ["shop.example"]},
        {"deny": [""]},
        {"refuse": ["10.0.0.0/8"]},
    ],
)
def test_what_is_no_list_of_networks_is_an_error(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AddressesConfig.model_validate(config)
