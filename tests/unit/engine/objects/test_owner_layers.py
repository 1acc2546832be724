from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rows import rows

from portcullis.engine.config.model import ApiConfig
from portcullis.engine.objects.owner_layers import is_for_others, is_public_above

NAME = "GET /orders"
RULE = {"objects": {"owner": "response.owner == identity.subject"}}
NO_RULE = {"objects": {"owner": {"exempt_roles": ["support"]}}}
FIELDS = {"objects": {"fields": {}}}
PUBLIC = {"public": True}


def context(api: Any = None, version: Any = None, operations: Any = None, of_version: Any = None) -> Any:
    said = {"spec": "shop.yaml", **(version or {}), "operations": of_version or {}}
    upstream = {"targets": ["http://127.0.0.1:9"]}
    written = {
        "hosts": ["*"],
        "upstream": upstream,
        **(api or {}),
        "operations": operations or {},
        "versions": {"v1": said},
    }
    operation = SimpleNamespace(name=NAME)
    return SimpleNamespace(api=ApiConfig.model_validate(written), version="v1", operation=operation)


@rows(
    ("said", "others"),
    [
        ({"api": NO_RULE}, False),
        ({"api": NO_RULE, "operations": {"GET /other": FIELDS}}, False),
        ({"api": NO_RULE, "operations": {"GET /other": NO_RULE}}, False),
        ({"api": NO_RULE, "operations": {"GET /other": RULE}}, True),
        ({"api": NO_RULE, "of_version": {"GET /other": RULE}}, True),
        ({"api": NO_RULE, "operations": {"GET /other": RULE, NAME: FIELDS}}, True),
        ({"version": NO_RULE, "of_version": {"GET /other": RULE}}, True),
        ({"api": NO_RULE, "operations": {"GET /other": RULE, NAME: NO_RULE}}, False),
        ({"operations": {"GET /other": RULE}, "of_version": {NAME: NO_RULE}}, False),
    ],
)
def test_what_is_said_without_a_rule_is_for_operations_that_have_one(said: dict[str, Any], others: bool) -> None:
    assert is_for_others(context(**said)) is others


@rows(
    ("said", "above"),
    [
        ({"api": {**PUBLIC, **RULE}}, True),
        ({"api": PUBLIC, "operations": {NAME: RULE}}, True),
        ({"api": PUBLIC, "version": RULE}, True),
        ({"operations": {NAME: PUBLIC}, "of_version": {NAME: RULE}}, True),
        ({"api": RULE, "operations": {NAME: PUBLIC}}, False),
        ({"api": RULE, "version": PUBLIC}, False),
        ({"api": RULE, "of_version": {NAME: PUBLIC}, "operations": {NAME: FIELDS}}, False),
    ],
)
def test_a_rule_below_what_makes_it_public_means_nobody(said: dict[str, Any], above: bool) -> None:
    assert is_public_above(context(**said)) is above
