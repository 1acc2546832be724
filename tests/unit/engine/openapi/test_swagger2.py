"""Operations of Swagger 2.0."""

from __future__ import annotations

from typing import Any

import orjson
from rows import rows

from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.operations import SpecOperation

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def load(paths: dict[str, Any], **more: Any) -> SpecDocument:
    for item in paths.values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.setdefault("responses", {"200": {"description": "Fine."}})
    root = {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "paths": paths, **more}
    return load_document("specs/old.json", orjson.dumps(root))


def one(operation: dict[str, Any], **more: Any) -> SpecOperation:
    (loaded,) = load({"/a": {"post": operation}}, **more).operations
    return loaded


def field(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "formData", "type": "string", **more}


def body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": "b", "in": "body", "schema": schema, **more}


def media_types(operation: SpecOperation) -> list[str]:
    assert operation.body is not None
    return [str(content.media_range) for content in operation.body.content]


def fits(document: SpecDocument, schema: str | None, value: object) -> bool:
    assert schema is not None
    checks = document.checks()
    return checks.checker.fits({checks.names[schema]: value})


def test_a_document_says_what_it_is() -> None:
    document = load({"/a": {"get": {}}}, host="api.example", basePath="/v1", schemes=["https"])
    assert (document.version, document.title, document.base_path) == ("2.0", "T", "/v1")
    assert repr(document) == "<SpecDocument specs/old.json Swagger 2.0, 1 operations>"
    assert document.warnings == ()


def test_the_version_may_be_written_as_a_number() -> None:
    data = b"swagger: 2.0\ninfo: {title: T, version: '1'}\npaths: {}\n"
    document = load_document("old.yaml", data)
    assert document.version == "2.0"
    assert 'must be string, one of "2.0"' in document.warnings[0].message


def test_parameters_are_their_own_schemas() -> None:
    parameters = [
        {"name": "n", "in": "query", "required": True, "type": "integer", "maximum": 5, "exclusiveMaximum": True},
        {"name": "X-A", "in": "header", "type": "string", "enum": ["a"]},
    ]
    document = load({"/a": {"get": {"parameters": parameters}}})
    number, header = document.operations[0].parameters
    assert (number.name, number.location, number.required) == ("n", "query", True)
    assert number.schema == number.pointer == "/paths/~1a/get/parameters/0"
    assert (header.name, header.location, header.required) == ("X-A", "header", False)
    assert fits(document, number.schema, 4)
    assert not fits(document, number.schema, 5)
    assert not fits(document, header.schema, "b")


@rows(
    ("collection", "separator", "explode"),
    [
        (None, ",", False),
        ("csv", ",", False),
        ("ssv", " ", False),
        ("tsv", "\t", False),
        ("pipes", "|", False),
        ("multi", ",", True),
    ],
)
def test_lists_are_written_as_the_collection_format_says(collection: str | None, separator: str, explode: bool) -> None:
    parameter = {"name": "l", "in": "query", "type": "array", "items": {"type": "integer"}}
    if collection is not None:
        parameter["collectionFormat"] = collection
    (read,) = one({"parameters": [parameter]}).parameters
    assert (read.separators[0], read.explode) == (separator, explode)


def test_a_body_is_taken_in_each_media_type_that_is_consumed() -> None:
    operation = one({"consumes": [JSON, "application/xml"], "parameters": [body({"type": "object"}, required=True)]})
    assert media_types(operation) == [JSON, "application/xml"]
    assert operation.body is not None
    assert operation.body.required
    assert operation.parameters == ()


@rows(
    ("own", "of_document", "expected"),
    [
        (None, None, [JSON]),
        (None, ["text/json"], ["text/json"]),
        ([JSON], ["text/json"], [JSON]),
        ([], ["text/json"], [JSON]),
        (["nonsense", JSON, JSON], None, [JSON]),
    ],
)
def test_what_is_consumed_is_said_by_the_operation_or_the_document(
    own: list[str] | None, of_document: list[str] | None, expected: list[str]
) -> None:
    operation = {"parameters": [body({})], **({"consumes": own} if own is not None else {})}
    more = {"consumes": of_document} if of_document is not None else {}
    assert media_types(one(operation, **more)) == expected


def test_what_a_body_breaks_is_shown_in_the_document() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    document = load({"/a": {"post": {"parameters": [body({"$ref": "#/definitions/N"})]}}}, definitions={"N": schema})
    (operation,) = document.operations
    assert operation.body is not None
    (content,) = operation.body.content
    assert fits(document, content.schema, {"n": 1})
    checks = document.checks()
    assert content.schema is not None
    (violation,) = checks.checker.violations(checks.names[content.schema], {"n": "x"})
    assert document.reference(violation.source) == "specs/old.json#/definitions/N/properties/n/type"
    assert document.reference(content.pointer) == "specs/old.json#/paths/~1a/post/parameters/0"


def test_the_fields_of_a_form_are_one_object() -> None:
    fields = [field("name", required=True, maxLength=3), field("age", type="integer", minimum=1)]
    document = load({"/a": {"post": {"consumes": [FORM], "parameters": fields}}})
    (operation,) = document.operations
    assert media_types(operation) == [FORM]
    assert operation.body is not None
    assert operation.body.required
    (content,) = operation.body.content
    assert fits(document, content.schema, {"name": "abc", "age": 1})
    assert not fits(document, content.schema, {"age": 1})
    assert not fits(document, content.schema, {"name": "abcd"})
    assert not fits(document, content.schema, {"name": "abc", "age": 0})
    assert not fits(document, content.schema, {"name": "abc", "other": "x"})


def test_a_form_that_asks_for_nothing_may_be_left_out() -> None:
    operation = one({"parameters": [field("a")]})
    assert operation.body is not None
    assert not operation.body.required


@rows(
    ("consumes", "fields", "expected", "warned"),
    [
        (None, [field("a")], [FORM], False),
        ([FORM, MULTIPART], [field("a")], [FORM, MULTIPART], False),
        ([JSON], [field("a")], [FORM], True),
        ([JSON, MULTIPART], [field("a")], [MULTIPART], False),
        (None, [field("f", type="file")], [MULTIPART], False),
        ([FORM], [field("f", type="file")], [MULTIPART], True),
        ([f"{MULTIPART}; boundary=x"], [field("f", type="file")], [MULTIPART], False),
    ],
)
def test_forms_come_in_the_media_types_that_forms_can_have(
    consumes: list[str] | None, fields: list[Any], expected: list[str], warned: bool
) -> None:
    operation = {"parameters": fields, **({"consumes": consumes} if consumes is not None else {})}
    document = load({"/a": {"post": operation}})
    assert [name.partition(";")[0] for name in media_types(document.operations[0])] == expected
    assert any("it is taken nevertheless" in warning.message for warning in document.warnings) == warned


def test_files_are_bytes() -> None:
    document = load(
        {"/a": {"post": {"parameters": [field("f", type="file", required=True), field("n", type="integer")]}}}
    )
    (operation,) = document.operations
    assert media_types(operation) == [MULTIPART]
    assert operation.unsupported == ()


def test_lists_in_forms_are_written_as_the_collection_format_says() -> None:
    lists = [
        field("a", type="array", items={"type": "string"}),
        field("b", type="array", items={"type": "string"}, collectionFormat="multi"),
    ]
    document = load({"/a": {"post": {"consumes": [FORM], "parameters": lists}}})
    assert document.operations[0].unsupported == ()


def test_a_list_in_a_form_that_is_separated_by_tabs_can_not_be_validated() -> None:
    operation = one({"parameters": [field("a", type="array", items={"type": "string"}, collectionFormat="tsv")]})
    assert "collectionFormat tsv" in operation.unsupported[0].message


def test_an_operation_has_one_body() -> None:
    for parameters in ([body({}), field("a")], [body({}), {**body({}), "name": "c"}]):
        assert "one body at most" in one({"parameters": parameters}).unsupported[0].message


def test_answers_have_their_schema_in_each_media_type_that_is_produced() -> None:
    answers = {
        "200": {"description": "", "schema": {"type": "integer"}, "headers": {"X-A": {"type": "string"}}},
        "204": {"description": ""},
        "default": {"$ref": "#/responses/E"},
    }
    document = load(
        {"/a": {"get": {"produces": [JSON, "text/xml"], "responses": answers}}},
        responses={"E": {"description": "", "schema": {"type": "string"}}},
    )
    one, nothing, default = document.operations[0].responses
    assert (one.status, one.headers) == ("200", ("X-A",))
    assert [str(content.media_range) for content in one.content] == [JSON, "text/xml"]
    assert document.reference(one.pointer) == "specs/old.json#/paths/~1a/get/responses/200"
    assert nothing.content == ()
    assert document.reference(default.pointer) == "specs/old.json#/responses/E"
    checks = document.checks(direction="response")
    for content in one.content:
        if content.holds_json:
            assert content.schema is not None
            assert checks.checker.fits({checks.names[content.schema]: 1})
            assert not checks.checker.fits({checks.names[content.schema]: "x"})


def test_an_answer_that_is_a_file_may_be_anything() -> None:
    (answer,) = one({"responses": {"200": {"description": "", "schema": {"type": "file"}}}}).responses
    assert [(str(content.media_range), content.schema) for content in answer.content] == [("*/*", None)]


def test_keys_in_the_query_are_known() -> None:
    schemes = {"k": {"type": "apiKey", "in": "query", "name": "key"}, "b": {"type": "basic"}}
    document = load({"/a": {"get": {}, "post": {"security": []}}}, securityDefinitions=schemes, security=[{"k": []}])
    assert [operation.credentials for operation in document.operations] == [{"key"}, frozenset()]


def test_parameters_may_be_shared() -> None:
    document = load(
        {
            "/a/{id}": {
                "parameters": [{"$ref": "#/parameters/Id"}],
                "get": {},
                "put": {"parameters": [{"$ref": "#/parameters/B"}]},
            }
        },
        parameters={
            "Id": {"name": "id", "in": "path", "required": True, "type": "integer"},
            "B": body({"type": "object"}),
        },
    )
    get, put = document.operations
    assert [parameter.pointer for parameter in get.parameters] == ["/parameters/Id"]
    assert put.body is not None


def test_null_fits_where_an_extension_says_so() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "x-nullable": True}, "b": {"type": "string"}}}
    document = load({"/a": {"post": {"parameters": [body(schema)]}}})
    assert document.operations[0].body is not None
    (content,) = document.operations[0].body.content
    assert fits(document, content.schema, {"a": None})
    assert not fits(document, content.schema, {"b": None})


def test_what_is_wrong_with_a_parameter_concerns_its_operation() -> None:
    document = load({"/a": {"get": {"parameters": [{"name": "q", "in": "query"}]}, "put": {}}})
    get, put = document.operations
    assert 'this lacks "type"' in get.unsupported[0].message
    assert put.unsupported == ()


def test_keywords_that_2_0_does_not_have_are_not_passed_over_in_silence() -> None:
    schema = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    (operation,) = load({"/a": {"post": {"parameters": [body(schema)]}}}).operations
    assert operation.unsupported[0].message == "schemas of Swagger 2.0 have no oneOf: it would not be enforced"
