from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.openapi.security import Alternative, Security
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.policies.authorize.scopes import POLICY, ScopesConfig

CASES = yaml.safe_load((Path(__file__).parents[4] / "cases/authorize/scopes.yaml").read_text(encoding="utf-8"))["cases"]
Make = Callable[..., OperationContext]


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make, call: Any, check: Any) -> None:
    settings = {"authorize": {"scopes": case["scopes"]}} if "scopes" in case else {}
    security = None
    if "document" in case:
        said = [Alternative(frozenset(each["kinds"]), frozenset(each["scopes"])) for each in case["document"]]
        security = Security("/paths/~1orders/get/security", tuple(said))
    identity = None
    if not case.get("anonymous"):
        also = tuple(Identity(method, "x") for method in case.get("also", ()))
        method = case.get("method", "api_key")
        identity = Identity(method, "acme", "k", frozenset(case["has"]), Consumer("acme"), also=also)
    check(call(context(settings, security=security), identity), POLICY.name, case)


def test_one_step_tells_callers_apart_each_time(context: Make) -> None:
    said = (Alternative(frozenset({"token"}), frozenset({"a"})), Alternative(frozenset({"key"}), frozenset()))
    [step] = compile_phase(context({}, security=Security("/security", said)))
    key, token = Identity("api_key", "x"), Identity("jwt", "x")
    both = Identity("jwt", "x", also=(key,))
    nothing: Any = None
    refused = [step.run(nothing, Facts(each)) is not None for each in (key, token, both, token, key, both)]
    assert refused == [False, True, False, True, False, False]


@rows("scope", ["", "a b", 'a"b', "a\\b", "a\n", "\na", "a\0", "é", "٣", "x" * 129, "a\x7f"], ids=ascii)
def test_what_is_no_scope_is_an_error(scope: str) -> None:
    with pytest.raises(ValidationError):
        ScopesConfig.model_validate([scope])


@rows("config", [[], {"all_of": []}, "orders:read", {"any_of": ["a"]}, ["a"] * 65, {"from_document": "no"}])
def test_what_asks_for_nothing_or_for_something_else_is_an_error(config: object) -> None:
    with pytest.raises(ValidationError):
        ScopesConfig.model_validate(config)


def test_editors_are_told_of_the_short_form_too() -> None:
    schema = TypeAdapter(ScopesConfig).json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["array", "object"]
