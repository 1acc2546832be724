"""Each wrong request breaks one rule of its operation, and only rules that hold in any case are broken."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.testing.generating import ValueMaker
from portcullis.testing.generating_mutations import MAX_OF_A_KIND, Mutation, mutations
from portcullis.testing.generating_requests import draft, makeable_contents


def found(document: Any, operation: dict[str, Any]) -> dict[str, list[Mutation]]:
    """The wrong requests for an operation, by what is wrong with them."""
    made = document(operation)
    graph, (spec,) = made.variants.graph(), made.operations
    content = next(iter(makeable_contents(spec)), None)
    by_kind: dict[str, list[Mutation]] = {}
    for each in mutations(ValueMaker(graph, everything=True), draft(graph, spec, everything=True, content=content)):
        by_kind.setdefault(each.kind, []).append(each)
    return by_kind


def query(schema: Any, **more: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "a", "in": "query", "schema": schema, **more}]}


def targets(document: Any, schema: Any, **more: Any) -> dict[str, list[str]]:
    return {
        kind: [each.request.target.removeprefix("/things") for each in several]
        for kind, several in found(document, query(schema, **more)).items()
        if kind.startswith(("parameter", "missing"))
    }


@rows(
    ("schema", "wrong"),
    [
        ({"type": "integer"}, {"parameter_type": ["?a=not%20it"]}),
        ({"type": "integer", "minimum": 3}, {"parameter_type": ["?a=not%20it"], "parameter_bound": ["?a=2"]}),
        ({"type": "number", "exclusiveMaximum": 3}, {"parameter_type": ["?a=not%20it"], "parameter_bound": ["?a=3"]}),
        (
            {"type": "integer", "format": "int32"},
            {"parameter_type": ["?a=not%20it"], "parameter_format": ["?a=2147483648"]},
        ),
        ({"type": "string"}, {}),
        ({"type": "string", "enum": ["x"]}, {"parameter_enum": ["?a=zz-undeclared"]}),
        ({"type": "string", "minLength": 3, "maxLength": 4}, {"parameter_length": ["?a=xxxxx", "?a=xx"]}),
        ({"type": "string", "pattern": "^a+$"}, {"parameter_pattern": ["?a=~"]}),
        ({"type": "string", "format": "date"}, {"parameter_format": ["?a=not%20it"]}),
        ({"type": "array", "items": {"type": "integer"}}, {"parameter_type": ["?a=not%20it"]}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, {}),
    ],
)
def test_rules_of_parameters_are_broken(document: Any, schema: Any, wrong: dict[str, list[str]]) -> None:
    assert targets(document, schema) == wrong


def test_what_is_required_is_left_out(document: Any) -> None:
    assert targets(document, {"type": "string"}, required=True) == {"missing_parameter": [""]}
    assert targets(document, {"type": "object"}, required=True) == {}  # it may be one without fields


def test_a_query_parameter_and_a_body_are_not_declared(document: Any) -> None:
    wrong = found(document, {})
    assert wrong.keys() == {"undeclared_query", "unexpected_body"}
    assert wrong["undeclared_query"][0].request.target == "/things?zz-undeclared=1"
    assert wrong["undeclared_query"][0].codes == {"validate.undeclared_query"}
    assert wrong["unexpected_body"][0].request.body == b"{}"
    assert "undeclared_query" not in found(document, query({"type": "object"}))  # which has fields of any name


def bodies(document: Any, schema: Any, media_type: str = "application/json", **more: Any) -> dict[str, list[bytes]]:
    wrong = found(document, {"requestBody": {"content": {media_type: {"schema": schema}}, **more}})
    return {kind: [each.request.body or b"" for each in several] for kind, several in wrong.items()}


def test_what_is_wrong_with_a_body_as_a_whole(document: Any) -> None:
    operation = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"const": {"a": 1}}}}}}
    wrong = found(document, operation)
    assert wrong["missing_body"][0].request.body is None
    assert wrong["media_type"][0].request.fields == [("content-type", "application/x-zz-undeclared")]
    assert wrong["malformed_json"][0].request.body == b'{"a":1'
    assert wrong["duplicate_key"][0].request.body == b'{"a":1,"a":1}'
    assert "missing_body" not in bodies(document, {})
    assert "media_type" not in bodies(document, {}, "*/*")


@rows(
    ("schema", "kind", "wrong"),
    [
        ({"properties": {"a": {"type": "integer"}}}, "field_type", b'{"a":{}}'),
        ({"type": "object"}, "field_type", b'"not it"'),
        ({"type": "array"}, "field_type", b"{}"),
        ({"properties": {"a": {"type": "string", "enum": ["x"]}}}, "field_enum", b'{"a":"zz-undeclared"}'),
        ({"properties": {"a": {"type": "integer", "maximum": 9}}}, "field_bound", b'{"a":10}'),
        ({"properties": {"a": {"type": "string", "maxLength": 2}}}, "field_length", b'{"a":"xxx"}'),
        ({"properties": {"a": {"type": "string", "pattern": "^b$"}}}, "field_pattern", b'{"a":"~"}'),
        ({"properties": {"a": {"type": "string", "format": "uuid"}}}, "field_format", b'{"a":"not it"}'),
        ({"type": "array", "minItems": 1, "items": {"const": 1}}, "field_items", b"[]"),
        ({"type": "array", "maxItems": 1, "items": {"const": 1}}, "field_items", b"[1,1]"),
        ({"type": "array", "uniqueItems": True, "items": {"const": 1}}, "field_unique", b"[1,1]"),
        ({"properties": {"a": {"const": 1}}, "required": ["a"]}, "missing_field", b"{}"),
        ({"properties": {"a": {"const": 1}}}, "undeclared_field", b'{"a":1,"zz-undeclared":1}'),
        (
            {"properties": {"a": {"const": 1}, "id": {"readOnly": True, "const": 2}}},
            "read_only_field",
            b'{"a":1,"id":2}',
        ),
    ],
)
def test_rules_of_fields_are_broken(document: Any, schema: Any, kind: str, wrong: bytes) -> None:
    assert bodies(document, schema)[kind] == [wrong]


def test_what_stands_deeper_is_broken_there(document: Any) -> None:
    inner = {"type": "object", "properties": {"b": {"type": "boolean"}}}
    schema = {"properties": {"list": {"type": "array", "items": inner}}}
    assert b'{"list":[{"b":{}}]}' in bodies(document, schema)["field_type"]
    assert b'{"list":[{"b":true,"zz-undeclared":1}]}' in bodies(document, schema)["undeclared_field"]


@rows("more", [{"oneOf": [{}, {"type": "string"}]}, {"not": {"type": "string"}}, {"if": {}, "then": {}}])
def test_what_stands_below_alternatives_and_conditions_is_left_alone(document: Any, more: Any) -> None:
    wrong = bodies(document, {"properties": {"a": {"type": "integer"}}, "required": ["a"], **more})
    assert wrong.keys() == {"undeclared_query", "media_type", "malformed_json", "duplicate_key"}


def test_an_open_object_has_no_undeclared_fields(document: Any) -> None:
    assert "undeclared_field" not in bodies(document, {"type": "object"})
    assert "undeclared_field" not in bodies(document, {"properties": {"a": {}}, "additionalProperties": {}})


def test_rules_of_forms_are_broken(document: Any) -> None:
    properties = {"a": {"type": "integer"}, "b": {"type": "string", "maxLength": 1}}
    wrong = bodies(
        document, {"type": "object", "properties": properties, "required": ["a"]}, "application/x-www-form-urlencoded"
    )
    assert wrong["field_type"] == [b"a=not+it&b=t"]
    assert wrong["field_length"] == [b"a=1&b=xx"]
    assert wrong["missing_field"] == [b"b=t"]
    assert wrong["undeclared_field"] == [b"a=1&b=t&zz-undeclared=1"]
    assert wrong["duplicate_key"] == [b"a=1&b=t&a=1", b"a=1&b=t&b=1"]


def test_parts_are_broken(document: Any) -> None:
    wrong = bodies(document, {"type": "object", "properties": {"a": {"type": "integer"}}}, "multipart/form-data")
    assert b'name="a"\r\n\r\nnot it\r\n' in wrong["field_type"][0]
    assert b'name="zz-undeclared"' in wrong["undeclared_field"][0]


def test_of_each_kind_there_are_few(document: Any) -> None:
    schema = {"properties": {f"f{number}": {"type": "integer"} for number in range(50)}}
    assert len(bodies(document, schema)["field_type"]) == MAX_OF_A_KIND
