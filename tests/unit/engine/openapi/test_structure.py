"""The shape of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.reading import UnreadableError, read
from portcullis.engine.openapi.structure import check_structure, version_of

# Labelled as passing, and yet: a dialect of its own, a misspelt key, references to elsewhere or to nothing.
REFUSED_THOUGH_LABELLED_PASS = {
    "json_schema_dialect.yaml",
    "path_item_servers_parameters.yaml",
    "security-scheme-object-examples.yaml",
    "cyclical.yaml",
    "externalPathItemRef.yaml",
    "ref-encoding3.yaml",
    "server_enum_empty.yaml",
    "server_enum_unknown.yaml",
}
# Labelled as failing, for reasons other than their shape, which are found elsewhere or do not concern requests.
SHAPED_THOUGH_LABELLED_FAIL = {
    "api-with-examples.yaml",
    "duplicateOperationId.yaml",
    "duplicateParameter.yaml",
    "invalidPattern.yaml",
    "missingPathParam.yaml",
    "missingPathParam2.yaml",
    "server_enum_unknown.yaml",
    "example-examples.yaml",
    "link-object-no-body.yaml",
    "0e5805a8-5699-4428-9449-423c281d88c6.yaml",
    "6213afe9-852c-427a-aa5b-3ad64b2c99b3.yaml",
    "6b245d6c-716f-47bc-b347-c26ab9c92d0b.yaml",
    "d3c6e7e2-f131-47ba-833f-6c7525692ff8.yaml",
}


def document(version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    return {"openapi": version, "info": {"title": "T", "version": "1"}, "paths": {}, **more}


def problems(root: dict[str, Any]) -> list[tuple[str, str]]:
    found = Problems()
    version, why_not = version_of(root)
    assert why_not is None
    check_structure(root, version, found)
    return [(problem.pointer, problem.message) for problem in found]


def only(root: dict[str, Any]) -> Problem:
    found = Problems()
    check_structure(root, root["openapi"], found)
    (problem,) = found
    return problem


@pytest.mark.parametrize(
    "folder", ["mermade-examples", "oas-schema-tests/v3.1-dev", "oai-examples/v3.0", "oai-examples/v3.1"]
)
@pytest.mark.slow
def test_labelled_documents(corpora: Path, folder: str) -> None:
    wrong = []
    for path in sorted((corpora / "openapi" / folder).rglob("*")):
        if path.suffix not in (".yaml", ".json"):
            continue
        try:
            root = read(path.read_bytes())
        except UnreadableError:
            continue
        version, why_not = version_of(root)
        if why_not is not None:
            continue
        found = Problems()
        check_structure(root, version, found)
        fails = "fail" in path.parts
        if fails == (not found.has_errors) and path.name not in (
            SHAPED_THOUGH_LABELLED_FAIL if fails else REFUSED_THOUGH_LABELLED_PASS
        ):
            wrong.append(path.name)
    assert not wrong


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ({"swagger": "2.0"}, "Swagger 2.0 is not supported"),
        ({"openapi": "3.2.0"}, "OpenAPI 3.2.0 is not supported"),
        ({"openapi": "3.1"}, "OpenAPI 3.1 is not supported"),
        ({"openapi": 3.1}, "OpenAPI 3.1 is not supported"),
        ({"openapi": "3.1.0\n"}, "is not supported"),
        ({}, "the key openapi is missing"),
        ([], "a mapping with the key openapi is expected"),
        (None, "a mapping with the key openapi is expected"),
    ],
)
def test_other_versions(root: Any, message: str) -> None:
    why_not = version_of(root)[1]
    assert why_not is not None
    assert message in why_not


@pytest.mark.parametrize("version", ["3.0.0", "3.0.4", "3.1.0", "3.1.1", "3.1.0-rc1"])
def test_supported_versions(version: str) -> None:
    assert version_of({"openapi": version}) == (version, None)


@pytest.mark.parametrize(
    ("change", "pointer", "message"),
    [
        ({"info": {"title": "T", "version": 1.0}}, "/info/version", "version must be string"),
        ({"info": {"title": "T"}}, "/info", 'info lacks "version"'),
        ({"pathes": {}}, "/pathes", 'this has "pathes", which is not declared'),
        ({"paths": {"a": {}}}, "/paths/a", 'paths has "a", which is not declared'),
        (
            {"components": {"schemas": {"A": {"$ref": "#/nowhere"}}}},
            "/components/schemas/A/$ref",
            "#/nowhere leads nowhere",
        ),
        (
            {"components": {"schemas": {"A": {"$ref": "other.yaml#/A"}}}},
            "/components/schemas/A/$ref",
            "other.yaml#/A: references to other files or URLs are not supported: only #/... within the document",
        ),
        (
            {"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}},
            "/components/schemas/A/$ref",
            "#/components/schemas/A leads back to itself",
        ),
    ],
)
@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_what_is_wrong_is_said_with_its_place(version: str, change: Any, pointer: str, message: str) -> None:
    assert (pointer, message) in problems(document(version, **change))


def test_a_misspelt_key_is_recognised() -> None:
    root = document(info={"title": "T", "version": "1", "descripton": "x"})
    assert only(root).hint == 'did you mean "description"?'


def test_schemas_of_3_1_are_checked_as_json_schema() -> None:
    found = problems(document(components={"schemas": {"A": {"properties": {"b": {"type": "strin"}}}}}))
    assert found == [("/components/schemas/A/properties/b/type", "not a JSON Schema: fits none of the alternatives")]
    found = problems(document(components={"schemas": {"A": {"items": {"minimum": "1"}}}}))
    assert found == [("/components/schemas/A/items/minimum", "not a JSON Schema: must be number")]


def test_schemas_of_3_0_are_checked_in_their_dialect() -> None:
    schemas = {"A": {"type": "string", "required": True}, "B": {"type": ["string", "null"]}}
    found = dict(problems(document("3.0.3", components={"schemas": schemas})))
    assert found["/components/schemas/A/required"] == "required must be array, at least 1 items, no item twice"
    assert "/components/schemas/B/type" in found


def test_the_dialect_has_to_be_known() -> None:
    assert problems(document(jsonSchemaDialect="https://spec.openapis.org/oas/3.1/dialect/base")) == []
    assert problems(document(jsonSchemaDialect="https://json-schema.org/draft/2019-09/schema")) == [
        ("/jsonSchemaDialect", "the dialect https://json-schema.org/draft/2019-09/schema is not supported")
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"$ref": {"type": "string"}}},
        {"example": {"$ref": "#/nowhere"}},
        {"default": {"$ref": "#/nowhere"}},
        {"enum": [{"$ref": "#/nowhere"}]},
        {"x-note": {"$ref": "#/nowhere"}},
        {"properties": {"default": {"type": "string"}, "enum": {"type": "string"}}},
    ],
)
def test_data_that_looks_like_a_reference_is_none(schema: Any) -> None:
    assert problems(document(components={"schemas": {"A": schema}})) == []


def test_names_that_look_like_keywords_do_not_hide_references() -> None:
    schema = {"properties": {"example": {"$ref": "#/nowhere"}, "x-a": {"properties": {"enum": {"$ref": "#/nor/here"}}}}}
    found = problems(document(components={"schemas": {"A": schema}}))
    assert sorted(message for _, message in found) == ["#/nor/here leads nowhere", "#/nowhere leads nowhere"]


def test_cycles_through_schemas_are_fine() -> None:
    node = {"properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    assert problems(document(components={"schemas": {"Node": node}})) == []
