"""Schemas by pointer, as 2020-12 reads them."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.graph import NEVER, NULLABLE, Discriminator, SchemaGraph
from portcullis.engine.openapi.problems import Problem, Problems


def graph(schema: Any, version: str = "3.1.0", **schemas: Any) -> SchemaGraph:
    return SchemaGraph({"root": schema, "components": {"schemas": schemas}}, version, Problems())


def problems(graph: SchemaGraph) -> list[Problem]:
    graph.view("/root")
    return list(graph.problems)


def test_annotations_are_left_out() -> None:
    schema = {"type": "string", "title": "T", "default": "", "examples": [], "x-a": 1, "$comment": "", "format": 1}
    assert graph(schema).view("/root") == {"type": "string"}
    assert graph(schema, "3.0.0").view("/root") == {"type": "string"}


def test_boolean_schemas() -> None:
    assert graph(True).view("/root") == {}
    assert graph(False).view("/root") == {NEVER: True}


@rows(
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


@rows("keyword", ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor"])
def test_what_moves_the_base_of_references_is_an_error(keyword: str) -> None:
    (problem,) = problems(graph({keyword: "x"}))
    assert problem.pointer == f"/root/{keyword}"


@pytest.mark.slow
@rows(
    ("pattern", "reason"),
    [
        (r"(a)\1", r"the pattern (a)\1 can't be matched in linear time"),
        ("(", "the pattern ( is no regular expression"),
        (".{1,99999}", "the pattern .{1,99999} takes more than 16 MiB when it is written out"),
        ("a?" * 5000, f"the pattern {'a?' * 40} has 10,000 characters: 8,192 are the most"),
    ],
    ids=lambda value: value[:20],
)
def test_patterns_that_can_not_be_used_are_errors(pattern: str, reason: str) -> None:
    (problem,) = problems(graph({"pattern": pattern}))
    assert problem.pointer == "/root/pattern"
    assert problem.message == reason
    assert problem.hint
    (problem,) = problems(graph({"patternProperties": {pattern: {}}}))
    assert problem.pointer == "/root/patternProperties"


@pytest.mark.slow
def test_the_patterns_of_a_document_are_counted_together() -> None:
    made = graph({"oneOf": [{"pattern": rf"^[^\x00-\x1f]{{1,{number}}}$"} for number in range(3000, 3020)]})
    for index in range(20):
        made.view(f"/root/oneOf/{index}")
    found = list(made.problems)
    assert found
    assert all("is one too many" in problem.message for problem in found)


@rows(
    "schema",
    [1, None, [], {"properties": []}, {"allOf": {}}, {"items": [1]}, {"type": 1}, {"pattern": 1}, {"required": [1]}],
)
def test_what_a_reference_finds_outside_of_the_schemas_may_be_no_schema(schema: Any) -> None:
    assert [problem.message for problem in problems(graph(schema))] == ["this is not a schema"]


@rows("reference", ["#/nowhere", "other.yaml", "#anchor"])
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


def test_marks_count_wherever_a_schema_gets_them_from() -> None:
    marked = {"readOnly": True}
    found = graph(
        {"allOf": [{"$ref": "#/components/schemas/A"}]},
        A=marked,
        B={"$ref": "#/components/schemas/A"},
        C={"oneOf": [marked]},
        D={"$ref": "#/components/schemas/C", "readOnly": True},
        Loop={"allOf": [{"$ref": "#/components/schemas/Loop"}]},
    )
    below = "/components/schemas/"
    assert all(found.is_marked(pointer, "readOnly") for pointer in ("/root", f"{below}A", f"{below}B", f"{below}D"))
    assert not any(found.is_marked(pointer, "readOnly") for pointer in (f"{below}C", f"{below}Loop"))
    assert not found.is_marked("/root", "writeOnly")


def test_beside_a_reference_nothing_counts_before_3_1() -> None:
    schema = {"$ref": "#/components/schemas/A", "readOnly": True, "discriminator": {"propertyName": "kind"}}
    assert graph(schema, "3.1.0", A={}).is_marked("/root", "readOnly")
    assert not graph(schema, "3.0.3", A={}).is_marked("/root", "readOnly")
    assert graph(schema, "3.0.3", A={}).discriminator("/root") is None


def test_discriminators_of_each_version() -> None:
    schema = {
        "discriminator": {"propertyName": "kind", "mapping": {"a": "A", "b": "#/components/schemas/A", "c": "./x"}}
    }
    found = graph(schema, A={})
    assert found.discriminator("/root") == Discriminator(
        "kind", {"a": "/components/schemas/A", "b": "/components/schemas/A"}
    )
    assert [problem.message for problem in found.problems] == ["./x is no schema of this document"]
    assert graph({"discriminator": "kind"}, "2.0").discriminator("/root") == Discriminator("kind", {})
    assert graph({"discriminator": {}}).discriminator("/root") is None
    assert graph(True).discriminator("/root") is None


def test_schemas_have_names_where_they_are_kept_by_name() -> None:
    found = graph({"x-ms-discriminator-value": "own"}, **{"A/b": {}})
    assert found.names("/components/schemas/A~1b") == ("A/b",)
    assert found.names("/root") == ("own",)
    files = {"x-files": {"1": {"definitions": {"D": {}}, "other": {}}}}
    found = SchemaGraph(files, "2.0", Problems())
    assert found.names("/x-files/1/definitions/D") == ("D",)
    assert found.names("/x-files/1/other") == ()


def test_subtypes_are_found_in_other_files_too() -> None:
    heir = {"allOf": [{"$ref": "#/definitions/Pet"}]}
    found = SchemaGraph(
        {"definitions": {"Pet": {}}, "x-files": {"1": {"definitions": {"Cat": heir}}}}, "2.0", Problems()
    )
    assert found.subtypes("/definitions/Pet") == ["/x-files/1/definitions/Cat"]


def test_what_was_wrong_is_told_again_to_whom_asks_anew() -> None:
    found = graph({"properties": []})
    found.view("/root")
    problems = Problems()
    found.report_to(problems)
    found.view("/root")
    assert [problem.message for problem in problems] == ["this is not a schema"]


def test_values_are_found_by_pointer() -> None:
    found = graph({"a~b": [{"x": None}], "": {"y": 1}})
    assert found.value("/root/a~0b/0/x") is None
    assert found.value("/root//y") == 1
    for nowhere in ("/root/z", "/root/a~0b/7", "/root/a~0b/0/x/y", "/" + "a/" * 5_000):
        with pytest.raises(LookupError):
            found.value(nowhere)


def test_what_only_refers_means_what_it_refers_to() -> None:
    file = {"components": {"schemas": {"Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}]}}}}
    root = {
        "components": {
            "schemas": {
                "Pet": {"$ref": "#/components/schemas/Animal", "description": "The same."},
                "Animal": {
                    "discriminator": {"propertyName": "kind", "mapping": {"d": "#/dog", "r": "#/rock", "a": "Animal"}}
                },
                "Cat": {"$ref": "#/x-files/1/components/schemas/Cat"},
                "Lynx": {"allOf": [{"$ref": "#/components/schemas/Cat"}]},
                "Broken": {"allOf": [{"$ref": "gone.yaml"}, 1, {"$ref": "#/nowhere"}]},
                "Round": {"$ref": "#/components/schemas/Round"},
            }
        },
        "dog": {"allOf": [{"$ref": "#/hound"}]},
        "hound": {"allOf": [{"$ref": "#/components/schemas/Animal"}, {"$ref": "#/hound"}]},
        "rock": {"type": "object"},
        "x-files": {"1": file},
    }
    made = SchemaGraph(root, "3.1.0", Problems())
    assert made.ways("/components/schemas/Pet") == ["/components/schemas/Pet", "/components/schemas/Animal"]
    assert made.meant("/components/schemas/Cat") == "/x-files/1/components/schemas/Cat"
    assert made.meant("/rock") == "/rock"
    assert made.meant("/nowhere") == "/nowhere"
    assert made.meant("/components/schemas/Round") == "/components/schemas/Round"
    for pointer in ("/components/schemas/Pet", "/components/schemas/Animal"):
        assert made.subtypes(pointer) == ["/components/schemas/Cat", "/components/schemas/Lynx", "/dog"]
    assert SchemaGraph({"A": {"$ref": "#/B", "minimum": 1}, "B": {}}, "3.1.0", Problems()).meant("/A") == "/A"
    assert SchemaGraph({"A": {"$ref": "#/B", "minimum": 1}, "B": {}}, "3.0.3", Problems()).meant("/A") == "/B"


@rows(
    ("pattern", "text", "may"),
    [("^x-", "x-a", True), ("^x-", "a", False), ("(", "a", True), ("(?=a)b", "c", True), ("a" * 9000, "b", True)],
)
def test_a_pattern_that_can_not_be_used_may_match_anything(pattern: str, text: str, may: bool) -> None:
    assert graph({}).may_match(pattern, text) is may
