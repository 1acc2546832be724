"""How choices by a tag are written."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.compiling import compile_schema
from portcullis.engine.openapi.discriminators import Tags
from portcullis.engine.openapi.selections import branches, when

CAT: dict[str, Any] = {"properties": {"lives": {"type": "integer"}}}
REFERENCE = {"$ref": "#/$defs/7"}


def test_the_question_comes_before_the_schema() -> None:
    assert when("kind", ["cat"], REFERENCE) == {
        "x-tag": ["cat"],
        "properties": {"kind": {"const": "cat"}},
        "required": ["kind"],
        "$ref": "#/$defs/7",
    }
    assert when("kind", ["a", "b"], CAT) == {
        "x-tag": ["a", "b"],
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "allOf": [CAT],
    }
    assert when("kind", ["a"], False) is False


def test_alternatives_that_are_written_in_place_say_where() -> None:
    tags = Tags("kind", (("cat",), ("dog",), ()))
    found = list(branches(tags, "oneOf", ["/a/0", "/a/1", "/a/2"], [dict(CAT), dict(REFERENCE), {"type": "null"}]))
    assert [branch.get("x-tag") for branch in found if isinstance(branch, dict)] == [["cat"], ["dog"], None]
    assert isinstance(found[0], dict)
    assert found[0]["allOf"] == [{**CAT, "x-source": "/a/0"}]
    assert found[2] == {"type": "null", "x-source": "/a/2"}


@rows(
    ("value", "fits"),
    [
        ({"kind": "cat", "lives": 9}, True),
        ({"kind": "cat", "lives": "x"}, False),
        ({"kind": "dog", "lives": "x"}, True),
        ({"lives": 9}, False),
        ({"lives": "x"}, True),
        ({"kind": "cow"}, False),
    ],
)
def test_without_the_tag_they_are_alternatives_as_ever(value: Any, fits: bool) -> None:
    """``lives: 9`` fits both, ``lives: "x"`` only the second."""
    tags = Tags("kind", (("cat",), ("dog",)), is_required=False)
    found = list(branches(tags, "oneOf", ["/a/0", "/a/1"], [dict(CAT), {}]))
    assert compile_schema({"anyOf": found}).is_valid(value) == fits
