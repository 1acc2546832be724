from __future__ import annotations

from typing import Any

import orjson
import pytest
from rows import rows

from portcullis.engine.inspection.known import UNSEEN_FIELDS, Known, Validated
from portcullis.engine.openapi.document import SpecDocument, load_document

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
ORDER = {
    "type": "object",
    "properties": {"note": TEXT, "qty": NUMBER, "tags": {"type": "array", "items": TEXT}, "free": {"type": "object"}},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/orders/{id}/{name}": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": NUMBER},
                {"name": "name", "in": "path", "required": True, "schema": TEXT},
            ],
            "post": {
                "parameters": [
                    {"name": "q", "in": "query", "schema": TEXT},
                    {"name": "page", "in": "query", "schema": NUMBER},
                    {"name": "sort", "in": "query", "schema": {"enum": ["asc", "desc"]}},
                    {"name": "X-Reason", "in": "header", "schema": TEXT},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string", "format": "uuid"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": ORDER},
                        "application/x-www-form-urlencoded": {
                            "schema": {"type": "object", "properties": {"n": NUMBER}}
                        },
                        "multipart/form-data": {
                            "schema": {"type": "object", "properties": {"note": TEXT, "n": NUMBER}}
                        },
                        "image/png": {},
                    }
                },
                "responses": {"default": {"description": "The order."}},
            },
        },
        "/numbers": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"type": "array", "items": NUMBER}}}},
                "responses": {"default": {"description": "The sum."}},
            },
            "get": {"responses": {"default": {"description": "All."}}},
        },
    },
}


@pytest.fixture(scope="module")
def document() -> SpecDocument:
    return load_document("shop.json", orjson.dumps(DOCUMENT))


def known(document: SpecDocument, name: str, *, validated: bool = True, **undeclared: bool) -> Known:
    [operation] = [each for each in document.operations if each.name == name]
    open_ = undeclared.get("passes_body", False)
    checks = document.checks("allow" if open_ else "refuse")
    return Known(operation, Validated(checks, **undeclared) if validated else None, ["X-Key"], ["api_key"])


ORDERS = "POST /orders/{id}/{name}"


def test_only_parameters_that_may_hold_anything_are_looked_at(document: SpecDocument) -> None:
    orders = known(document, ORDERS)
    assert [(each.location, each.name) for each in orders.arguments] == [("path", "name"), ("query", "q")]
    assert not orders.reads_path
    assert not orders.reads_query


def test_header_fields_that_can_hold_nothing_are_not_looked_at(document: SpecDocument) -> None:
    unseen = known(document, ORDERS).unseen_fields
    assert UNSEEN_FIELDS | {b"x-trace", b"x-key"} == unseen
    assert b"x-reason" not in unseen
    assert b"user-agent" not in unseen


def test_where_requests_are_not_validated_nothing_is_known(document: SpecDocument) -> None:
    orders = known(document, ORDERS, validated=False)
    assert orders.reads_path
    assert orders.reads_query
    assert orders.arguments == ()
    content = orders.content(b"application/json")
    assert content.collect is not None
    assert not content.is_read
    assert b"x-trace" not in orders.unseen_fields
    assert orders.takes_body


def test_where_undeclared_parameters_pass_the_query_is_looked_at_whole(document: SpecDocument) -> None:
    orders = known(document, ORDERS, passes_query=True)
    assert orders.reads_query
    assert [each.name for each in orders.arguments] == ["name"]


def test_a_body_is_known_by_its_media_type(document: SpecDocument) -> None:
    orders = known(document, ORDERS)
    json = orders.content(b"application/json; charset=utf-8")
    assert (json.kind, json.is_read, json.field.member("qty").is_idle) == ("json", True, True)  # type: ignore[union-attr]
    assert orders.content(b"application/x-www-form-urlencoded").collect is None
    assert orders.content(b"multipart/form-data; boundary=x").kind == "multipart"
    assert orders.content(b"image/png").kind == "other"
    assert orders.content(b"text/plain").field.text
    assert orders.content(b"nonsense").kind == "other"
    assert orders.content(None).kind == "other"


def test_where_undeclared_fields_pass_only_json_is_known(document: SpecDocument) -> None:
    orders = known(document, ORDERS, passes_body=True)
    assert orders.content(b"application/json").is_read
    assert orders.content(b"application/json").field.member("more").text  # type: ignore[union-attr]
    assert not orders.content(b"application/x-www-form-urlencoded").is_read
    assert orders.content(b"application/x-www-form-urlencoded").collect is not None


def test_a_body_of_numbers_needs_no_look_and_no_body_neither(document: SpecDocument) -> None:
    assert not known(document, "POST /numbers").takes_body
    assert not known(document, "GET /numbers").takes_body
    assert known(document, "GET /numbers", validated=False).takes_body


@rows(
    "pointer",
    [
        *(
            "/path/name",
            "/query/q",
            "/header/user-agent",
            "/header/X-Reason",
            "/cookie/theme",
            "/body/note",
            "/body/tags/*",
        ),
        *("/body/tags/0", "/body/free/a/b", "/path/*", "/query/*", "/body/*", "/body/n", "/body"),
    ],
)
def test_something_is_looked_at_where_the_document_leaves_room(document: SpecDocument, pointer: str) -> None:
    assert known(document, ORDERS).why_not(tuple(pointer.split("/")[1:])) is None


@rows(
    ("pointer", "reason"),
    [
        ("/path/id", "leaves no room"),
        ("/path/nowhere", "has no path parameter nowhere"),
        ("/path", "names no path parameter"),
        ("/query/page", "leaves no room"),
        ("/query/sort", "leaves no room"),
        ("/query/more", "has no query parameter more"),
        ("/header/accept", "is not looked at"),
        ("/header/x-trace", "is not looked at"),
        ("/header", "names no field"),
        ("/body/qty/x", "nothing called x"),
        ("/body/more/x", "nothing called"),
        ("/body/note/deep", "nothing called deep"),
        ("/body/tags/x/y", "nothing called x"),
        ("/elsewhere", "begins with /path"),
    ],
)
def test_nothing_is_looked_at_where_it_leaves_none(document: SpecDocument, pointer: str, reason: str) -> None:
    why_not = known(document, ORDERS).why_not(tuple(pointer.split("/")[1:]))
    assert why_not is not None
    assert reason in why_not


def test_an_operation_without_a_body_has_nothing_there(document: SpecDocument) -> None:
    assert "takes no body" in (known(document, "GET /numbers").why_not(("body", "a")) or "")
    assert known(document, "GET /numbers", validated=False).why_not(("body", "a")) is None
    assert "leaves no room" in (known(document, "POST /numbers").why_not(("body", "0")) or "")


def test_where_nothing_is_known_any_query_parameter_may_be_there(document: SpecDocument) -> None:
    orders: Any = known(document, ORDERS, validated=False)
    assert orders.why_not(("query", "anything")) is None
    assert orders.why_not(("path", "id")) is None
    assert orders.why_not(("path", "nowhere")) is not None
