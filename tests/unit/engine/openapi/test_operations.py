"""Operations as the document declares them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import base_path, read_operations
from portcullis.engine.openapi.parameters import Shape
from portcullis.engine.openapi.problems import Problems

Load = Callable[..., SpecDocument]
PATH_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}


def query(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}, **more}


def json_body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}, **more}


def test_operations_are_listed_with_what_they_are(load: Load) -> None:
    document = load(
        {
            "/a/{id}": {
                "parameters": [PATH_ID],
                "get": {"operationId": "getA", "summary": "One a", "tags": ["a"], "deprecated": True},
                "delete": {},
            }
        }
    )
    get, delete = document.operations
    assert (get.method, get.path, get.name, get.pointer) == ("GET", "/a/{id}", "GET /a/{id}", "/paths/~1a~1{id}/get")
    assert (get.operation_id, get.summary, get.tags, get.deprecated) == ("getA", "One a", ("a",), True)
    assert delete.name == "DELETE /a/{id}"
    assert [parameter.name for parameter in delete.parameters] == ["id"]
    assert get.unsupported == ()


def test_parameters_of_the_operation_override_those_of_the_path(load: Load) -> None:
    document = load(
        {
            "/a": {
                "parameters": [query("q"), query("r"), {"name": "X-A", "in": "header", "schema": {}}],
                "get": {"parameters": [query("q", required=True), {"name": "x-a", "in": "header", "schema": {}}]},
            }
        }
    )
    parameters = document.operations[0].parameters
    assert [(each.location, each.name, each.required) for each in parameters] == [
        ("query", "q", True),
        ("query", "r", False),
        ("header", "x-a", False),
    ]


def test_references_are_followed(load: Load) -> None:
    document = load(
        {
            "/a": {
                "get": {"parameters": [{"$ref": "#/components/parameters/Q"}]},
                "post": {"requestBody": {"$ref": "#/components/requestBodies/B"}},
            }
        },
        components={
            "parameters": {"Q": {"$ref": "#/components/parameters/R"}, "R": query("r")},
            "requestBodies": {"B": json_body({"type": "object"}, required=True)},
        },
    )
    get, post = document.operations
    assert get.parameters[0].pointer == "/components/parameters/R"
    assert get.parameters[0].schema == "/components/parameters/R/schema"
    assert post.body is not None
    assert post.body.required
    assert post.body.content[0].schema == "/components/requestBodies/B/content/application~1json/schema"


def test_a_path_may_be_a_reference(load: Load) -> None:
    document = load(
        {"/a": {"$ref": "#/components/pathItems/A"}},
        components={"pathItems": {"A": {"get": {"responses": {"200": {"description": "Fine."}}}}}},
    )
    assert [operation.name for operation in document.operations] == ["GET /a"]
    assert document.operations[0].pointer == "/components/pathItems/A/get"


def test_lists_are_exploded_in_queries_unless_they_say_otherwise(load: Load) -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    document = load(
        {"/a": {"get": {"parameters": [query("e", schema=schema), query("c", schema=schema, explode=False)]}}}
    )
    assert [(each.shape, each.explode) for each in document.operations[0].parameters] == [
        (Shape((), ("integer",)), True),
        (Shape((), ("integer",)), False),
    ]


def test_headers_that_openapi_ignores_are_ignored(load: Load) -> None:
    names = ["Accept", "Content-Type", "authorization"]
    document = load({"/a": {"get": {"parameters": [{"name": name, "in": "header", "schema": {}} for name in names]}}})
    assert document.operations[0].parameters == ()


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"name": "c", "in": "cookie", "schema": {}}, "the cookie parameter c can't be validated"),
        (query("f", style="deepObject"), "style deepObject is not supported yet: form is"),
        (query("f", style="pipeDelimited"), "style pipeDelimited is not supported yet: form is"),
        (query("f", schema={"type": "object"}), "object-valued parameters are not supported yet"),
        ({"name": "f", "in": "query", "content": {"application/json": {}}}, "content is not supported yet: schema is"),
    ],
)
def test_what_can_not_be_validated_yet_is_said_with_its_place(load: Load, parameter: Any, message: str) -> None:
    (operation,) = load({"/a": {"get": {"parameters": [query("q"), parameter]}}}).operations
    (diagnostic,) = operation.unsupported
    assert message in diagnostic.message
    assert diagnostic.hint == "to let it pass unchecked, set validate.request.mode: off"
    assert diagnostic.pointer == "#/paths/~1a/get/parameters/1"
    assert (diagnostic.file, diagnostic.line) == ("specs/test.json", 1)
    assert diagnostic.column > 1


@pytest.mark.parametrize("style", ["label", "matrix"])
def test_path_styles_other_than_simple_can_not_be_validated_yet(load: Load, style: str) -> None:
    (operation,) = load({"/a/{id}": {"get": {"parameters": [{**PATH_ID, "style": style}]}}}).operations
    assert f"style {style} is not supported yet: simple is" in operation.unsupported[0].message


def test_bodies_that_are_not_json_can_not_be_validated_yet(load: Load) -> None:
    (operation,) = load(
        {"/a": {"post": {"requestBody": {"content": {"multipart/form-data": {}, "text/csv": {}}}}}}
    ).operations
    assert "a body of multipart/form-data, text/csv can't be validated" in operation.unsupported[0].message


def test_bodies_that_are_also_not_json_are_warned_of(load: Load) -> None:
    document = load({"/a": {"post": {"requestBody": {"content": {"application/json": {}, "text/csv": {}}}}}})
    assert document.operations[0].unsupported == ()
    assert [warning.message for warning in document.warnings] == [
        "bodies of text/csv are refused: only JSON is supported yet"
    ]


def test_credentials_in_the_query_are_known(load: Load) -> None:
    schemes = {
        "k": {"type": "apiKey", "in": "query", "name": "key"},
        "h": {"type": "apiKey", "in": "header", "name": "K"},
    }
    document = load(
        {"/a": {"get": {}, "post": {"security": []}, "put": {"security": [{"h": []}]}}},
        components={"securitySchemes": schemes},
        security=[{"k": []}],
    )
    assert [operation.credentials for operation in document.operations] == [{"key"}, set(), set()]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({"/a/{id}": {"get": {}}}, "the path's {id} is not declared as a parameter"),
        ({"/a": {"get": {"parameters": [PATH_ID]}}}, "the path parameter id is not in the path /a"),
        ({"/a/{id}/{id}": {"get": {"parameters": [PATH_ID]}}}, "a variable stands in a path template once"),
        ({"/a/{id": {"get": {}}}, "braces enclose the name of a variable, within one segment"),
        (
            {"/a": {"get": {"parameters": [query("q"), query("q", required=True)]}}},
            "the query parameter q is declared twice",
        ),
        ({"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}}, "x is the operationId of GET /a already"),
        (
            {
                "/a/{id}": {"get": {"parameters": [PATH_ID]}},
                "/a/{key}": {"put": {"parameters": [{**PATH_ID, "name": "key"}]}},
            },
            "this is the same path as /a/{id}: only the names differ",
        ),
        ({"/a": {"post": {"requestBody": {"content": {"json": {}}}}}}, "json is not a media type or range"),
        ({"/a": {"get": {"parameters": [query(f"q{n}") for n in range(501)]}}}, "more than 500 parameters"),
        ({"/a": {"get": {"parameters": [{"$ref": "#/info"}]}}}, "this is not a parameter"),
        ({"/a": {"post": {"requestBody": {"$ref": "#/info"}}}}, "this is not a request body"),
        (
            {"/a": {"$ref": "#/paths/~1b", "summary": "x"}, "/b": {"$ref": "#/paths/~1a", "summary": "y"}},
            "this reference leads back to itself",
        ),
    ],
)
def test_what_is_wrong_is_said(load: Load, paths: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(paths)
    assert message in [diagnostic.message for diagnostic in caught.value.diagnostics]


def test_everything_wrong_is_said_at_once(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            {"/a/{id}": {"get": {}}, "/b": {"get": {"parameters": [query("q", schema={"pattern": "(?=a)"})]}}},
            servers=[{"url": "/{v}"}],
        )
    assert len(caught.value.diagnostics) == 3


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (None, ""),
        ([], ""),
        ([{"url": "/"}], ""),
        ([{"url": "/shop/v1/"}], "/shop/v1"),
        ([{"url": "https://api.example.com:8443/shop"}, {"url": "/other"}], "/shop"),
        ([{"url": "https://api.example.com"}], ""),
        ([{"url": "https://{host}/{v}", "variables": {"host": {"default": "a.b"}, "v": {"default": "v2"}}}], "/v2"),
        ([{"url": "{base}", "variables": {"base": {"default": "/x/y"}}}], "/x/y"),
    ],
)
def test_the_base_path_is_that_of_the_first_server(servers: Any, expected: str) -> None:
    problems = Problems()
    assert base_path({"servers": servers} if servers is not None else {}, problems) == expected
    assert not problems.has_errors


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({"url": "/{v}"}, "the variable v is not declared"),
        ({"url": "/{v}", "variables": {"v": {"default": "1", "enum": ["2"]}}}, "the default is not in the enum"),
        ({"url": "http://[/x"}, "not a URL"),
    ],
)
def test_servers_that_make_no_sense(server: Any, message: str) -> None:
    problems = Problems()
    base_path({"servers": [server]}, problems)
    assert [problem.message for problem in problems] == [message]


def test_operations_are_read_one_by_one() -> None:
    problems = Problems()
    graph = SchemaGraph({"paths": {"/a": {"get": {}}, "x-note": {}}}, "3.1.0", problems)
    assert [found.operation.name for found in read_operations(graph, problems)] == ["GET /a"]
