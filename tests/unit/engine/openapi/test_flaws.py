"""What is wrong with a document concerns the operations that use it, and no others."""

from __future__ import annotations

import copy
from typing import Any

import orjson

from portcullis.engine.openapi.anatomy import anatomy_of
from portcullis.engine.openapi.bundle import bundle
from portcullis.engine.openapi.flaws import Flaws, without_malformed
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.sources import Sources


def flaws(root: dict[str, Any], *pointers: str, version: str = "3.1.0", files: dict[str, Any] | None = None) -> Flaws:
    """The flaws of a document in which something is wrong at ``pointers``."""
    sources = Sources("a.yaml", b"")
    read = {name: orjson.dumps(value) for name, value in (files or {}).items()}
    bundled = bundle(copy.deepcopy(root), sources, anatomy_of(version), Problems(), read.__getitem__)
    found = Flaws(bundled, sources)
    found.add(Problem(pointer, "wrong") for pointer in pointers)
    return found


def places(problems: list[Problem]) -> list[str]:
    return [problem.pointer for problem in problems]


def referring(name: str) -> dict[str, Any]:
    return {"get": {"responses": {"200": {"content": {"a/b": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}}}}


ROOT: dict[str, Any] = {
    "paths": {"/a": referring("A"), "/b": referring("B"), "/c": referring("C")},
    "components": {
        "schemas": {
            "A": {"items": {"$ref": "#/components/schemas/Shared"}},
            "B": {"properties": {"a": {"$ref": "#/components/schemas/A"}}},
            "C": {"properties": {"c": {"$ref": "#/components/schemas/C"}}},
            "Shared": {},
            "Unused": {},
        }
    },
}


def test_what_is_wrong_with_an_operation_concerns_that_one() -> None:
    found = flaws(ROOT, "/paths/~1a/get/parameters/0/schema")
    assert places(found.of("/paths/~1a/get")) == ["/paths/~1a/get/parameters/0/schema"]
    assert found.of("/paths/~1b/get") == []
    assert found.of_document() == []


def test_what_is_wrong_with_a_path_concerns_its_operations() -> None:
    found = flaws(ROOT, "/paths/~1a/parameters/0")
    assert places(found.of("/paths/~1a/get", "/paths/~1a")) == ["/paths/~1a/parameters/0"]
    assert found.of("/paths/~1b/get", "/paths/~1b") == []


def test_what_is_wrong_with_a_component_concerns_all_that_use_it() -> None:
    found = flaws(ROOT, "/components/schemas/Shared/type")
    assert (
        places(found.of("/paths/~1a/get")) == places(found.of("/paths/~1b/get")) == ["/components/schemas/Shared/type"]
    )
    assert found.of("/paths/~1c/get") == []
    assert found.of_nobody() == []


def test_what_nobody_uses_concerns_nobody() -> None:
    found = flaws(ROOT, "/components/schemas/Unused/type")
    assert found.of("/paths/~1a/get") == found.of("/paths/~1b/get") == []
    assert places(found.of_nobody()) == ["/components/schemas/Unused/type"]


def test_what_is_wrong_elsewhere_concerns_the_document() -> None:
    for pointer in ("", "/servers/0/url", "/components", "/openapi"):
        assert places(flaws(ROOT, pointer).of_document()) == [pointer]


def test_what_is_said_of_the_whole_concerns_the_document_wherever_it_stands() -> None:
    found = flaws(ROOT)
    found.add([Problem("/paths/~1a", "wrong", whole=True)])
    assert places(found.of_document()) == ["/paths/~1a"]


def test_warnings_are_no_flaws() -> None:
    found = flaws(ROOT)
    found.add([Problem("", "odd", severity="warning")])
    assert found.of_document() == []


def test_heirs_are_used_where_their_base_is() -> None:
    root = {
        "paths": {"/a": referring("Base")},
        "components": {"schemas": {"Base": {}, "Heir": {"allOf": [{"$ref": "#/components/schemas/Base"}]}}},
    }
    assert places(flaws(root, "/components/schemas/Heir/type").of("/paths/~1a/get")) == [
        "/components/schemas/Heir/type"
    ]


def test_parts_of_other_files_are_told_apart() -> None:
    files = {"o.json": {"A": {"items": {}}, "B": {"items": {}}}}
    root: dict[str, Any] = {
        "paths": {"/a": referring("A"), "/b": referring("B")},
        "components": {"schemas": {"A": {"$ref": "o.json#/A"}, "B": {"$ref": "o.json#/B"}}},
    }
    found = flaws(root, "/x-files/1/A/items", files=files)
    assert places(found.of("/paths/~1a/get")) == ["/x-files/1/A/items"]
    assert found.of("/paths/~1b/get") == []


def test_who_uses_a_whole_file_uses_its_parts() -> None:
    files = {"o.json": {"properties": {"b": {"type": "x"}}}}
    root: dict[str, Any] = {
        "paths": {"/a": referring("A"), "/b": referring("B")},
        "components": {"schemas": {"A": {"$ref": "o.json"}, "B": {"$ref": "o.json#/properties/b"}}},
    }
    found = flaws(root, "/x-files/1/properties/b/type", files=files)
    assert found.of("/paths/~1a/get")
    assert found.of("/paths/~1b/get")
    other = flaws(root, "/x-files/1/type", files=files)
    assert other.of("/paths/~1a/get")
    assert not other.of("/paths/~1b/get")


def test_what_only_callbacks_use_concerns_nobody() -> None:
    item = {"post": {"requestBody": {"$ref": "#/components/requestBodies/B"}}}
    root = {
        "paths": {"/a": {"get": {"callbacks": {"done": {"{$url}": item}}}}},
        "components": {"requestBodies": {"B": {}}},
    }
    found = flaws(root, "/components/requestBodies/B/content")
    assert found.of("/paths/~1a/get") == []


def test_components_of_swagger_2_are_parts_as_well() -> None:
    root = {
        "paths": {"/a": {"get": {"parameters": [{"$ref": "#/parameters/P"}]}}, "/b": {"get": {}}},
        "parameters": {"P": {}},
    }
    found = flaws(root, "/parameters/P/type", version="2.0")
    assert found.of("/paths/~1a/get")
    assert not found.of("/paths/~1b/get")


def test_what_was_put_together_belongs_to_what_it_was_made_from() -> None:
    sources = Sources("a.yaml", b"")
    bundled = bundle(ROOT, sources, anatomy_of("3.1.0"), Problems(), lambda _path: b"")
    found = Flaws(bundled, sources)
    found.add([Problem(f"{sources.synthesise('/paths/~1a/get/parameters/0')}/content", "wrong")])
    assert found.of("/paths/~1a/get")


def test_malformed_schemas_are_emptied() -> None:
    root = {"components": {"schemas": {"a/b": {"allOf": 1}, "C": {"type": "string"}}, "parameters": {"P": {"in": 1}}}}
    without_malformed(root, flaws(root, "/components/schemas/a~1b/allOf", "/components/parameters/P/in"))
    assert root["components"] == {"schemas": {"a/b": {}, "C": {"type": "string"}}, "parameters": {"P": {"in": 1}}}
