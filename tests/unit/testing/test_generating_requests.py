"""Requests are written as the styles and media types of their document have it."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.testing.generating import UnmakeableError
from portcullis.testing.generating_requests import BOUNDARY, Draft, Written, draft, makeable_contents, write

COLOURS = ["blue", "black"]
POINT = {"R": 100, "G": 200}


def parameter(location: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": "color", "in": location, "required": True, "schema": schema, **more}


LIST = {"type": "array", "items": {"type": "string"}}
OBJECT = {"type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}}}


@rows(
    ("more", "schema", "value", "written"),
    [  # the table of RFC 6570 that OpenAPI has
        ({}, {}, "a/b ü", "/a%2Fb%20%C3%BC"),
        ({}, LIST, COLOURS, "/blue,black"),
        ({}, OBJECT, POINT, "/R,100,G,200"),
        ({"explode": True}, OBJECT, POINT, "/R=100,G=200"),
        ({"style": "label"}, LIST, COLOURS, "/.blue,black"),
        ({"style": "label", "explode": True}, LIST, COLOURS, "/.blue.black"),
        ({"style": "label", "explode": True}, OBJECT, POINT, "/.R=100.G=200"),
        ({"style": "matrix"}, {}, "blue", "/;color=blue"),
        ({"style": "matrix"}, LIST, COLOURS, "/;color=blue,black"),
        ({"style": "matrix", "explode": True}, LIST, COLOURS, "/;color=blue;color=black"),
        ({"style": "matrix", "explode": True}, OBJECT, POINT, "/;R=100;G=200"),
    ],
)
def test_a_path_is_written_in_its_style(document: Any, more: Any, schema: Any, value: Any, written: str) -> None:
    made = document({"parameters": [parameter("path", schema, **more)]}, path="/{color}")
    assert write(Draft(made.operations[0], {("path", "color"): value})).target == written


@rows(
    ("more", "schema", "value", "written"),
    [
        ({}, {}, "a&b+c", "color=a%26b%2Bc"),
        ({}, {"type": "boolean"}, True, "color=true"),
        ({}, LIST, COLOURS, "color=blue&color=black"),
        ({"explode": False}, LIST, COLOURS, "color=blue,black"),
        ({}, OBJECT, POINT, "R=100&G=200"),
        ({"explode": False}, OBJECT, POINT, "color=R,100,G,200"),
        ({"style": "pipeDelimited", "explode": False}, LIST, COLOURS, "color=blue%7Cblack"),
        ({"style": "deepObject"}, OBJECT, POINT, "color%5BR%5D=100&color%5BG%5D=200"),
        ({"style": "deepObject"}, {}, {"a": [{"b": 1}]}, "color%5Ba%5D%5B0%5D%5Bb%5D=1"),
    ],
)
def test_a_query_is_written_in_its_style(document: Any, more: Any, schema: Any, value: Any, written: str) -> None:
    made = document({"parameters": [parameter("query", schema, **more)]})
    assert write(Draft(made.operations[0], {("query", "color"): value})).target == f"/things?{written}"


def test_json_in_a_parameter_and_fields_and_cookies(document: Any) -> None:
    in_json = {"name": "q", "in": "query", "content": {"application/json": {"schema": {}}}}
    cookie = {**parameter("cookie", {}), "name": "c"}
    made = document({"parameters": [in_json, parameter("header", LIST), cookie]})
    arguments = {("query", "q"): [1], ("header", "color"): COLOURS, ("cookie", "c"): "x y"}
    sent = write(Draft(made.operations[0], arguments))
    assert sent == Written("POST", "/things?q=%5B1%5D", [("color", "blue,black"), ("cookie", "c=x%20y")])


def body(schema: Any, media_type: str = "application/json", **media: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {"schema": schema, **media}}}}


FORM = {
    "type": "object",
    "required": ["a", "b", "c"],
    "properties": {"a": {"const": "x y"}, "b": LIST, "c": {"type": "object", "additionalProperties": {"const": 1}}},
}


def sent_body(document: Any, operation: dict[str, Any], **how: Any) -> tuple[str, bytes | None]:
    made = document(operation)
    (spec,) = made.operations
    sent = write(draft(made.variants.graph(), spec, content=makeable_contents(spec)[0], **how))
    return dict(sent.fields)["content-type"], sent.body


def test_a_body_is_written_as_its_media_type(document: Any) -> None:
    form, parts = "application/x-www-form-urlencoded", "multipart/form-data"
    assert sent_body(document, body({"const": {"a": 1}})) == ("application/json", b'{"a":1}')
    assert sent_body(document, body({"const": [1]}, "*/*")) == ("application/json", b"[1]")
    assert sent_body(document, body({"const": "é"}, "text/plain")) == ("text/plain", "é".encode())
    assert sent_body(document, body({}, "image/*")) == ("image/png", b"x")
    assert sent_body(document, body(FORM, form)) == (form, b"a=x+y&b=text&c=%7B%7D")
    content_type, data = sent_body(document, body(FORM, parts))
    assert content_type == f"multipart/form-data; boundary={BOUNDARY}"
    assert data is not None
    assert data.count(b"\r\n--" + BOUNDARY.encode()) == 3
    assert b'form-data; name="a"\r\n\r\nx y\r\n' in data
    assert b'form-data; name="c"\r\nContent-Type: application/json\r\n\r\n{}\r\n' in data


def test_files_have_names_and_the_types_that_are_declared(document: Any) -> None:
    schema = {
        "type": "object",
        "required": ["f"],
        "properties": {"f": {"type": "string", "contentMediaType": "image/png"}},
    }
    operation = body(schema, "multipart/form-data", encoding={"f": {"contentType": "image/png"}})
    _, data = sent_body(document, operation)
    assert b'name="f"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n' in (data or b"")


def test_a_form_is_never_left_empty(document: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert sent_body(document, body(schema, "application/x-www-form-urlencoded"))[1] == b"a=text"


def test_examples_are_taken_where_they_are_asked_for(document: Any) -> None:
    operation = body({"type": "integer"}, examples={"one": {"value": 7}})
    assert sent_body(document, operation, source="examples")[1] == b"7"
    assert sent_body(document, body({"type": "integer", "examples": [8]}), source="examples")[1] == b"8"
    assert sent_body(document, operation)[1] == b"1"


def test_what_need_not_be_there_is_there_with_everything(document: Any) -> None:
    made = document({"parameters": [{"name": "a", "in": "query", "schema": {"type": "integer"}, "example": 5}]})
    graph, (operation,) = made.variants.graph(), made.operations
    assert write(draft(graph, operation)).target == "/things"
    assert write(draft(graph, operation, everything=True)).target == "/things?a=1"
    assert write(draft(graph, operation, everything=True, source="examples")).target == "/things?a=5"


def test_json_comes_first_and_xml_is_not_made(document: Any) -> None:
    content = {name: {"schema": {"type": "object"}} for name in ("application/xml", "text/csv", "application/json")}
    (operation,) = document({"requestBody": {"content": content}}).operations
    assert [str(each.media_range) for each in makeable_contents(operation)] == ["application/json", "text/csv"]
    assert makeable_contents(document({}).operations[0]) == []


def test_a_parameter_that_can_not_be_made_is_left_out_if_it_may_be(document: Any) -> None:
    wrong = {"name": "a", "in": "query", "schema": {"type": "string", "minLength": 5_000}}
    made = document({"parameters": [wrong]})
    assert write(draft(made.variants.graph(), made.operations[0], everything=True)).target == "/things"
    made = document({"parameters": [{**wrong, "required": True}]})
    with pytest.raises(UnmakeableError):
        draft(made.variants.graph(), made.operations[0])


@rows("value", ["", ".", "..", "a/b"])
def test_some_values_can_not_stand_in_a_path(document: Any, value: str) -> None:
    made = document({"parameters": [parameter("path", {"const": value})]}, path="/{color}")
    with pytest.raises(UnmakeableError, match="can't stand in a path"):
        draft(made.variants.graph(), made.operations[0])
