"""Where settings of an operation are written."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.config.layers import is_set, layers_of, written_at
from portcullis.engine.config.model import ApiConfig, OperationSettings

LIMIT = {"limit": {"plan": "gold"}}


def api(**more: Any) -> ApiConfig:
    version = {"spec": "s.yaml", "operations": {"GET /a": {"max_body": 1}}}
    return ApiConfig.model_validate(
        {
            "hosts": ["*"],
            "upstream": {"targets": ["http://127.0.0.1:1"]},
            "versions": {"v1": version, "v2": {"spec": "s.yaml"}},
            "operations": {"GET /a": LIMIT, "GET /b": {}},
            **more,
        }
    )


def places(version: str, operation: str) -> list[str]:
    return [".".join(map(str, place)) for place, _ in layers_of("shop", api(), version, operation)]


def test_levels_are_given_from_narrow_to_wide() -> None:
    assert places("v1", "GET /a") == [
        "apis.shop.versions.v1.operations.GET /a",
        "apis.shop.operations.GET /a",
        "apis.shop.versions.v1",
        "apis.shop",
    ]
    assert places("v2", "GET /b") == ["apis.shop.operations.GET /b", "apis.shop.versions.v2", "apis.shop"]
    assert places("v2", "GET /c") == ["apis.shop.versions.v2", "apis.shop"]


@rows(
    ("keys", "place"),
    [
        (("limit", "plan"), ("apis", "shop", "operations", "GET /a")),
        (("limit", "by"), ("apis", "shop")),
        (("max_body",), ("apis", "shop", "versions", "v1", "operations", "GET /a")),
        (("validate", "request", "mode"), ("apis", "shop")),
    ],
)
def test_a_setting_is_from_the_narrowest_level_that_says_it(keys: tuple[str, ...], place: tuple[str, ...]) -> None:
    layers = layers_of("shop", api(limit={"plan": "gold", "by": "address"}), "v1", "GET /a")
    assert written_at(layers, *keys) == (*place, *keys)


@rows(
    ("settings", "keys", "found"),
    [
        (LIMIT, ("limit", "plan"), True),
        (LIMIT, ("limit", "by"), False),
        (LIMIT, ("limit", "plan", "of"), False),
        ({"limit": {"plan": {"of": "consumer"}}}, ("limit", "plan", "of"), True),
        ({"validate": {"request": {}}}, ("validate", "request"), True),
        ({}, ("validate",), False),
    ],
)
def test_only_what_the_file_says_is_set(settings: dict[str, Any], keys: tuple[str, ...], found: bool) -> None:
    assert is_set(OperationSettings.model_validate(settings), keys) is found
