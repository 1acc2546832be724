from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.inspection.collecting import collect_all, collector
from portcullis.engine.inspection.fields import ANYTHING, NOTHING, FieldReader
from portcullis.engine.inspection.parts import of_value

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer"},
        "note": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}},
        "free": {"type": "object"},
        "replies": {"type": "array", "items": {"$ref": "it"}},
    },
}
FIELD = FieldReader(lambda _reference: SCHEMA).read("it")


def collected(value: Any) -> list[str]:
    texts: list[str] = []
    collect = collector(FIELD)
    assert collect is not None
    collect(value, texts.append)
    return sorted(texts)


def test_only_what_may_hold_anything_is_collected() -> None:
    value = {
        "id": 5,
        "note": "n",
        "tags": ["a", "b"],
        "sizes": [1, 2],
        "labels": {"x": 1},
        "free": {"k": {"l": ["m", 1]}},
        "replies": [{"note": "r", "replies": [{"tags": ["deep"]}]}],
    }
    assert collected(value) == sorted(["n", "a", "b", "x", "k", "l", "m", "r", "deep"])


def test_values_of_other_types_than_declared_are_passed_over() -> None:
    assert collected({"note": None, "tags": "not a list", "replies": [5, None]}) == []
    assert collected("not an object") == []


def test_nothing_is_collected_where_nothing_can_be() -> None:
    assert collector(NOTHING) is None
    assert collector(ANYTHING) is collect_all


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=10,
)


@given(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMA["properties"], JSON)))  # type: ignore[call-overload]
def test_what_is_collected_is_what_the_parts_are(value: Any) -> None:
    assert collected(value) == sorted(part.text for part in of_value(value, FIELD, ("body",)))
    texts: list[str] = []
    collect_all(value, texts.append)
    assert sorted(texts) == sorted(part.text for part in of_value(value, ANYTHING, ("body",)))
