"""The official schemas, strict and lenient."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi import metaschemas
from portcullis.engine.openapi.metaschemas import LIMIT, Metaschema, lenient, schema_2020, strict
from portcullis.engine.openapi.violations import TooComplexError

VERSIONS = ("2.0", "3.0", "3.1", "3.2")
OPTIONAL: dict[str, tuple[Any, ...]] = {"3.1": ({},), "3.2": ({}, {"responses": {"200": {}}})}
"""What newer versions do not ask for any more."""


def document(version: str, **more: Any) -> dict[str, Any]:
    said = {"swagger": "2.0"} if version == "2.0" else {"openapi": f"{version}.0"}
    return {**said, "info": {"title": "T", "version": "1"}, "paths": {}, **more}


def of_operation(version: str, operation: dict[str, Any]) -> dict[str, Any]:
    return document(version, paths={"/a/{b}": {"get": operation}})


@rows("version", VERSIONS)
def test_an_empty_document_fits_both(version: str) -> None:
    assert strict(version).is_valid(document(version))
    assert lenient(version).is_valid(document(version))


@rows("version", VERSIONS)
@rows(
    "operation",
    [
        {},
        {"responses": {}},
        {"responses": {"200": {}}},
        {"responses": {"200": {"description": 1}}},
        {"responses": {"200": {"description": "Fine."}}, "deprecated": "yes"},
        {"responses": {"200": {"description": "Fine."}}, "operationId": 1},
        {"responses": {"200": {"description": "Fine."}}, "tags": "a"},
        {"responses": {"200": {"description": "Fine."}}, "note": "a"},
    ],
)
def test_what_is_a_matter_of_form_is_only_in_the_strict_one(version: str, operation: dict[str, Any]) -> None:
    root = of_operation(version, operation)
    if operation not in OPTIONAL.get(version, ()):
        assert not strict(version).is_valid(root)
        assert strict(version).violations(root)
    assert lenient(version).is_valid(root)
    assert lenient(version).violations(root) == ()


@rows("version", VERSIONS)
@rows(
    "operation",
    [
        {"parameters": {}},
        {"parameters": [{"name": "q"}]},
        {"parameters": [{"in": "query", "type": "string"}]},
        {"parameters": [{"name": 1, "in": "query", "type": "string", "schema": {}}]},
        {"parameters": [{"name": "q", "in": "somewhere", "type": "string", "schema": {}}]},
        {"parameters": [{"name": "q", "in": "query", "required": "yes", "type": "string", "schema": {}}]},
        {"responses": {"200": {"headers": []}}},
        {"security": {}},
    ],
)
def test_what_matters_is_in_both(version: str, operation: dict[str, Any]) -> None:
    root = of_operation(version, operation)
    assert not strict(version).is_valid(root)
    assert not lenient(version).is_valid(root)
    assert lenient(version).violations(root)


@rows("version", VERSIONS)
def test_path_parameters_need_not_say_that_they_are_required(version: str) -> None:
    parameter = {"name": "b", "in": "path", **({"type": "string"} if version == "2.0" else {"schema": {}})}
    root = of_operation(version, {"parameters": [parameter], "responses": {"200": {"description": ""}}})
    assert not strict(version).is_valid(root)
    assert lenient(version).is_valid(root)


@rows(
    ("parameter", "path", "keyword"),
    [
        ({"name": "q", "in": "query"}, (), "required"),
        ({"name": "q", "in": "query", "type": "object"}, ("type",), "enum"),
        ({"name": "q", "in": "query", "type": "array", "collectionFormat": "xsv"}, ("collectionFormat",), "enum"),
        ({"name": "q", "in": "header", "type": "array", "collectionFormat": "multi"}, ("collectionFormat",), "enum"),
        ({"name": "q", "in": "body"}, (), "required"),
        ({"name": "q", "in": "formData", "type": "file", "maximum": "1"}, ("maximum",), "type"),
    ],
)
def test_parameters_of_2_0_are_told_apart_by_where_they_are(
    parameter: dict[str, Any], path: tuple[str, ...], keyword: str
) -> None:
    found = strict("2.0").violations(
        of_operation("2.0", {"parameters": [parameter], "responses": {"200": {"description": ""}}})
    )
    assert (("paths", "/a/{b}", "get", "parameters", 0, *path), keyword) in [
        (each.path, each.keyword) for each in found
    ]


@rows(
    ("version", "kind", "right", "wrong"),
    [
        ("2.0", "parameter", {"name": "q", "in": "query", "type": "string"}, {"name": "q", "in": "query"}),
        ("3.0", "parameter", {"name": "q", "in": "query", "schema": {}}, {"name": "q", "in": "query"}),
        ("3.1", "parameter", {"name": "q", "in": "query", "schema": {}}, {"name": "q", "in": "query"}),
        ("3.0", "schema", {"type": "string"}, {"type": "strin"}),
        ("2.0", "schema", {"maxLength": 1}, {"maxLength": "1"}),
        ("3.0", "request body", {"content": {}}, {}),
        ("3.2", "path item", {"query": {}}, {"query": []}),
    ],
)
def test_parts_of_documents_can_be_checked_by_themselves(version: str, kind: str, right: Any, wrong: Any) -> None:
    for metaschema in (strict(version), lenient(version)):
        assert metaschema.is_valid_as(kind, right)
        assert metaschema.violations(right, kind) == ()
        assert not metaschema.is_valid_as(kind, wrong)
        assert metaschema.violations(wrong, kind)


def test_kinds_that_a_version_does_not_describe_may_be_anything() -> None:
    assert strict("2.0").is_valid_as("request body", 7)


@pytest.mark.slow
def test_how_much_is_looked_for_is_bounded() -> None:
    root = document("3.0", components={"schemas": {f"S{n}": {"type": "strin"} for n in range(LIMIT + 500)}})
    assert len(lenient("3.0").violations(root)) == LIMIT


def test_how_long_is_looked_is_bounded() -> None:
    deep: dict[str, Any] = {"type": "strin"}
    for _ in range(100):
        deep = {"items": deep}
    with pytest.raises(TooComplexError):
        lenient("3.0").violations(document("3.0", components={"schemas": {"A": deep}}))


def test_json_schemas_are_checked_by_their_own_schema() -> None:
    assert schema_2020().is_valid({"type": ["string", "null"]})
    assert not schema_2020().is_valid({"type": "strin"})


@rows("version", VERSIONS)
def test_the_schemas_are_those_that_the_package_ships(version: str) -> None:
    shipped = importlib.import_module("openapi_spec_validator.schemas")
    name = {"2.0": "schema_v2", "3.0": "schema_v30", "3.1": "schema_v31", "3.2": "schema_v32"}[version]
    assert metaschemas._official(version) == dict(getattr(shipped, name))


def test_the_schemas_are_made_once() -> None:
    assert strict("3.1") is strict("3.1")
    assert isinstance(lenient("3.1"), Metaschema)
