from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from rows import rows

from portcullis.engine.config.callers import ServiceConfig
from portcullis.engine.identity import Identity
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.policies.authorize.services import LATERAL_MOVEMENT, POLICY, ServicesConfig

DOCUMENT = yaml.safe_load((Path(__file__).parents[4] / "cases/authorize/services.yaml").read_text(encoding="utf-8"))
CASES, SERVICES = DOCUMENT["cases"], DOCUMENT["services"]
Make = Callable[..., OperationContext]


def identity_of(case: dict[str, Any]) -> Identity | None:
    if "caller" not in case:
        return None
    made = [
        Identity("some", each["subject"], name=each["name"], actors=tuple(each.get("actors", ())))
        for each in (case["caller"], *case.get("also", ()))
    ]
    first = made[0]
    return Identity(first.method, first.subject, name=first.name, actors=first.actors, also=tuple(made[1:]))


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make, call: Any, check: Any) -> None:
    asked = {key: case[key] for key in ("only", "mode", "delegation", "max_actors") if key in case}
    settings = {"authorize": {"services": asked}} if asked else {}
    check(call(context(settings, services=SERVICES), identity_of(case)), POLICY.name, case)


def test_without_services_nobody_is_asked(context: Make) -> None:
    assert compile_phase(context({})) == ()


def test_without_services_an_operation_for_them_alone_is_for_nobody(context: Make, call: Any) -> None:
    made = context({"authorize": {"services": {"only": True}}})
    for identity in (None, Identity("mtls", "spiffe://example.internal/checkout", name="mesh")):
        assert call(made, identity).refusal.code is LATERAL_MOVEMENT


def test_the_graph_holds_where_every_caller_may_call(context: Make, call: Any) -> None:
    made = context({"authorize": {"every_caller": True}}, services=SERVICES)
    assert call(made, Identity("mtls", "spiffe://example.internal/other", name="mesh")).refusal.code is LATERAL_MOVEMENT
    assert call(made, Identity("jwt", "alice", name="users")).refusal is None


def test_a_public_operation_asks_nobody(context: Make) -> None:
    assert compile_phase(context({"public": True}, services=SERVICES)) == ()


def test_who_may_call_stands_before_what_else_is_asked(context: Make, call: Any) -> None:
    made = context({"authorize": {"scopes": ["orders:read"]}}, services=SERVICES)
    assert call(made, Identity("mtls", "spiffe://example.internal/other", name="mesh")).refusal.code is LATERAL_MOVEMENT


@rows(("edges", "may"), [(["shop"], True), (["shop:GET /orders"], True), (["shop:GET /order"], False), ([], False)])
def test_an_edge_is_to_an_api_or_one_operation(edges: list[str], may: bool, context: Make, call: Any) -> None:
    made = context({}, services={"a": {"subjects": "a", "may_call": edges}})
    assert (call(made, Identity("mtls", "a", name="mesh")).refusal is None) == may


def test_no_combination_of_proofs_gets_a_service_farther_than_its_edges(context: Make, call: Any) -> None:
    made = context({"authorize": {"services": {"only": True}}}, services=SERVICES)
    names = ("mesh", "tokens", "users")
    subjects = ("spiffe://example.internal/checkout", "spiffe://example.internal/reports", "billing", "alice")
    parties = [
        Identity("some", subject, name=name, actors=actors)
        for name, subject, actors in itertools.product(names, subjects, ((), (subjects[1],), (subjects[0],)))
    ]
    for first, second in itertools.product(parties, parties):
        both = Identity("some", first.subject, name=first.name, actors=first.actors, also=(second,))
        reports = any(
            each.name == "mesh" and (each.actors or (each.subject,))[0].endswith("reports") for each in (first, second)
        )
        if reports:
            assert call(made, both).refusal is not None, both


@rows("call", ["", "shop:", "shop:GET", "shop:get /orders", ":GET /orders", "shop GET /orders", "*"])
def test_what_is_no_api_or_operation_is_refused(call: str) -> None:
    with pytest.raises(ValidationError, match="the name of an API, or that and an operation"):
        ServiceConfig.model_validate({"subjects": "a", "may_call": [call]})


@rows("config", [{"max_actors": 9}, {"max_actors": -1}, {"delegation": "yes"}, {"onyl": True}])
def test_settings_that_mean_nothing_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServicesConfig.model_validate(config)
