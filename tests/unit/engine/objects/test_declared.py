"""What a document declares at a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import rows

from portcullis.engine.objects.declared import Meaning, Place, kind_of
from portcullis.engine.objects.syntax import EACH

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
OF = dict[str, Any]
Make = Callable[..., Place]


def of(**properties: Any) -> OF:
    return {"type": "object", "properties": properties}


@rows(
    ("schema", "words"),
    [
        (TEXT, "text"),
        (INTEGER, "an integer"),
        ({"type": "number"}, "a number"),
        ({"type": "boolean"}, "true or false"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": ["integer", "string"]}, "text or an integer"),
        ({"type": "array"}, "a list"),
        (of(), "an object"),
        ({}, "anything"),
        ({"enum": ["a", 1]}, "text or an integer"),
        ({"const": True}, "true or false"),
        ({"enum": [1.5, None, [1], {}]}, "a number or an object or a list or null"),
        ({"oneOf": [TEXT, INTEGER]}, "text or an integer"),
        ({"anyOf": [TEXT, {}]}, "anything"),
        ({"allOf": [{"type": ["string", "integer"]}, TEXT]}, "text"),
        ({"allOf": [TEXT, INTEGER]}, "nothing"),
        (False, "nothing"),
    ],
)
def test_kinds(schema: Any, words: str, place: Make) -> None:
    found = place(of(a=schema))
    below = found.field("a")
    assert ("nothing" if below is None else below.meaning.words) == words


def test_a_schema_that_leads_back_to_itself_is_read_to_its_end(place: Make) -> None:
    ref = {"$ref": "#/components/schemas/Node"}
    node = of(name=TEXT, below={"type": "array", "items": ref}, parent=ref)
    found = place(ref, Node=node)
    assert found.meaning.words == "an object"
    deep = found.below(("below", EACH, "parent", "below", EACH, "name"))
    assert deep is not None
    assert deep.meaning.words == "text"


def test_values_are_those_that_there_can_be(place: Make) -> None:
    found = place(of(state={"type": "string", "enum": ["open", "paid"]}, kind={"const": "a"}, any=TEXT))
    values = {name: found.field(name).meaning.values for name in found.names}  # type: ignore[union-attr]
    assert values == {"state": {"open", "paid"}, "kind": {"a"}, "any": None}


def test_fields_of_all_that_a_value_consists_of_are_declared(place: Make) -> None:
    schema = {
        "allOf": [of(a=TEXT), {"$ref": "#/components/schemas/B"}],
        "anyOf": [of(c=TEXT), of(c=INTEGER, d=TEXT)],
    }
    found = place(schema, B=of(b=TEXT))
    assert sorted(found.names) == ["a", "b", "c", "d"]
    both = found.field("c")
    assert both is not None
    assert both.meaning.words == "text or an integer"
    assert found.field("e") is None


@rows(
    ("schema", "is_open"),
    [
        (of(a=TEXT), False),
        ({"type": "object"}, True),
        ({}, True),
        ({**of(a=TEXT), "additionalProperties": True}, True),
        ({**of(a=TEXT), "additionalProperties": INTEGER}, True),
        ({**of(a=TEXT), "additionalProperties": False}, False),
        ({**of(a=TEXT), "patternProperties": {"^x": INTEGER}}, True),
        ({**of(a=TEXT), "patternProperties": {"^y": INTEGER}}, False),
        (TEXT, False),
        ({"type": "array", "items": TEXT}, False),
    ],
)
def test_a_field_that_is_not_named_is_declared_where_the_schema_is_open(
    schema: Any, is_open: bool, place: Make
) -> None:
    found = place(schema).field("x")
    assert (found is not None) is is_open


def test_a_field_for_the_other_direction_is_not_declared(place: Make) -> None:
    found = place(of(secret={"type": "string", "writeOnly": True}, a=TEXT))
    assert found.field("secret") is None
    assert found.names == ["a"]
    assert found.is_hidden("secret")
    assert not found.is_hidden("a")


def test_what_an_object_always_has(place: Make) -> None:
    found = place({**of(a=TEXT, b=TEXT), "required": ["a"]})
    assert found.requires("a")
    assert not found.requires("b")


def test_items_of_lists(place: Make) -> None:
    found = place({"type": "array", "items": of(a=TEXT), "prefixItems": [of(b=TEXT)]})
    items = found.items
    assert items is not None
    assert sorted(items.names) == ["a", "b"]
    assert place(TEXT).items is None
    anything = place({"type": "array"}).items
    assert anything is not None
    assert anything.meaning.words == "anything"
    of_texts = place(of(a={"type": "array", "items": TEXT})).field("a")
    assert of_texts is not None
    assert of_texts.meaning.item == Meaning(frozenset({"text"}))


def test_steps_that_lead_nowhere(place: Make) -> None:
    found = place(of(a={"type": "array", "items": TEXT}))
    assert found.below(("b", "c")) is None
    assert found.below((EACH,)) is None
    assert found.below(("a", EACH, "b")) is None


@rows(("value", "kind"), [("a", "text"), (1, "integer"), (True, "boolean")])
def test_the_kind_of_a_value(value: Any, kind: str) -> None:
    assert kind_of(value) == kind
