"""Which settings govern operations."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import Configuration
from portcullis.engine.inert.usage import SettingsUsage
from portcullis.engine.operation import UNROUTED, OperationContext
from portcullis.engine.policy import Step

NOTHING: Any = None
CHECK = Step("validate.request", "head", NOTHING)


def configuration(api: dict[str, Any], plans: dict[str, Any] | None = None) -> Configuration:
    shop = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s"}}, **api}
    listeners = {"public": {"bind": "127.0.0.1:0"}}
    return Configuration.model_validate({"listeners": listeners, "plans": plans or {}, "apis": {"shop": shop}})


def usage_of(config: Configuration, *names: str, has_body: bool = True) -> SettingsUsage:
    """The usage of the settings, after operations of these names were compiled."""
    usage = SettingsUsage(config)
    api = config.apis["shop"]
    for name in names:
        spec: Any = SimpleNamespace(name=name, body=object() if has_body else None, security=None)
        settings = effective(api, api.versions["v1"], name)
        context = OperationContext(config, "shop", api, "v1", settings, NOTHING, spec, NOTHING, ("apis", "shop"))
        usage.add(
            context, msgspec.structs.replace(UNROUTED, name=name, head_steps=(CHECK,), max_body=settings.max_body or 0)
        )
    usage.finish()
    return usage


API, VERSION = ("apis", "shop"), ("apis", "shop", "versions", "v1")


def test_a_leaf_governs_the_operations_for_which_no_narrower_place_says_it() -> None:
    usage = usage_of(configuration({"max_body": 1, "operations": {"GET /a": {"max_body": 2}}}), "GET /a", "GET /b")
    wide, narrow = usage.leaves[API, ("max_body",)], usage.leaves[(*API, "operations", "GET /a"), ("max_body",)]
    assert (wide.governs, wide.acts, wide.awaits) == (1, True, True)
    assert (narrow.governs, narrow.acts, narrow.awaits) == (1, True, False)
    assert wide.said_again == (*API, "operations", "GET /a")


def test_a_leaf_that_each_operation_says_again_awaits_the_next() -> None:
    config = configuration({"max_body": 1, "operations": {"GET /a": {"max_body": 2}}})
    use = usage_of(config, "GET /a").leaves[API, ("max_body",)]
    assert (use.governs, use.acts, use.awaits) == (0, False, True)


def test_a_leaf_that_each_version_says_again_awaits_nothing() -> None:
    config = configuration({"max_body": 1, "versions": {"v1": {"spec": "s", "max_body": 2}}})
    use = usage_of(config, "GET /a").leaves[API, ("max_body",)]
    assert (use.governs, use.awaits, use.said_again) == (0, False, VERSION)


def test_what_has_nothing_to_act_on_says_why() -> None:
    use = usage_of(configuration({"max_body": 1}), "GET /a", has_body=False).leaves[API, ("max_body",)]
    assert (use.governs, use.acts) == (1, False)
    assert use.reasons == ("a request with a body is refused anyway",)


@rows(
    ("settings", "keys"),
    [
        ({"limit": {"plan": "gold", "by": "address"}}, {("limit", "plan"), ("limit", "by")}),
        ({"limit": {"plan": {"of": "consumer"}}}, {("limit", "plan")}),
        ({"validate": {"request": {"mode": "off"}}}, {("validate", "request", "mode")}),
        ({"authenticate": ["a"]}, {("authenticate", "any_of")}),
        ({"validate": {}, "guard": {}}, set()),
    ],
)
def test_leaves_are_what_the_file_says(settings: dict[str, Any], keys: set[tuple[str, ...]]) -> None:
    usage = usage_of(configuration(settings, {"gold": {}}), "GET /a")
    assert {leaf for place, leaf in usage.leaves if place == API} == keys


def test_lists_of_addresses_that_hold_together_are_noted() -> None:
    narrow = {"guard": {"addresses": {"allow": ["10.0.0.0/8"]}}}
    api = {"guard": {"addresses": {"deny": ["10.1.0.0/16"]}}, "operations": {"GET /a": narrow}}
    usage = usage_of(configuration(api), "GET /a", "GET /b")
    assert usage.address_lists == {((*API, "operations", "GET /a"), API), (None, API)}
    assert [str(each) for each in usage.value(API, ("guard", "addresses", "deny"))] == ["10.1.0.0/16"]  # type: ignore[attr-defined]


def test_operations_are_counted() -> None:
    assert usage_of(configuration({}), "GET /a", "GET /b").operations == {("shop", "v1"): 2}


@pytest.mark.slow
def test_thousands_of_operations_take_no_time_to_speak_of() -> None:
    names = [f"GET /{number}" for number in range(5_000)]
    config = configuration({"max_body": 1, "limit": {"plan": "gold", "by": "address"}}, {"gold": {}})
    began = time.process_time()
    usage_of(config, *names)
    assert time.process_time() - began < 5
