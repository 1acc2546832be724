"""Texts become values by their shape."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portcullis.engine.openapi.arguments.values import MAX_CANDIDATES, candidates, unreadable_part
from portcullis.engine.openapi.parameters import TEXT, Shape

INTEGER, NUMBER = Shape(("integer",)), Shape(("number",))
EITHER = Shape(("integer", "string"))
POINT = Shape((), properties={"x": INTEGER, "y": EITHER})


def test_a_text_is_each_of_its_types_that_it_can_be() -> None:
    assert candidates("5", Shape(("boolean", "integer", "string"))) == [5, "5"]
    assert candidates("x", INTEGER) == []


def test_a_list_is_read_alike_throughout() -> None:
    assert candidates(["1", "2"], Shape((), INTEGER)) == [[1, 2]]
    assert candidates(["1", "a", "2"], Shape((), EITHER)) == [[1, "a", 2], ["1", "a", "2"]]
    assert candidates(["1", "x"], Shape((), INTEGER)) == []
    assert candidates(["a", "1"], Shape((), INTEGER, (TEXT,))) == [["a", 1]]
    assert candidates([["1"], ["2", "3"]], Shape((), Shape((), INTEGER))) == [[[1], [2, 3]]]
    assert candidates([], Shape((), INTEGER)) == [[]]
    assert candidates(["1"], INTEGER) == []


def test_an_object_is_read_in_every_way() -> None:
    assert candidates({"x": "1", "y": "2"}, POINT) == [{"x": 1, "y": 2}, {"x": 1, "y": "2"}]
    assert candidates({"x": "a"}, POINT) == []
    assert candidates({"z": "5"}, POINT) == [{"z": "5"}]
    assert candidates({"z": "5"}, Shape((), properties={}, extra=NUMBER)) == [{"z": 5}]
    assert candidates({"x": "1"}, INTEGER) == []


def test_the_ways_to_read_an_object_are_bounded() -> None:
    shape = Shape((), properties={}, extra=EITHER)
    found = candidates({str(number): "1" for number in range(1_000)}, shape)
    assert len(found) == MAX_CANDIDATES
    assert set(found[0].values()) == {1}


def test_where_a_text_can_not_be_read() -> None:
    nested = Shape((), properties={"points": Shape((), POINT)})
    assert unreadable_part({"points": [{"x": "1"}, {"x": "a"}]}, nested) == (("points", 1, "x"), "a")
    assert unreadable_part("a", INTEGER) == ((), "a")
    assert unreadable_part(["1"], INTEGER) == ((0,), "1")
    assert unreadable_part({"points": []}, nested) == ((), "")


PARTS: Any = st.recursive(
    st.sampled_from(["1", "a", "true", ""]),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from("xyz"), below, max_size=3),
    max_leaves=12,
)
SHAPES: Any = st.recursive(
    st.sampled_from([INTEGER, EITHER, TEXT, Shape(())]),
    lambda below: st.builds(
        Shape,
        st.sampled_from([(), ("integer",), ("boolean", "string")]),
        st.none() | below,
        st.just(()),
        st.none() | st.dictionaries(st.sampled_from("xy"), below),
        st.none() | below,
    ),
    max_leaves=8,
)


@settings(max_examples=settings.default.max_examples // 2)
@given(PARTS, SHAPES)
def test_what_is_read_has_the_form_of_what_was_sent(parts: Any, shape: Shape) -> None:
    for value in candidates(parts, shape):
        assert form(value) == form(parts)


def form(value: Any) -> Any:
    if isinstance(value, list):
        return [form(item) for item in value]
    return {key: form(item) for key, item in value.items()} if isinstance(value, dict) else None
