from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.identity import Identity
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize.claims import POLICY, ClaimsConfig, check_values, has_one, keys_of

CASES = yaml.safe_load((Path(__file__).parents[4] / "cases/authorize/claims.yaml").read_text(encoding="utf-8"))["cases"]
Make = Callable[..., OperationContext]


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], context: Make, call: Any, check: Any) -> None:
    identity = None if case.get("anonymous") else Identity("jwt", "acme", claims=case["has"])
    check(call(context({"authorize": {"claims": case["claims"]}}), identity), POLICY.name, case)


def test_what_a_claim_says_is_in_no_record(context: Make, call: Any) -> None:
    made = context({"authorize": {"claims": {"email": "a@shop.example"}}})
    exchange = call(made, Identity("jwt", "acme", claims={"email": "someone@private.example"}))
    assert exchange.refusal is not None
    assert "private" not in repr(exchange.facts.verdicts) + repr(exchange.refusal)


@rows(
    ("claim", "keys"),
    [
        ("department", ("department",)),
        ("realm_access.roles", ("realm_access", "roles")),
        ("/realm_access/roles", ("realm_access", "roles")),
        ("/a~1b/c~0d", ("a/b", "c~d")),
        ("/a.b", ("a.b",)),
        ("https://shop.example/tenant", ("https://shop.example/tenant",)),
        ("urn:a.b", ("urn:a.b",)),
        ("a..b", ("a..b",)),
    ],
)
def test_a_claim_is_reached_by_keys(claim: str, keys: tuple[str, ...]) -> None:
    assert keys_of(claim) == keys


VALUES = st.one_of(st.text(max_size=3), st.integers(-2, 2), st.booleans())
ANYTHING: Any = st.recursive(
    st.one_of(VALUES, st.none(), st.floats(allow_nan=True)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from("abc"), ANYTHING), st.lists(st.sampled_from("abc"), min_size=1), VALUES)
def test_only_the_very_value_or_a_list_with_it_will_do(claims: dict[str, Any], keys: list[str], value: Any) -> None:
    found: Any = claims
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    items = found if isinstance(found, list) else [found]
    wanted = any(type(item) is type(value) and item == value for item in items)
    assert has_one(claims, tuple(keys), check_values(value)) is wanted


def test_of_a_claim_without_end_only_so_much_is_looked_at() -> None:
    claims = {"groups": ["x"] * 5000 + ["staff"]}
    assert not has_one(claims, ("groups",), check_values("staff"))


@rows(
    "config",
    [
        {"a": 1.5},
        {"a": None},
        {"a": []},
        {"a": {}},
        {"a": ["x"] * 65},
        {"": "x"},
        {"a\n": "x"},
        {"x" * 257: "x"},
        {"all_of": {"a": "x"}, "b": "y"},
        {"mode": "fast"},
        ["a"],
        "a",
        {str(number): "x" for number in range(65)},
    ],
)
def test_what_can_not_be_asked_for_is_an_error(config: object) -> None:
    with pytest.raises(ValidationError):
        ClaimsConfig.model_validate(config)


def test_a_narrower_place_may_say_the_mode_alone(context: Make, call: Any) -> None:
    api = {"authorize": {"claims": {"department": "sales"}}}
    made = context({"authorize": {"claims": {"mode": "monitor"}}}, api=api)
    assert call(made, Identity("jwt", "acme")).facts.verdicts[-1].outcome == "would_refuse"


def test_editors_are_told_of_the_short_form_too() -> None:
    schema = TypeAdapter(ClaimsConfig).json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["object", "object"]
