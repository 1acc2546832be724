"""What stands where in documents of each version."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.anatomy import Trail, anatomy_of, pointer_of


def kinds(version: str, root: dict[str, Any]) -> dict[str, str]:
    """The kind of everything in ``root``, by its pointer."""
    anatomy = anatomy_of(version)
    found: dict[str, str] = {}
    pending: list[tuple[Any, str, Trail]] = [(root, "document", ("",))]
    while pending:
        value, kind, trail = pending.pop()
        found[pointer_of(trail)] = kind
        if isinstance(value, dict):
            pending.extend(anatomy.children(kind, value, trail))
    return found


def test_everything_is_found_by_its_kind() -> None:
    root = {
        "paths": {"/a": {"get": {"parameters": [{"schema": {"items": {}}}], "responses": {"200": {}}}}},
        "components": {"schemas": {"S": {"allOf": [{}], "properties": {"p": {}}}}},
    }
    assert kinds("3.0.3", root) == {
        "": "document",
        "/paths/~1a": "path item",
        "/paths/~1a/get": "operation",
        "/paths/~1a/get/parameters/0": "parameter",
        "/paths/~1a/get/parameters/0/schema": "schema",
        "/paths/~1a/get/parameters/0/schema/items": "schema",
        "/paths/~1a/get/responses/200": "response",
        "/components": "components",
        "/components/schemas/S": "schema",
        "/components/schemas/S/allOf/0": "schema",
        "/components/schemas/S/properties/p": "schema",
    }


@rows(
    "value",
    [
        {"example": {"items": {}}},
        {"default": {"items": {}}},
        {"enum": [{"items": {}}]},
        {"x-note": {"items": {}}},
    ],
)
def test_data_is_not_taken_for_a_part_of_the_document(value: Any) -> None:
    assert kinds("3.1.0", {"components": {"schemas": {"S": value}}}).keys() == {
        "",
        "/components",
        "/components/schemas/S",
    }


def test_names_may_look_like_keywords() -> None:
    schema = {"properties": {"example": {"items": {}}, "x-a": {}, "properties": {"type": "string"}}}
    found = kinds("3.1.0", {"components": {"schemas": {"S": schema}}})
    assert found["/components/schemas/S/properties/example/items"] == "schema"
    assert found["/components/schemas/S/properties/x-a"] == "schema"
    assert found["/components/schemas/S/properties/properties"] == "schema"
    assert len(found) == 7


def test_extensions_among_paths_and_answers_are_left_out() -> None:
    root = {"paths": {"x-note": {}, "/a": {"get": {"responses": {"x-note": {}, "200": {}}}}}}
    assert set(kinds("3.0.3", root)) == {"", "/paths/~1a", "/paths/~1a/get", "/paths/~1a/get/responses/200"}


def test_the_path_items_of_a_callback_stand_under_expressions() -> None:
    callback = {"{$request.body#/url}": {"post": {}}, "x-note": {}}
    found = kinds("3.0.3", {"paths": {"/a": {"get": {"callbacks": {"done": callback}}}}})
    below = "/paths/~1a/get/callbacks/done"
    assert found[below] == "callback"
    assert found[f"{below}/{{$request.body#~1url}}/post"] == "operation"
    assert f"{below}/x-note" not in found


@rows(
    ("version", "key", "there"),
    [
        ("2.0", "definitions", True),
        ("2.0", "webhooks", False),
        ("3.0.3", "webhooks", False),
        ("3.1.0", "webhooks", True),
        ("3.2.0", "webhooks", True),
        ("3.1.0", "definitions", False),
    ],
)
def test_versions_differ(version: str, key: str, there: bool) -> None:
    assert (f"/{key}/a" in kinds(version, {key: {"a": {}}})) == there


def test_schemas_of_3_1_may_have_any_key_and_others_may_not() -> None:
    assert "schema" not in anatomy_of("3.1.0").keys
    assert {"nullable", "title", "allOf", "$ref"} <= anatomy_of("3.0.3").keys["schema"]
    assert "nullable" not in anatomy_of("2.0").keys["schema"]


def test_what_is_not_of_the_form_it_should_have_is_passed_over() -> None:
    root = {"paths": {"/a": {"parameters": {"0": {}}, "get": {"responses": []}}}, "components": []}
    assert set(kinds("3.1.0", root)) == {"", "/paths/~1a", "/paths/~1a/get", "/components"}
