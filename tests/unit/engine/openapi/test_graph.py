"""Schemas by pointer, as 2020-12 reads them."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis.engine.openapi.graph import NEVER, NULLABLE, SchemaGraph
from portcullis.engine.openapi.problems import Problem, Problems


def graph(schema: Any, version: str = "3.1.0", **schemas: Any) -> SchemaGraph:
    return SchemaGraph({"root": schema, "components": {"schemas": schemas}}, version, Problems())


def problems(graph: SchemaGraph) -> list[Problem]:
    graph.view("/root")
    return list(graph.problems)


def test_annotations_are_left_out() -> None:
    schema = {"type": "string", "title": "T", "default": "", "examples": [], "x-a": 1, "format": "date", "$comment": ""}
    assert graph(schema).view("/root") == {"type": "string"}
    assert graph(schema, "3.0.0").view("/root") == {"type": "string"}


def test_boolean_schemas() -> None:
    assert graph(True).view("/root") == {}
    assert graph(False).view("/root") == {NEVER: True}


@pytest.mark.parametrize(
    ("schema", "view"),
    [
        ({"$ref": "#/root", "type": "string", "description": "d"}, {"$ref": "#/root"}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"nullable": True, "allOf": []}, {NULLABLE: True, "allOf": []}),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
        ({"enum": ["a", None], "nullable": True}, {"enum": ["a", None]}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"exclusiveMinimum": True}, {}),
        ({"const": 1, "prefixItems": [], "if": {}}, {}),
    ],
)
def test_the_dialect_of_3_0(schema: Any, view: Any) -> None:
    assert graph(schema, "3.0.3").view("/root") == view


def test_references_are_resolved_to_pointers() -> None:
    found = graph({"$ref": "#/components/schemas/A%20b"}, **{"A b": {}})
    assert found.target("/root") == "/components/schemas/A b"


@pytest.mark.parametrize("keyword", ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor"])
def test_what_moves_the_base_of_references_is_an_error(keyword: str) -> None:
    (problem,) = problems(graph({keyword: "x"}))
    assert problem.pointer == f"/root/{keyword}"


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(", "a{1000}{1000}{1000}"])
def test_patterns_that_need_backtracking_are_errors(pattern: str) -> None:
    (problem,) = problems(graph({"pattern": pattern}))
    assert problem.pointer == "/root/pattern"
    assert "linear time" in problem.message
    (problem,) = problems(graph({"patternProperties": {pattern: {}}}))
    assert problem.pointer == "/root/patternProperties"


@pytest.mark.parametrize(
    "schema",
    [1, None, [], {"properties": []}, {"allOf": {}}, {"items": [1]}, {"type": 1}, {"pattern": 1}, {"required": [1]}],
)
def test_what_a_reference_finds_outside_of_the_schemas_may_be_no_schema(schema: Any) -> None:
    assert [problem.message for problem in problems(graph(schema))] == ["this is not a schema"]


@pytest.mark.parametrize("reference", ["#/nowhere", "other.yaml", "#anchor"])
def test_references_that_lead_nowhere_are_errors(reference: str) -> None:
    found = graph({"$ref": reference})
    assert [problem.message for problem in problems(found)] == [f"{reference} leads nowhere"]
    assert found.view("/root") == {}


def test_subtypes_are_those_that_inherit_however_indirectly() -> None:
    def heir(of: str) -> dict[str, Any]:
        return {"allOf": [{"$ref": f"#/components/schemas/{of}"}, {}]}

    found = graph({}, Pet={}, Cat=heir("Pet"), Tiger=heir("Cat"), Rock={"allOf": [{}]}, Loop=heir("Loop"))
    below = "/components/schemas/"
    assert found.subtypes(f"{below}Pet") == [f"{below}Cat", f"{below}Tiger"]
    assert found.subtypes(f"{below}Tiger") == []
    assert found.subtypes(f"{below}Loop") == []
