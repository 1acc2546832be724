"""What documents say about who sees and who sets fields."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import load_document, restore_document
from portcullis.engine.openapi.field_marks import FieldMark, FieldMarks, MarkNode

TEXT = {"type": "string"}
SUPPORT = {**TEXT, "x-portcullis-see": ["support"]}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def written(schema: Any, version: str = "3.1.0", components: Any = None, operation: Any = None) -> bytes:
    content = {"content": {"application/json": {"schema": schema}}}
    document = {
        "openapi": version,
        "info": {"title": "Things", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "It.", **content}}, **(operation or {})}}},
        "components": {"schemas": components or {}},
    }
    return orjson.dumps(document)


def marks_of(schema: Any, *arguments: Any) -> FieldMarks:
    return load_document("a.json", written(schema, *arguments)).field_marks


def seen(marks: FieldMarks, *way: str) -> FieldMark | None:
    """What is said of who sees the field that ``way`` leads to."""
    (root,) = marks.roots.values()
    node: MarkNode = marks.nodes[root]
    for step in way:
        number = node.fields.get(step, node.each)
        if number is None:
            return None
        node = marks.nodes[number]
    return node.see


def test_a_document_that_says_nothing_has_no_marks() -> None:
    assert marks_of(of(a=TEXT)) == FieldMarks()


def test_a_mark_is_found_at_its_field() -> None:
    marks = marks_of(of(a=SUPPORT, b=of(c={**SUPPORT, "x-portcullis-else": "mask"}), d=TEXT))
    mark = seen(marks, "a")
    assert mark is not None
    assert (mark.roles, mark.action) == (("support",), "drop")
    assert mark.pointer.endswith("/schema/properties/a/x-portcullis-see")
    below = seen(marks, "b", "c")
    assert below is not None
    assert below.action == "mask"
    assert seen(marks, "d") is None
    assert len(marks.nodes) == 4  # what leads nowhere is not kept


@rows(
    "schema",
    [
        {"allOf": [of(b=TEXT), of(a=SUPPORT)]},
        {"oneOf": [of(a=TEXT), of(a=SUPPORT)]},
        {"anyOf": [of(a=SUPPORT), of(c=TEXT)]},
        of(a={"$ref": "#/components/schemas/Secret"}),
        of(a={"allOf": [{"$ref": "#/components/schemas/Secret"}]}),
        {"$ref": "#/components/schemas/Whole"},
        {"if": of(b=TEXT), "then": of(a=SUPPORT)},
        {"additionalProperties": SUPPORT},
        {"patternProperties": {"^a": SUPPORT}},
        {**of(a=TEXT), "patternProperties": {"^a": SUPPORT}},
        {"oneOf": [of(a=TEXT), {"type": "object", "additionalProperties": SUPPORT}]},
        {"oneOf": [of(a=TEXT), {"patternProperties": {"^a": SUPPORT, "^b": TEXT}}]},
        {"anyOf": [of(a=TEXT), {**of(b=TEXT), "unevaluatedProperties": SUPPORT}]},
    ],
)
def test_a_mark_holds_however_a_schema_comes_to_it(schema: Any) -> None:
    mark = seen(marks_of(schema, "3.1.0", {"Secret": SUPPORT, "Whole": of(a=SUPPORT)}), "a")
    assert mark is not None
    assert mark.roles == ("support",)


@rows("pattern", ["(", "[", "(?<!a)b", "(?=x)y"])
def test_a_pattern_that_can_not_be_used_may_be_of_any_field(pattern: str) -> None:
    mark = seen(marks_of({**of(a=TEXT), "patternProperties": {pattern: SUPPORT}}), "a")
    assert mark is not None
    assert mark.roles == ("support",)


def test_what_is_said_of_all_other_fields_is_not_said_of_one_that_is_named() -> None:
    marks = marks_of({**of(a=TEXT), "patternProperties": {"^b": TEXT}, "additionalProperties": SUPPORT})
    assert (seen(marks, "a"), seen(marks, "c") is None) == (None, False)


def test_items_of_lists() -> None:
    marks = marks_of({"type": "array", "items": of(a=SUPPORT), "prefixItems": [of(b=SUPPORT)]})
    assert seen(marks, "*", "a") is not None
    assert seen(marks, "*", "b") is not None


@rows("version", ["3.0.3", "3.1.0"])
def test_a_mark_beside_a_reference_counts_whatever_the_version(version: str) -> None:
    schema = of(a={"$ref": "#/components/schemas/Text", "x-portcullis-see": []})
    mark = seen(marks_of(schema, version, {"Text": TEXT}), "a")
    assert mark is not None
    assert mark.roles == ()


def test_what_several_say_holds_together() -> None:
    both = {
        "allOf": [{**TEXT, "x-portcullis-see": ["a", "b"], "x-portcullis-else": "mask"}, {"x-portcullis-see": ["b"]}]
    }
    mark = seen(marks_of(of(a=both)), "a")
    assert mark is not None
    assert (mark.roles, mark.action) == (("b",), "drop")
    mark = seen(marks_of(of(a={"allOf": [SUPPORT, {"x-portcullis-see": "everyone"}]})), "a")
    assert mark is not None
    assert mark.roles == ("support",)
    mark = seen(marks_of(of(a={**TEXT, "x-portcullis-see": "everyone"})), "a")
    assert mark is not None
    assert mark.roles is None


def test_a_schema_may_hold_itself() -> None:
    node = of(secret=SUPPORT, child={"$ref": "#/components/schemas/Node"}, other=TEXT)
    marks = marks_of({"$ref": "#/components/schemas/Node"}, "3.1.0", {"Node": node})
    assert seen(marks, *["child"] * 20, "secret") is not None
    assert len(marks.nodes) < 6


def test_a_named_field_is_kept_beside_all_others() -> None:
    marks = marks_of({**of(a=TEXT), "additionalProperties": SUPPORT})
    assert seen(marks, "b") is not None
    assert seen(marks, "a") is None


def test_bodies_say_who_sets_their_fields() -> None:
    body = {"content": {"application/json": {"schema": of(a={**TEXT, "x-portcullis-set": ["boss"]})}}}
    operation = {"requestBody": body}
    marks = load_document("a.json", written(of(), operation=operation)).field_marks
    (root,) = marks.roots.values()
    mark = marks.nodes[marks.nodes[root].fields["a"]].set
    assert mark is not None
    assert (mark.roles, mark.action) == (("boss",), "refuse")


@rows(
    ("schema", "message"),
    [
        ({"x-portcullis-see": "support"}, "this is no list of roles"),
        ({"x-portcullis-see": [1]}, "this is no list of roles"),
        ({"x-portcullis-see": {}}, "this is no list of roles"),
        ({"x-portcullis-see": [], "x-portcullis-else": "hide"}, "this is not what could become of a field"),
        ({"x-portcullis-see": [], "x-portcullis-set-else": "strip"}, "nothing says who may set the field"),
        ({"x-portcullis-else": "mask"}, "nothing says who may see the field"),
        ({"x-portcullis-sea": []}, "there is no such extension"),
    ],
)
def test_a_mistake_is_told_where_it_stands(schema: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        marks_of(of(a={**TEXT, **schema}))
    (diagnostic,) = error.value.diagnostics
    assert message in diagnostic.message
    assert "/schema/properties/a/x-portcullis-" in diagnostic.pointer


@rows(
    "operation",
    [
        {"x-portcullis-see": ["support"]},
        {"parameters": [{"name": "q", "in": "query", "schema": SUPPORT}]},
    ],
)
def test_a_mark_where_nothing_reads_it_is_a_mistake(operation: Any) -> None:
    with pytest.raises(ConfigurationError, match="this is no schema of a field"):
        load_document("a.json", written(of(a=SUPPORT), operation=operation))


def test_what_no_operation_uses_may_be_marked() -> None:
    assert marks_of(of(a=TEXT), "3.1.0", {"Unused": of(a=SUPPORT)}) == FieldMarks()


def test_marks_are_stored_with_their_document() -> None:
    data = written(of(a=SUPPORT))
    document = load_document("a.json", data)
    restored = restore_document(document.dump(), "a.json", data)
    assert restored is not None
    assert restored.field_marks == document.field_marks
    assert restored.field_marks.roots
