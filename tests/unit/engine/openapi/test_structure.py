"""The shape of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.anatomy import anatomy_of
from portcullis.engine.openapi.bundle import ReadFile, bundle
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.reading import UnreadableError, read
from portcullis.engine.openapi.sources import Sources
from portcullis.engine.openapi.structure import check_structure, version_of

# Labelled as passing, and yet: a dialect of its own, references to elsewhere or to nothing, a required key missing.
REFUSED_THOUGH_LABELLED_PASS = {
    "json_schema_dialect.yaml",
    "security-scheme-object-examples.yaml",
    "cyclical.yaml",
    "ref-encoding2.yaml",
    "ref-encoding3.yaml",
    "server_enum_empty.yaml",
    "server_enum_unknown.yaml",
}
# Labelled as failing, for reasons that are found elsewhere (tests of operations, schemas), or that nothing here reads.
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
    "header-object-name.yaml",
    "parameter-object-header-name.yaml",
    "xml-attr-exclusion.yaml",
    "xml-wrapped-exclusion.yaml",
    "0e5805a8-5699-4428-9449-423c281d88c6.yaml",
    "6213afe9-852c-427a-aa5b-3ad64b2c99b3.yaml",
    "6b245d6c-716f-47bc-b347-c26ab9c92d0b.yaml",
    "d3c6e7e2-f131-47ba-833f-6c7525692ff8.yaml",
}


TYPES = '"array", "boolean", "integer", "null", "number", "object" or "string"'


def document(version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    return {"openapi": version, "info": {"title": "T", "version": "1"}, "paths": {}, **more}


def check(root: dict[str, Any], read: ReadFile = lambda _path: b"", source: str = "a.yaml") -> list[Problem]:
    found = Problems()
    version, why_not = version_of(root)
    assert why_not is None
    anatomy = anatomy_of(version)
    check_structure(bundle(root, Sources(source, b""), anatomy, found, read), version, anatomy, found)
    return list(found)


def problems(root: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in check(root)]


def only(root: dict[str, Any]) -> Problem:
    (problem,) = check(root)
    return problem


@pytest.mark.parametrize("folder", ["mermade-examples", "oas-schema-tests", "oai-examples"])
@pytest.mark.slow
def test_labelled_documents(corpora: Path, folder: str) -> None:
    wrong, seen = [], 0
    for path in sorted((corpora / "openapi" / folder).rglob("*")):
        if path.suffix not in (".yaml", ".json"):
            continue
        try:
            root = read(path.read_bytes())
            if version_of(root)[1] is not None:
                continue
            seen += 1
            found = check(root, lambda name: (corpora / name).read_bytes(), str(path.relative_to(corpora)))
        except (UnreadableError, ConfigurationError):
            continue
        fails = "fail" in path.parts
        is_right = bool(found) if fails else not any(problem.severity == "error" for problem in found)
        if not is_right and path.name not in (SHAPED_THOUGH_LABELLED_FAIL if fails else REFUSED_THOUGH_LABELLED_PASS):
            wrong.append(path.name)
    assert not wrong
    assert seen > 20


@rows(
    ("root", "message"),
    [
        ({"swagger": "1.2"}, "Swagger 1.2 is not supported"),
        ({"swagger": 3}, "Swagger 3 is not supported"),
        ({"openapi": "3.3.0"}, "OpenAPI 3.3.0 is not supported"),
        ({"openapi": "2.0"}, "OpenAPI 2.0 is not supported"),
        ({"openapi": "3.1"}, "OpenAPI 3.1 is not supported"),
        ({"openapi": 3.1}, "OpenAPI 3.1 is not supported"),
        ({"openapi": "3.1.0\n"}, "is not supported"),
        ({}, "the key openapi (or swagger) is missing"),
        ([], "a mapping with the key openapi or swagger is expected"),
        (None, "a mapping with the key openapi or swagger is expected"),
    ],
)
def test_other_versions(root: Any, message: str) -> None:
    why_not = version_of(root)[1]
    assert why_not is not None
    assert message in why_not


@rows("version", ["3.0.0", "3.0.4", "3.1.0", "3.1.1", "3.1.0-rc1", "3.2.0"])
def test_supported_versions(version: str) -> None:
    assert version_of({"openapi": version}) == (version, None)


@rows("version", ["2.0", 2.0])
def test_swagger_2_is_supported_however_it_is_written(version: object) -> None:
    assert version_of({"swagger": version}) == ("2.0", None)


def test_a_document_that_says_both_is_what_openapi_says() -> None:
    assert version_of({"swagger": "2.0", "openapi": "3.0.3"}) == ("3.0.3", None)


@rows(
    ("change", "pointer", "message"),
    [
        ({"pathes": {}}, "/pathes", 'this has "pathes", which is not declared'),
        ({"paths": []}, "/paths", "paths must be object"),
        ({"servers": [{}]}, "/servers/0", 'this lacks "url"'),
        ({"security": {}}, "/security", "security must be array"),
        ({"paths": {"/a": {"GET": {}}}}, "/paths/~1a/GET", '/a has "GET", which is not declared'),
        (
            {"paths": {"/a": {"get": {"parametres": []}}}},
            "/paths/~1a/get/parametres",
            'get has "parametres", which is not declared',
        ),
    ],
)
@rows("version", ["3.0.3", "3.1.0", "3.2.0"])
def test_what_matters_is_an_error_with_its_place(version: str, change: Any, pointer: str, message: str) -> None:
    errors = [(each.pointer, each.message) for each in check(document(version, **change)) if each.severity == "error"]
    assert errors == [(pointer, message)]


@rows(
    ("change", "pointer", "message"),
    [
        ({"info": {"title": "T", "version": 1.0}}, "/info/version", "version must be string"),
        ({"info": {"title": "T"}}, "/info", 'info lacks "version"'),
        ({"notes": {}}, "/notes", 'this has "notes", which is not declared'),
        ({"paths": {"a": {}}}, "/paths/a", 'paths has "a", which is not declared'),
        ({"externalDocs": 7}, "/externalDocs", "externalDocs must be object"),
    ],
)
@rows("version", ["3.0.3", "3.1.0", "3.2.0"])
def test_what_does_not_matter_is_a_warning_with_its_place(
    version: str, change: Any, pointer: str, message: str
) -> None:
    found = check(document(version, **change))
    assert [(each.severity, each.pointer, each.message.partition(":")[0].partition(";")[0]) for each in found] == [
        ("warning", pointer, message)
    ]


def test_warnings_and_errors_are_told_together() -> None:
    found = check(document("3.0.3", info={}, servers={}))
    assert [(each.severity, each.pointer) for each in found] == [("error", "/servers"), ("warning", "/info")]


def test_what_references_lead_to_is_checked_as_what_it_should_be() -> None:
    root = document(
        "3.0.3",
        **{"x-parts": {"P": {"name": "q"}, "S": {"type": "strin"}}},
        paths={"/a": {"get": {"parameters": [{"$ref": "#/x-parts/P"}], "responses": {"200": {"description": ""}}}}},
        components={"schemas": {"A": {"$ref": "#/x-parts/S"}}},
    )
    assert {pointer for pointer, _ in problems(root)} == {"/x-parts/P", "/x-parts/S/type"}


def test_what_is_no_object_is_told_by_what_it_should_be() -> None:
    root = document(
        "3.0.3",
        **{"x-parts": {"P": []}},
        paths={"/a": {"get": {"parameters": [{"$ref": "#/x-parts/P"}], "responses": {"200": {"description": ""}}}}},
    )
    assert problems(root) == [("/x-parts/P", "this is not a parameter")]


def test_other_files_are_checked_as_well() -> None:
    root = document("3.0.3", components={"schemas": {"A": {"$ref": "o.json"}, "B": {"$ref": "o.json#/properties/b"}}})
    found = check(root, lambda _path: b'{"type": "object", "properties": {"b": {"type": "strin"}}}')
    assert {problem.pointer for problem in found} == {"/x-files/1/properties/b/type"}


def test_what_is_wrong_with_webhooks_is_warned_of() -> None:
    root = document(
        webhooks={"paid": {"post": {"parameters": [{"$ref": "#/components/parameters/P"}], "requestBody": 7}}}
    )
    assert {problem.severity for problem in check(root)} == {"warning"}


def test_schemas_of_3_1_are_checked_as_json_schema() -> None:
    found = problems(document(components={"schemas": {"A": {"properties": {"b": {"type": "strin"}}}}}))
    assert found == [
        ("/components/schemas/A/properties/b/type", f"not a JSON Schema: must be one of {TYPES}, or a list of these")
    ]
    found = problems(document(components={"schemas": {"A": {"items": {"minimum": "1"}}}}))
    assert found == [("/components/schemas/A/items/minimum", "not a JSON Schema: must be number")]


def test_schemas_of_3_0_are_checked_in_their_dialect() -> None:
    schemas = {"A": {"type": "string", "required": True}, "B": {"type": ["string", "null"]}}
    found = dict(problems(document("3.0.3", components={"schemas": schemas})))
    assert found["/components/schemas/A/required"] == "required must be array"
    assert "/components/schemas/B/type" in found


def test_keywords_that_3_0_does_not_have_are_errors_if_they_would_refuse_something() -> None:
    schemas = {"A": {"const": 1}, "B": {"examples": [1]}, "C": {"readonly": True}, "D": {"exampel": 1}}
    found = {
        problem.pointer.split("/")[3]: problem for problem in check(document("3.0.3", components={"schemas": schemas}))
    }
    assert found["A"].message == "schemas of OpenAPI 3.0 have no const: it would not be enforced"
    assert [found[name].severity for name in "ABCD"] == ["error", "warning", "error", "warning"]
    assert found["C"].hint == 'did you mean "readOnly"?'
    assert found["D"].hint == 'did you mean "example"?'


def test_schemas_of_3_1_may_have_keywords_of_their_own() -> None:
    assert problems(document(components={"schemas": {"A": {"const": 1, "my-keyword": 7}}})) == []


def test_the_dialect_has_to_be_known() -> None:
    assert problems(document(jsonSchemaDialect="https://spec.openapis.org/oas/3.1/dialect/base")) == []
    assert problems(document(jsonSchemaDialect="https://json-schema.org/draft/2019-09/schema")) == [
        ("/jsonSchemaDialect", "the dialect https://json-schema.org/draft/2019-09/schema is not supported")
    ]


@pytest.mark.slow
def test_more_than_can_be_told_is_an_error_of_the_whole() -> None:
    found = check(document("3.0.3", components={"schemas": {f"S{n}": {"type": "strin"} for n in range(1_200)}}))
    assert ("", "more than 1,000 things are wrong") in [(problem.pointer, problem.message) for problem in found]


def test_what_is_too_deep_to_explain_is_refused() -> None:
    deep: dict[str, Any] = {"type": "strin"}
    for _ in range(100):
        deep = {"items": deep}
    assert only(document("3.0.3", components={"schemas": {"A": deep}})).message == "not a valid OpenAPI document"
