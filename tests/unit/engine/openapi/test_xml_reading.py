"""Where the properties of a schema are in XML."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.shape_reading import UnsupportedError
from portcullis.engine.openapi.xml_reading import MAX_NODES, SpecXml, XmlName, read_xml

TEXT = {"type": "string"}


def xml(schema: Any, **schemas: Any) -> SpecXml:
    root = {"root": schema, "components": {"schemas": schemas}}
    return read_xml(SchemaGraph(root, "3.1.0", Problems()), "/root")


def names(schema: Any, **schemas: Any) -> list[tuple[str, list[str], bool]]:
    """Elements of the root: property, names, whether it is a list; attributes have an ``@``."""
    node = xml(schema, **schemas).nodes[0]
    found = [(f"@{each.property}", each) for each in node.attributes] + [
        (each.property, each) for each in node.elements
    ]
    return [(name, [name.local for name in each.names], each.is_list) for name, each in found]


def test_properties_are_elements_of_their_name_or_of_the_one_they_are_given() -> None:
    schema = {
        "type": "object",
        "properties": {"a": TEXT, "b": {**TEXT, "xml": {"name": "B"}}, "c": {**TEXT, "xml": {"attribute": True}}},
    }
    assert names(schema) == [("@c", ["c"], False), ("a", ["a"], False), ("b", ["B"], False)]


def test_lists_are_several_elements_or_wrapped_in_one() -> None:
    items = {**TEXT, "xml": {"name": "item"}}
    plain = {"type": "array", "items": TEXT}
    named = {"type": "array", "items": items, "xml": {"name": "ignored"}}
    wrapped = {"type": "array", "items": items, "xml": {"name": "list", "wrapped": True}}
    bare = {"type": "array", "items": TEXT, "xml": {"wrapped": True}}
    schema = {"type": "object", "properties": {"p": plain, "n": named, "w": wrapped, "b": bare}}
    assert names(schema) == [
        ("p", ["p"], True),
        ("n", ["item"], True),
        ("w", ["list"], False),
        ("b", ["b"], False),
    ]
    nodes = xml(schema).nodes
    inner = [nodes[each.node].items for each in nodes[0].elements if not each.is_list]
    assert [each and [name.local for name in each.names] for each in inner] == [["item"], ["b"]]


def test_a_component_has_the_name_of_its_property_or_its_own() -> None:
    tag = {"type": "object", "properties": {"n": TEXT}, "xml": {"name": "Tag"}}
    schema = {"type": "object", "properties": {"label": {"$ref": "#/components/schemas/T"}}}
    assert names(schema, T=tag) == [("label", ["label", "Tag"], False)]


def test_the_root_has_the_name_that_it_is_given_or_that_of_its_component() -> None:
    assert xml({**TEXT, "xml": {"name": "x", "namespace": "urn:x"}}).root == (XmlName("x", "urn:x"),)
    assert xml({"$ref": "#/components/schemas/Pet"}, Pet=TEXT).root == (XmlName("Pet"),)
    assert xml({"$ref": "#/components/schemas/Pet"}, Pet={**TEXT, "xml": {"name": "pet"}}).root == (XmlName("pet"),)
    assert xml(TEXT).root == ()


def test_recursive_schemas_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/N"}, "value": TEXT}}
    found = xml({"$ref": "#/components/schemas/N"}, N=node)
    assert len(found.nodes) == 3


def test_what_is_open_says_so() -> None:
    assert xml({"type": "object"}).nodes[0].is_open
    assert xml({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}).nodes[0].is_open
    assert not xml({"type": "object", "properties": {"a": TEXT}}).nodes[0].is_open
    assert read_xml(SchemaGraph({}, "3.1.0", Problems()), None).nodes[0].is_open


def test_types_of_text() -> None:
    node = xml({"type": ["integer", "string", "null"]}).nodes[0]
    assert (node.scalars, node.nullable, node.is_object) == (("integer", "string"), True, False)


@rows(
    "schema",
    [
        {"type": "array"},
        {
            "type": "object",
            "properties": {f"p{n}": {"type": "object", "properties": {"a": TEXT}} for n in range(MAX_NODES)},
        },
    ],
)
def test_what_has_no_place_or_too_many_can_not_be_read(schema: Any) -> None:
    with pytest.raises(UnsupportedError):
        xml(schema)
