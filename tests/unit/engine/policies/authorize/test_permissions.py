from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize import compile_phase, permissions
from portcullis.engine.policies.authorize.permissions import POLICY, PermissionsConfig

WHOLE = yaml.safe_load((Path(__file__).parents[4] / "cases/authorize/permissions.yaml").read_text(encoding="utf-8"))
ROLES, CASES = WHOLE["roles"], WHOLE["cases"]
Make = Callable[..., OperationContext]


def holding(*roles: str) -> Identity:
    return Identity("api_key", "acme", "k", consumer=Consumer("acme", roles=frozenset(roles)))


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make, call: Any, check: Any) -> None:
    settings = {"authorize": {"permissions": case["permissions"]}} if "permissions" in case else {}
    made = context(settings, roles=ROLES)
    if "invalid" in case:
        with pytest.raises(ConfigurationError) as caught:
            compile_phase(made)
        assert [each.message for each in caught.value.diagnostics] == [case["invalid"]]
        return
    identity = None if case.get("anonymous") else holding(*case["has"])
    check(call(made, identity), POLICY.name, case)


def test_the_record_names_the_place_that_asks(context: Make, call: Any) -> None:
    asked = {"authorize": {"permissions": ["orders:read"]}}
    for settings, place in (({}, "#/apis/shop"), (asked, "#/apis/shop/operations/GET ~1orders")):
        exchange = call(context(settings, api=asked, roles=ROLES), holding())
        assert exchange.facts.verdicts[-1].finding.source == f"{place}/authorize/permissions"
        assert exchange.refusal.detail == ""
        assert exchange.refusal.fields == ()


def test_a_permission_that_no_role_gives_is_told_where_it_stands(context: Make) -> None:
    asked = {"all_of": ["orders:read"], "any_of": ["order:read", "users:write"]}
    with pytest.raises(ConfigurationError) as caught:
        compile_phase(context({"authorize": {"permissions": asked}}, roles={"clerk": ["orders:read", "users:read"]}))
    first, second = caught.value.diagnostics
    assert first.pointer == 'apis.shop.operations."GET /orders".authorize.permissions.any_of[0]'
    assert first.hint == 'did you mean "orders:read"? given by roles: orders:read, users:read'
    assert second.pointer.endswith("any_of[1]")


def test_without_roles_the_hint_is_to_declare_some(context: Make) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_phase(context({"authorize": {"permissions": ["orders:read"]}}))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.pointer == 'apis.shop.operations."GET /orders".authorize.permissions[0]'
    assert diagnostic.hint == 'declare roles in "roles"'


def test_a_narrower_place_may_say_the_mode_alone(context: Make, call: Any) -> None:
    api = {"authorize": {"permissions": ["orders:read"]}}
    exchange = call(context({"authorize": {"permissions": {"mode": "monitor"}}}, api=api, roles=ROLES), holding())
    assert exchange.refusal is None
    assert exchange.facts.verdicts[-1].outcome == "would_refuse"


def test_exclusion_is_watched_over_at_every_operation_that_is_not_public(context: Make) -> None:
    assert [step.policy for step in compile_phase(context({}, roles=ROLES))] == ["authorize.roles"]
    every_caller = {"authorize": {"every_caller": True}}
    assert [step.policy for step in compile_phase(context(every_caller, roles=ROLES))] == ["authorize.roles"]
    assert compile_phase(context({"public": True}, roles=ROLES)) == ()
    assert compile_phase(context({}, roles={"clerk": ["orders:read"]})) == ()


def test_combinations_of_roles_are_remembered_and_not_without_end(
    context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "_MOST_COMBINATIONS", 3)
    [step] = compile_phase(context({}, roles=ROLES))
    nothing: Any = None
    for number in range(10):
        assert step.run(nothing, Facts(holding("clerk", f"of-an-issuer-{number}"))) is None
        assert step.run(nothing, Facts(holding("manager", "auditor"))).code.name == "authorize.conflicting_roles"
    remembered = step.run.__closure__
    assert all(len(cell.cell_contents) <= 3 for cell in remembered if isinstance(cell.cell_contents, dict))


@rows("config", ["orders:read", {"all_of": "orders:read"}, ["orders:*"], ["a b"], ["a"] * 65, {"none_of": ["a"]}, 5])
def test_what_is_no_list_of_permissions_is_an_error(config: object) -> None:
    with pytest.raises(ValidationError):
        PermissionsConfig.model_validate(config)


def test_editors_are_told_of_the_short_form_too() -> None:
    schema = TypeAdapter(PermissionsConfig).json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["array", "object"]
