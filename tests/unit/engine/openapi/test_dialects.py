"""Schemas of each version, read as 2020-12."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.dialects import NULLABLE, dialect_of, has_schema_shape


@rows(
    ("version", "name", "siblings_count"),
    [("2.0", "2.0", False), ("3.0.0", "3.0", False), ("3.0.4", "3.0", False), ("3.1.0", "3.1", True)],
)
def test_each_version_has_its_dialect(version: str, name: str, siblings_count: bool) -> None:
    dialect = dialect_of(version)
    assert (dialect.name, dialect.siblings_count) == (name, siblings_count)


@rows(
    ("schema", "view"),
    [
        ({"$ref": "#/definitions/A", "description": "d", "type": "string"}, {"$ref": "#/definitions/A"}),
        ({"type": "string", "x-nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True}, {"type": "string"}),
        ({"x-nullable": True, "allOf": []}, {NULLABLE: True, "allOf": []}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"type": "file", "description": "bytes"}, {}),
        ({"type": "array", "items": {}, "collectionFormat": "csv"}, {"type": "array", "items": {}}),
        (
            {
                "in": "query",
                "name": "a",
                "required": True,
                "type": "integer",
                "format": "int32",
                "allowEmptyValue": True,
            },
            {"type": "integer", "format": "int32"},
        ),
        ({"type": "object", "required": ["a"]}, {"type": "object", "required": ["a"]}),
        ({"const": 1, "if": {}, "patternProperties": {}}, {}),
    ],
)
def test_swagger_2(schema: dict[str, Any], view: dict[str, Any]) -> None:
    dialect = dialect_of("2.0")
    prepared = dialect.prepare(schema)
    assert has_schema_shape(prepared)
    assert dialect.read(prepared) == view


def test_a_required_parameter_is_no_schema_in_3() -> None:
    assert not has_schema_shape(dialect_of("3.0.3").prepare({"required": True}))


@rows("version", ["2.0", "3.0.3", "3.1.0"])
def test_a_format_is_a_name_or_nothing(version: str) -> None:
    read = dialect_of(version).read
    assert read({"format": "date"}) == {"format": "date"}
    assert read({"format": 5}) == {}


@rows("schema", [1, None, [], {"properties": []}, {"allOf": {}}, {"items": [1]}, {"type": 1}, {"minimum": "1"}])
def test_what_can_not_be_walked(schema: Any) -> None:
    assert not has_schema_shape(schema)
