"""Words for violations: what is said, and what never is."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.violations import Explainer, Violation
from portcullis.engine.openapi.wording import allowed, declared, found, listing, sentence, suggestion, type_name


def violation(schema: Any, value: Any) -> Violation:
    return Explainer(lambda _reference: True).violations(schema, value)[0]


@rows(
    ("schema", "value", "expected"),
    [
        ({"type": "integer", "minimum": 1}, "x", "must be integer, minimum 1"),
        ({"type": ["string", "null"], "maxLength": 3}, 1, "must be string or null, at most 3 characters"),
        ({"enum": ["a", "b", 3, None, True]}, "x", 'must be one of "a", "b", 3, null or true'),
        ({"const": "a"}, "x", 'must be "a"'),
        ({"pattern": "^[a-z]+$"}, "X", "must be matching ^[a-z]+$"),
        ({"multipleOf": 5}, 3, "must be a multiple of 5"),
        ({"required": ["a", "b"]}, {}, 'lacks "a" and "b"'),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, 'has "b", which is not declared'),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1, "c": 1}, 'has undeclared "b" and "c"'),
        ({"not": {}}, 1, "does not fit its schema"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "fits none of the alternatives"),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, 'lacks "a" or "b"'),
        ({"oneOf": [True, True]}, 1, "fits more than one of the alternatives"),
        (False, 1, "is not declared"),
        (
            {"properties": {"id": {"x-hidden": "readOnly", "not": {}}}},
            {"id": 1},
            'has "id", which is a read-only field',
        ),
        (
            {"properties": {"id": {"x-hidden": "writeOnly", "not": {}}}},
            {"id": 1},
            'has "id", which is a write-only field',
        ),
        ({"type": "string", "format": "date"}, "x", "must be string, a date such as 2024-05-31"),
        ({"type": "string", "format": "unheard of", "maxLength": 1}, "xy", "must be string, at most 1 characters"),
    ],
)
def test_sentences(schema: Any, value: Any, expected: str) -> None:
    assert sentence(violation(schema, value)) == expected


def test_sentences_never_repeat_values() -> None:
    for schema in ({"type": "integer"}, {"enum": [1]}, {"maxLength": 1}, {"pattern": "^$"}, {"const": 2}, {"not": {}}):
        assert "hunter2" not in sentence(violation(schema, "hunter2"))


def test_what_is_long_is_shortened() -> None:
    assert len(sentence(violation({"properties": {}, "additionalProperties": False}, {"k" * 10_000: 1}))) < 120
    assert listing(range(100)) == "0, 1, 2, 3, 4, 5, 6, 7 or 92 more"
    assert allowed({"enum": ["x" * 1000]}) == 'one of "' + "x" * 59 + '…"'
    assert "\n" not in sentence(violation({"properties": {}, "additionalProperties": False}, {"a\nb": 1}))


def test_what_is_allowed() -> None:
    assert allowed(False) == "nothing"
    assert allowed({"properties": {}}) == "object"
    assert allowed({"type": "array", "minItems": 1, "uniqueItems": True}) == "array, at least 1 items, no item twice"
    assert allowed({"exclusiveMinimum": 0, "exclusiveMaximum": 1.5}) == "more than 0, less than 1.5"


@rows(
    ("value", "path", "expected"),
    [
        ("abc", ("name",), 'string "abc"'),
        ("a\x00b", ("name",), 'string "a\\x00b"'),
        ("x" * 100, ("name",), "string of 100 characters"),
        (12, ("qty",), "integer 12"),
        (True, ("qty",), "boolean true"),
        (None, ("qty",), "null"),
        ({"a": 1}, ("qty",), "object of 1"),
        ([1, 2], (), "array of 2"),
        ("hunter2", ("user", "password"), "string"),
        ("hunter2", ("API-Key",), "string"),
        (1234, ("card", "number"), "integer"),
        ("hunter2", ("tokens", 0), "string"),
        ("hunter2", ("cookie", "id"), "string"),
    ],
)
def test_what_was_found(value: object, path: tuple[str | int, ...], expected: str) -> None:
    assert found(value, path) == expected


def test_a_declared_name_is_suggested_for_one_that_is_nearly_it() -> None:
    schema = {"properties": {"description": {}, "title": {}}, "additionalProperties": False}
    assert suggestion(violation(schema, {"descripton": 1})) == 'did you mean "description"?'
    assert suggestion(violation(schema, {"zzz": 1})) == ""
    assert suggestion(violation({"required": ["title"]}, {})) == ""


def test_types_have_names() -> None:
    values = [None, {}, [], "", True, 1, 1.5]
    assert [type_name(value) for value in values] == [
        "null",
        "object",
        "array",
        "string",
        "boolean",
        "integer",
        "number",
    ]


def test_what_selected_a_schema_is_said() -> None:
    branch = {"x-tag": ["cat"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}}
    schema = {"x-selected-by": "kind", "anyOf": [branch]}
    assert sentence(violation(schema, {"kind": "cat", "lives": "x"})) == 'must be integer (for kind "cat")'
    assert sentence(violation(schema, {"kind": "hunter2"})) == 'must be one of "cat"'


def test_declared_fields_are_those_of_this_direction() -> None:
    schema = {"properties": {"a": {}, "b": True, "id": {"x-hidden": "readOnly", "not": {}}}}
    assert declared(schema) == '"a" or "b"'
    assert declared(True) == ""
    assert suggestion(violation(schema, {"id": 1})) == ""
