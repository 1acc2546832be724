"""Schemas that speak of bytes."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.byte_schemas import Bounds, bounds_of, says_bytes
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems


def graph(schema: Any, version: str = "3.1.0") -> SchemaGraph:
    shared = {"File": {"type": "string", "format": "binary", "minLength": 2, "maxLength": 8}}
    return SchemaGraph({"root": schema, "components": {"schemas": shared}}, version, Problems())


@rows(
    ("schema", "expected"),
    [
        ({"type": "string", "format": "binary"}, True),
        ({"$ref": "#/components/schemas/File"}, True),
        ({"allOf": [{"$ref": "#/components/schemas/File"}, {"description": "a file"}]}, True),
        ({"type": "string", "contentMediaType": "image/png"}, True),
        ({"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}, False),
        ({"type": "string", "contentMediaType": "application/json"}, False),
        ({"type": "string", "contentMediaType": "text/html"}, False),
        ({"type": "string", "format": "byte"}, False),
        ({"type": "string"}, False),
        ({}, False),
    ],
)
def test_what_says_bytes(schema: Any, expected: bool) -> None:
    assert says_bytes(graph(schema), "/root") is expected


def test_a_file_of_swagger_2_is_bytes() -> None:
    assert says_bytes(graph({"type": "file"}, "2.0"), "/root")


def test_lengths_count_bytes() -> None:
    file = {"$ref": "#/components/schemas/File"}
    assert bounds_of(graph(file), "/root") == Bounds(2, 8)
    assert bounds_of(graph({"allOf": [file, {"minLength": 4}]}), "/root") == Bounds(4, 8)
    assert bounds_of(graph({"type": "string", "format": "binary"}), "/root") == Bounds()
