"""Which settings hold for an operation."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.config.merge import effective, overlay
from portcullis.engine.config.model import ApiConfig, LimitSettings, OperationSettings, PlanOf

OPERATION = "GET /orders"
LAYERS = ("api", "version", "api_operation", "version_operation")


def settings(**layers: dict[str, Any]) -> OperationSettings:
    """What holds for an operation with the given layers, from wide to narrow."""
    version: dict[str, Any] = {"spec": "a.yaml", **layers.get("version", {})}
    if "version_operation" in layers:
        version["operations"] = {OPERATION: layers["version_operation"]}
    data: dict[str, Any] = {
        "hosts": ["*"],
        "upstream": {"targets": ["https://a"]},
        "versions": {"v1": version},
        **layers.get("api", {}),
    }
    if "api_operation" in layers:
        data["operations"] = {OPERATION: layers["api_operation"]}
    api = ApiConfig.model_validate(data)
    return effective(api, api.versions["v1"], OPERATION)


def test_without_settings_nothing_is_set() -> None:
    assert settings() == OperationSettings()
    assert type(settings()) is OperationSettings


@rows(("wide", "narrow"), list(combinations(LAYERS, 2)))
def test_the_narrower_layer_wins(wide: str, narrow: str) -> None:
    assert settings(**{wide: {"max_body": 1}, narrow: {"max_body": 2}}).max_body == 2


def test_sections_are_merged_key_by_key() -> None:
    found = settings(
        api={"limit": {"plan": {"of": "consumer"}, "default_plan": "free", "by": "address"}},
        version={"limit": {"mode": "monitor"}},
        api_operation={"limit": {"plan": "gold"}},
        version_operation={"limit": {"by": "credential"}},
    )
    assert found.limit == LimitSettings(plan="gold", default_plan="free", by="credential", mode="monitor")


def test_a_default_of_a_narrower_layer_does_not_undo_what_a_wider_one_set() -> None:
    found = settings(api={"limit": {"plan": "gold", "mode": "off"}}, version={"limit": {"by": "address"}})
    assert found.limit is not None
    assert found.limit.mode == "off"


def test_what_a_narrower_layer_says_outright_holds_even_if_it_is_the_default() -> None:
    found = settings(api={"limit": {"plan": "gold", "mode": "off"}}, version={"limit": {"mode": "enforce"}})
    assert found.limit is not None
    assert found.limit.mode == "enforce"


def test_values_of_another_kind_are_replaced_whole() -> None:
    found = settings(api={"limit": {"plan": "gold"}}, version={"limit": {"plan": {"of": "consumer"}}})
    assert found.limit is not None
    assert found.limit.plan == PlanOf(of="consumer")


def test_lists_are_replaced_whole() -> None:
    found = settings(api={"authenticate": ["a", "b"]}, api_operation={"authenticate": ["c"]})
    assert found.authenticate is not None
    assert found.authenticate.any_of == ["c"]


def test_authenticate_ends_a_wider_layer_s_public() -> None:
    found = settings(api={"public": True}, api_operation={"authenticate": ["a"]})
    assert found.public is False


def test_a_narrower_public_leaves_authenticate_in_place() -> None:
    found = settings(api={"authenticate": ["a"]}, api_operation={"public": True})
    assert found.public is True
    assert found.authenticate is not None


def test_other_operations_do_not_matter() -> None:
    api = ApiConfig.model_validate(
        {
            "hosts": ["*"],
            "upstream": {"targets": ["https://a"]},
            "versions": {"v1": {"spec": "a", "operations": {"GET /x": {"max_body": 1}}}},
            "operations": {"GET /y": {"max_body": 2}},
        }
    )
    assert effective(api, api.versions["v1"], OPERATION).max_body is None


def test_merging_changes_nothing_that_was_read() -> None:
    wide, narrow = LimitSettings(plan="a"), LimitSettings(mode="monitor")
    assert overlay(wide, narrow) == LimitSettings(plan="a", mode="monitor")
    assert (wide, narrow) == (LimitSettings(plan="a"), LimitSettings(mode="monitor"))


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["enforce", "monitor", "off"]),
        "by": st.sampled_from(["consumer", "credential", "address"]),
        "plan": st.sampled_from(["a", "b"]),
        "on_store_failure": st.sampled_from(["refuse", "allow"]),
    },
)


@given(st.dictionaries(st.sampled_from(LAYERS), st.builds(lambda limit: {"limit": limit}, LIMITS)))
@pytest.mark.slow
def test_merging_is_the_union_of_keys_with_the_narrowest_value(layers: dict[str, dict[str, Any]]) -> None:
    expected: dict[str, Any] = {}
    for layer in LAYERS:
        expected |= layers.get(layer, {}).get("limit", {})
    found = settings(**layers).limit
    assert found == (LimitSettings.model_validate(expected) if layers else None)


def asked(**layers: dict[str, Any]) -> set[str]:
    """The keys of ``authorize`` that hold for an operation with these layers of it."""
    found = settings(**{name: {"authorize": layer} for name, layer in layers.items()}).authorize
    return {name for name, value in found if value is not None} if found is not None else set()


@rows(("wide", "narrow"), list(combinations(LAYERS, 2)))
def test_every_caller_ends_what_wider_layers_ask_and_is_ended_by_what_narrower_ones_do(wide: str, narrow: str) -> None:
    every, scopes = {"every_caller": True}, {"scopes": ["a"]}
    assert asked(**{wide: scopes, narrow: every}) == {"every_caller"}
    assert asked(**{wide: every, narrow: scopes}) == {"scopes"}


def test_what_is_asked_is_merged_where_nobody_lets_everyone_in() -> None:
    assert asked(api={"scopes": ["a"]}, api_operation={"claims": {"b": "c"}}) == {"scopes", "claims"}
    assert asked(api={"every_caller": True}, api_operation={}) == {"every_caller"}
    found = settings(api={"authorize": {"every_caller": True}}, version={"authorize": {"every_caller": False}})
    assert found.authorize is not None
    assert found.authorize.every_caller is False
