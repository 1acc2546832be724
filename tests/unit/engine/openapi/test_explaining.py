"""What is wrong with a request, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.arguments import ArgumentError
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.explaining import RequestExplainer

BODY = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "password": {"type": "string", "minLength": 8},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"qty": {"type": "integer", "minimum": 1}}},
        },
        "next": {"$ref": "#/components/schemas/Body"},
        "id": {"type": "integer", "readOnly": True},
        "since": {"type": "string", "format": "date"},
        "pet": {
            "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
            "discriminator": {"propertyName": "kind"},
        },
    },
}
PETS = {
    "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": {}, "lives": {"type": "integer"}}},
    "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": {}, "barks": {"type": "boolean"}}},
}


@pytest.fixture(scope="module")
def document(load: Callable[..., SpecDocument]) -> SpecDocument:
    return load(
        {
            "/a/{id}": {
                "post": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "maximum": 9}},
                        {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"enum": ["x", "y"]}}},
                        {"name": "api_token", "in": "query", "schema": {"type": "integer"}},
                    ],
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
                }
            }
        },
        components={"schemas": {"Body": BODY, **PETS}},
    )


@pytest.fixture(scope="module")
def explainer(document: SpecDocument) -> RequestExplainer:
    checks = document.checks("refuse")
    return RequestExplainer(document.reference, document.operations[0], checks.checker, checks.names)


@pytest.fixture(scope="module")
def names(document: SpecDocument) -> dict[str, str]:
    names = document.checks("refuse").names
    return {each.name: names[each.schema] for each in document.operations[0].parameters if each.schema is not None}


@rows(
    ("error", "detail", "pointer", "found", "allowed", "source"),
    [
        (
            ArgumentError("undeclared", "query", "debug", "1"),
            "The query parameter debug is not declared.",
            "/query/debug",
            "",
            '"tags" or "api_token"',
            "specs/test.json#/paths/~1a~1{id}/post",
        ),
        (
            ArgumentError("missing", "query", "tags"),
            "The query parameter tags is required.",
            "/query/tags",
            "",
            "list of string",
            "specs/test.json#/paths/~1a~1{id}/post/parameters/1",
        ),
        (
            ArgumentError("malformed", "path", "id", "x7"),
            "The path parameter id must be integer.",
            "/path/id",
            'string "x7"',
            "integer",
            "specs/test.json#/paths/~1a~1{id}/post/parameters/0/schema",
        ),
        (
            ArgumentError("malformed", "query", "api_token", "hunter2"),
            "The query parameter api_token must be integer.",
            "/query/api_token",
            "string",
            "integer",
            "specs/test.json#/paths/~1a~1{id}/post/parameters/2/schema",
        ),
        (
            ArgumentError("repeated", "query", "api_token"),
            "The query parameter api_token is given more than once.",
            "/query/api_token",
            "",
            "one integer",
            "specs/test.json#/paths/~1a~1{id}/post/parameters/2/schema",
        ),
        (
            ArgumentError("malformed", "query", "", "%ff"),
            "The query is not percent-encoded UTF-8.",
            "/query",
            "",
            "percent-encoded UTF-8",
            "",
        ),
        (
            ArgumentError("separator", "query", "api_token"),
            "The query parameter api_token holds a semicolon, which must be sent as %3B.",
            "/query/api_token",
            ";",
            "%3B",
            "specs/test.json#/paths/~1a~1{id}/post/parameters/2/schema",
        ),
        (
            ArgumentError("too many", "query"),
            "The query has too many parameters.",
            "/query",
            "",
            "at most 1000 parameters",
            "",
        ),
    ],
)
def test_parameters_that_can_not_be_read(
    explainer: RequestExplainer, error: ArgumentError, detail: str, pointer: str, found: str, allowed: str, source: str
) -> None:
    explanation = explainer.argument(error)
    finding = explanation.finding
    assert (explanation.detail, finding.pointer, finding.found, finding.allowed, finding.source) == (
        detail,
        pointer,
        found,
        allowed,
        source,
    )


def test_parameters_that_do_not_fit(explainer: RequestExplainer, names: dict[str, str]) -> None:
    explanation = explainer.wrong_argument({names["id"]: 1, names["tags"]: ["x", "z"]})
    assert explanation.detail == '/1 of the query parameter tags must be one of "x" or "y".'
    assert explanation.finding.pointer == "/query/tags/1"
    assert explanation.finding.source == "specs/test.json#/paths/~1a~1{id}/post/parameters/1/schema/items/enum"
    assert explainer.wrong_argument({names["id"]: 10}).detail == "The path parameter id must be integer, maximum 9."


@rows(
    ("body", "detail", "pointer", "found", "allowed", "source", "keyword"),
    [
        ({}, 'The body lacks "name".', "/body/name", "", "required", "/required", "required"),
        (
            {"name": "a", "items": [{"qty": 1}, {"qty": "2"}]},
            "/items/1/qty of the body must be integer, minimum 1.",
            "/body/items/1/qty",
            'string "2"',
            "integer, minimum 1",
            "/properties/items/items/properties/qty/type",
            "type",
        ),
        (
            {"name": "a", "is_admin": True},
            'The body has "is_admin", which is not declared.',
            "/body/is_admin",
            "",
            '"name", "password", "items", "next", "since" or "pet"',
            "",
            "additionalProperties",
        ),
        (
            {"name": "a", "password": "hunter2"},
            "/password of the body must be string, at least 8 characters.",
            "/body/password",
            "string",
            "string, at least 8 characters",
            "/properties/password/minLength",
            "minLength",
        ),
        ([], "The body must be object.", "/body", "array of 0", "object", "/type", "type"),
        (
            {"name": "a", "id": 5},
            'The body has "id", which is a read-only field.',
            "/body/id",
            "",
            "no read-only field",
            "/properties/id",
            "readOnly",
        ),
        (
            {"name": "a", "since": "May"},
            "/since of the body must be string, a date such as 2024-05-31.",
            "/body/since",
            'string "May"',
            "string, a date such as 2024-05-31",
            "/properties/since/format",
            "format",
        ),
        (
            {"name": "a", "pet": {"kind": "Cow"}},
            '/pet/kind of the body must be one of "Cat" or "Dog".',
            "/body/pet/kind",
            'string "Cow"',
            'one of "Cat" or "Dog"',
            "/properties/pet/discriminator",
            "enum",
        ),
    ],
)
def test_bodies_that_do_not_fit(
    explainer: RequestExplainer,
    body: Any,
    detail: str,
    pointer: str,
    found: str,
    allowed: str,
    source: str,
    keyword: str,
) -> None:
    explanation = explainer.body(_body_name(explainer), body)
    finding = explanation.finding
    assert (explanation.detail, finding.pointer, finding.found, finding.allowed, explanation.keyword) == (
        detail,
        pointer,
        found,
        allowed,
        keyword,
    )
    assert finding.source == f"specs/test.json#/components/schemas/Body{source}"


def test_what_is_wrong_with_the_schema_that_a_tag_selects(explainer: RequestExplainer) -> None:
    explanation = explainer.body(_body_name(explainer), {"name": "a", "pet": {"kind": "Dog", "lives": 9}})
    assert explanation.detail == '/pet of the body has "lives", which is not declared (for kind "Dog").'
    assert explanation.finding.pointer == "/body/pet/lives"
    assert explanation.finding.source == "specs/test.json#/components/schemas/Dog"


def test_what_would_take_too_long_to_explain_is_refused_in_few_words(explainer: RequestExplainer) -> None:
    body: dict[str, Any] = {}
    for _ in range(100):
        body = {"name": "a", "next": body}
    explanation = explainer.body(_body_name(explainer), body)
    assert (explanation.detail, explanation.finding.pointer, explanation.keyword) == (
        "The body does not fit its schema.",
        "/body",
        "",
    )


def test_names_that_were_sent_are_shortened_and_kept_on_one_line(explainer: RequestExplainer) -> None:
    explanation = explainer.body(_body_name(explainer), {"name": "a", "x\n" * 5_000: 1})
    assert "\n" not in explanation.detail + explanation.finding.pointer
    assert len(explanation.detail) < 300
    assert len(explanation.finding.pointer) <= 200
    explanation = explainer.argument(ArgumentError("undeclared", "query", "y" * 5_000))
    assert len(explanation.detail) < 150


def _body_name(explainer: RequestExplainer) -> str:
    (name,) = {
        each
        for each, source in explainer._checker._definitions.sources.items()
        if source == "/components/schemas/Body" and explainer._checker.schema(each) != {"$ref": "#/$defs/0"}
    }
    return name
