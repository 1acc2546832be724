"""What schemas say about one value is taken together."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.testing.generating_outlines import Outline, OutlineReader


def outline(schema: Any, *, choice: int = 0, version: str = "3.1.0", **schemas: Any) -> Outline:
    root = {"components": {"schemas": {"S": schema, **schemas}}}
    reader = OutlineReader(SchemaGraph(root, version, Problems()), lambda _pointer, _count: choice)
    return reader.read(["/components/schemas/S"])


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_the_stricter_of_two_rules_counts() -> None:
    found = outline({"type": "integer", "minimum": 1, "maximum": 9, "allOf": [{"minimum": 3}, {"maximum": 12}]})
    assert (found.type, found.bounds) == ("integer", {"minimum": 3, "maximum": 9})


def test_types_and_listed_values_are_what_all_allow() -> None:
    found = outline({"type": ["number", "null"], "enum": [1, 2, 3], "allOf": [{"type": "integer"}, {"enum": [2, 3]}]})
    assert (found.types, found.values) == (("integer",), [2, 3])
    assert outline({"const": "a"}).values == ["a"]


@rows(
    ("schema", "kind"),
    [
        ({"properties": {"a": {}}}, "object"),
        ({"items": {}}, "array"),
        ({"pattern": "a"}, "string"),
        ({"minimum": 1}, "number"),
        ({"minItems": 1}, "array"),
        ({"type": ["null", "boolean"]}, "boolean"),
        ({"type": "null"}, "null"),
        ({}, "string"),
    ],
)
def test_the_type_follows_from_what_is_said(schema: Any, kind: str) -> None:
    assert outline(schema).type == kind


def test_fields_come_from_references_and_all_parts() -> None:
    found = outline(
        {"allOf": [reference("A"), {"properties": {"b": {}}, "required": ["b"]}]}, A={"properties": {"a": {}}}
    )
    assert found.properties == {
        "a": ["/components/schemas/A/properties/a"],
        "b": ["/components/schemas/S/allOf/1/properties/b"],
    }
    assert list(found.required) == ["b"]
    assert (found.is_closed, found.is_chosen) == (True, False)


@rows("more", [{"additionalProperties": True}, {"patternProperties": {"^x": {}}}])
def test_who_speaks_of_other_fields_leaves_an_object_open(more: Any) -> None:
    assert not outline({"properties": {"a": {}}, **more}).is_closed
    assert not outline({"type": "object"}).is_closed
    assert outline({"properties": {"a": {}}, "additionalProperties": False}).is_closed


def test_an_alternative_is_chosen_that_can_be_meant() -> None:
    schema = {"type": "string", "oneOf": [{"type": "integer"}, {"minLength": 3}, {"maxLength": 2}]}
    assert outline(schema).bounds == {"minLength": 3}
    assert outline(schema, choice=1).bounds == {"maxLength": 2}
    assert outline(schema).is_chosen
    assert outline({"enum": [2], "anyOf": [{"const": 1}, {"const": 2}]}).values == [2]


def test_a_discriminator_says_what_the_tag_of_an_alternative_is() -> None:
    discriminator = {"propertyName": "kind", "mapping": {"feline": "#/components/schemas/Cat"}}
    schema = {"oneOf": [reference("Cat"), reference("Dog")], "discriminator": discriminator}
    animals = {"Cat": {"type": "object"}, "Dog": {"type": "object"}}
    assert outline(schema, **animals).tags == {"kind": "feline"}
    assert outline(schema, choice=1, **animals).tags == {"kind": "Dog"}


def test_an_heir_has_its_own_tag() -> None:
    base = {"type": "object", "properties": {"kind": {"type": "string"}}, "discriminator": {"propertyName": "kind"}}
    assert outline({"allOf": [reference("Base")]}, Base=base).tags == {"kind": "S"}


def test_nothing_fits_false_and_conditions_are_not_looked_at() -> None:
    assert outline(False).is_impossible
    assert outline({"if": {"type": "string"}, "then": {"minLength": 1}}).is_partial


def test_references_in_a_circle_end() -> None:
    assert outline(reference("A"), A=reference("B"), B=reference("A")).type == "string"
