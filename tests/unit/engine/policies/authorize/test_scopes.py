from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.policies.authorize.scopes import POLICY, ScopesConfig
from portcullis.engine.request import RequestView

CASES = yaml.safe_load((Path(__file__).parents[4] / "cases/authorize/scopes.yaml").read_text(encoding="utf-8"))["cases"]
Make = Callable[..., OperationContext]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make) -> None:
    steps = compile_phase(context({"authorize": {"scopes": case["scopes"]}}))
    request = RequestView("GET", "/orders", (), {})
    exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
    request.operation = Operation("shop", "v1", "GET /orders", steps, (), 0, "shop", str)
    if not case.get("anonymous"):
        exchange.facts.identify(Identity("api_key", "acme", "k", frozenset(case["has"]), Consumer("acme")))
    exchange.decide_head()
    wanted = case.get("refused") or case.get("would_refuse")
    assert (exchange.refusal is not None) == ("refused" in case)
    if wanted is not None:
        [verdict] = exchange.facts.verdicts
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.detail == wanted.get("detail", verdict.detail)
        assert verdict.finding is not None
        assert verdict.finding.found == wanted.get("found", verdict.finding.found)
        assert verdict.finding.allowed == wanted.get("allowed", verdict.finding.allowed)
        assert verdict.finding.source == "#/apis/shop/operations/GET ~1orders"


@pytest.mark.parametrize(
    "scope", ["", "a b", 'a"b', "a\\b", "a\n", "\na", "a\0", "é", "٣", "x" * 129, "a\x7f"], ids=ascii
)
def test_what_is_no_scope_is_an_error(scope: str) -> None:
    with pytest.raises(ValidationError):
        ScopesConfig.model_validate([scope])


@pytest.mark.parametrize("config", [[], {}, {"all_of": []}, "orders:read", {"any_of": ["a"]}, ["a"] * 65])
def test_what_asks_for_nothing_or_for_something_else_is_an_error(config: object) -> None:
    with pytest.raises(ValidationError):
        ScopesConfig.model_validate(config)


def test_editors_are_told_of_the_short_form_too() -> None:
    schema = TypeAdapter(ScopesConfig).json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["array", "object"]
