"""Operations as the document declares them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import OperationReader, read_operations
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


def test_headers_that_openapi_ignores_are_ignored(load: Load) -> None:
    names = ["Accept", "Content-Type", "authorization"]
    document = load({"/a": {"get": {"parameters": [{"name": name, "in": "header", "schema": {}} for name in names]}}})
    assert document.operations[0].parameters == ()


def test_what_can_not_be_validated_is_said_with_its_place(load: Load) -> None:
    parameter = query("f", content={"not a media type": {}})
    del parameter["schema"]
    (operation,) = load({"/a": {"get": {"parameters": [query("q"), parameter]}}}).operations
    (diagnostic,) = operation.unsupported
    assert "the query parameter f can't be validated" in diagnostic.message
    assert diagnostic.hint == "to let it pass unchecked, set validate.request.mode: off"
    assert diagnostic.pointer == "#/paths/~1a/get/parameters/1"
    assert (diagnostic.file, diagnostic.line) == ("specs/test.json", 1)
    assert diagnostic.column > 1


def test_answers_are_read(load: Load) -> None:
    (operation,) = load({"/a": {"get": {"responses": {"204": {"description": "Done."}}}}}).operations
    assert [response.status for response in operation.responses] == ["204"]


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


def test_credentials_that_make_no_sense_are_none(load: Load) -> None:
    nonsense = {"k": {"type": "apiKey", "in": "query", "name": 1}, "l": None, "m": {"$ref": "#/nowhere"}}
    document = load(
        {"/a": {"get": {}}},
        components={"securitySchemes": nonsense},
        security=[{"k": [], "l": [], "m": [], "nowhere": []}],
    )
    assert document.operations[0].credentials == frozenset()


@rows(
    ("paths", "message"),
    [
        ({"/a/{id}/{id}": {"get": {"parameters": [PATH_ID]}}}, "a variable stands in a path template once"),
        ({"/a/{id": {"get": {}}}, "braces enclose the name of a variable, within one segment"),
        ({"/a?b={c}": {"get": {}}}, "a path template has neither query nor fragment"),
        (
            {
                "/a/{id}": {"get": {"parameters": [PATH_ID]}},
                "/a/{key}": {"get": {"parameters": [{**PATH_ID, "name": "key"}]}},
            },
            "this is the same path as /a/{id}, only the names differ, and both have GET",
        ),
    ],
)
def test_paths_that_can_not_be_routed_are_errors_of_the_document(load: Load, paths: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"/fine": {"get": {}}, **paths})
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == [message]


@rows(
    ("path", "item", "message"),
    [
        ("/a/{id}", {"get": {}}, "the path's {id} is not declared as a parameter"),
        (
            "/a",
            {"get": {"parameters": [query("q"), query("q", required=True)]}},
            "the query parameter q is declared twice",
        ),
        ("/a", {"post": {"requestBody": {"content": {"json": {}}}}}, "json is not a media type or range"),
        ("/a", {"get": {"parameters": [query(f"q{n}") for n in range(501)]}}, "more than 500 parameters"),
        ("/a", {"get": {"parameters": [{"$ref": "#/info"}]}}, 'this lacks "name" and "in"'),
        ("/a", {"post": {"requestBody": {"$ref": "#/info"}}}, 'this lacks "content"'),
        ("/a", {"get": {"parameters": [{"name": "q", "in": "query"}]}}, 'this lacks "schema" or "content"'),
        ("/a", {"get": {"parameters": {}}}, "parameters must be array"),
        ("/a", {"get": {"parameters": [query("q", schema={"$ref": "#/nowhere"})]}}, "#/nowhere leads nowhere"),
        ("/a", {"parameters": [{"in": "query"}], "get": {}}, 'this lacks "name"'),
        ("/a", {"get": 7}, "get must be object"),
    ],
)
def test_what_is_wrong_with_an_operation_concerns_that_one(load: Load, path: str, item: Any, message: str) -> None:
    document = load({"/fine": {"get": {}}, path: item})
    fine, wrong = document.operations
    assert fine.unsupported == ()
    assert message in [diagnostic.message for diagnostic in wrong.unsupported]
    assert all(diagnostic.severity == "error" and diagnostic.hint for diagnostic in wrong.unsupported)
    assert (wrong.parameters, wrong.body, wrong.responses) == ((), None, ())
    assert (wrong.path, wrong.route) == (path, path)


def test_what_is_wrong_with_a_component_concerns_the_operations_that_use_it(load: Load) -> None:
    schemas = {
        "Wrong": {"type": "string", "pattern": "(?=a)(a|b)+$(?!c)"},
        "Shared": {"properties": {"w": {"$ref": "#/components/schemas/Wrong"}}},
        "Fine": {"type": "integer"},
    }
    document = load(
        {
            "/a": {"post": {"requestBody": json_body({"$ref": "#/components/schemas/Shared"})}},
            "/b": {"post": {"requestBody": json_body({"$ref": "#/components/schemas/Fine"})}},
        },
        components={"schemas": schemas},
    )
    a, b = document.operations
    (diagnostic,) = a.unsupported
    assert diagnostic.pointer.startswith("#/components/schemas/Wrong")
    assert b.unsupported == ()


def test_what_is_wrong_with_what_no_operation_uses_is_warned_of(load: Load) -> None:
    components = {"schemas": {"A": {"type": "strin"}}, "responses": {"B": {"description": "", "content": []}}}
    document = load({"/a": {"get": {}}}, components=components)
    assert document.operations[0].unsupported == ()
    assert len(document.warnings) == 2
    assert all(warning.message.endswith("; no operation uses this") for warning in document.warnings)


def test_operation_ids_that_are_not_unique_are_warned_of(load: Load) -> None:
    document = load({"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}})
    assert [warning.message for warning in document.warnings] == ["x is the operationId of GET /a already"]


def test_path_parameters_that_are_not_in_the_path_are_ignored_and_warned_of(load: Load) -> None:
    document = load({"/a": {"get": {"parameters": [PATH_ID]}}})
    assert document.operations[0].parameters == ()
    assert [warning.message for warning in document.warnings] == [
        "the path parameter id is not in the path /a: it is ignored"
    ]


def test_path_parameters_are_required_whatever_they_say(load: Load) -> None:
    parameter = {"name": "id", "in": "path", "schema": {"type": "integer"}}
    document = load({"/a/{id}": {"get": {"parameters": [parameter]}}})
    assert document.operations[0].parameters[0].required
    assert document.operations[0].unsupported == ()
    assert "required" in document.warnings[0].message


def test_a_parameter_in_style_matrix_is_routed_by_its_semicolon(load: Load) -> None:
    parameter = {"name": "id", "in": "path", "required": True, "style": "matrix", "schema": {"type": "integer"}}
    [operation] = load({"/a/{id}": {"get": {"parameters": [parameter]}}}).operations
    assert (operation.path, operation.route) == ("/a/{id}", "/a/;{id}")


def test_an_operation_knows_the_keys_of_all_schemes(load: Load) -> None:
    schemes = {"browser": {"type": "apiKey", "in": "cookie", "name": "sid"}}
    document = load({"/a": {"get": {}, "put": {}}}, components={"securitySchemes": schemes})
    assert [operation.keys.cookies for operation in document.operations] == [{"sid"}, {"sid"}]


def test_paths_that_differ_in_names_only_are_served_as_one(load: Load) -> None:
    document = load(
        {
            "/a/{id}/b/{n}": {"get": {"parameters": [PATH_ID, {**PATH_ID, "name": "n"}]}},
            "/a/{key}/b/{m}": {"put": {"parameters": [{**PATH_ID, "name": "m"}, {**PATH_ID, "name": "key"}]}},
        }
    )
    get, put = document.operations
    assert (get.name, get.route) == ("GET /a/{id}/b/{n}", "/a/{id}/b/{n}")
    assert (put.name, put.route) == ("PUT /a/{key}/b/{m}", "/a/{id}/b/{n}")
    assert [parameter.name for parameter in put.parameters] == ["n", "id"]
    assert "they are served as one" in document.warnings[0].message


def test_beside_a_reference_to_a_path_item_nothing_is_served(load: Load) -> None:
    document = load(
        {"/a": {"$ref": "#/components/pathItems/A", "put": {}}},
        components={"pathItems": {"A": {"get": {"responses": {}}}}},
    )
    assert [operation.name for operation in document.operations] == ["GET /a"]
    assert "what stands beside $ref is ignored" in [warning.message for warning in document.warnings]


def test_methods_of_3_2_are_served(load: Load) -> None:
    item = {"query": {}, "additionalOperations": {"COPY": {}}}
    document = load({"/a": {"$ref": "#/components/pathItems/A"}}, "3.2.0", components={"pathItems": {"A": item}})
    assert [operation.name for operation in document.operations] == ["QUERY /a", "COPY /a"]
    assert document.operations[1].pointer == "/components/pathItems/A/additionalOperations/COPY"


@rows("method", ["get", "GET", "Query", "A B", "", "É"])
def test_additional_methods_have_to_be_methods(load: Load, method: str) -> None:
    item = {"additionalOperations": {method: {}}}
    with pytest.raises(ConfigurationError, match="is no method that could stand here"):
        load({"/a": {"$ref": "#/components/pathItems/A"}}, "3.2.0", components={"pathItems": {"A": item}})


def test_everything_wrong_with_an_operation_is_said_at_once(load: Load) -> None:
    document = load(
        {"/a/{id}/{n}": {"get": {"parameters": [query("q", schema={"type": "strin"}), query("r", style=1)]}}}
    )
    assert {diagnostic.pointer.rpartition("/")[2] for diagnostic in document.operations[0].unsupported} == {
        "type",
        "style",
    }


def test_operations_are_read_one_by_one() -> None:
    problems = Problems()
    graph = SchemaGraph({"paths": {"/a": {"get": {}}, "x-note": {}, "/b": None}}, "3.1.0", problems)
    found = list(read_operations(graph, problems, lambda *_: [], OperationReader))
    assert [each.operation.name for each in found] == ["GET /a"]
