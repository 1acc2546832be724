"""Changing a JSON text in places."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.objects.json_text import Edit, edited, is_object, items, members

EXACT = b'{"a": 1.10, "b": 12345678901234567.25, "c": [1e2, {"d": -0, "e": 1}], "\\u0066": 0.10}'


def test_all_that_is_not_changed_stays_as_it_was_written() -> None:
    edit = Edit(below={"c": Edit(below={1: Edit(dropped=("e",))})}, dropped=())
    assert edited(EXACT, edit) == b'{"a":1.10,"b":12345678901234567.25,"c":[1e2,{"d":-0}],"f":0.10}'


@rows(
    ("edit", "text"),
    [
        (Edit(text=b"1"), b"1"),
        (Edit(dropped=("a", "b", "f")), b'{"c":[1e2, {"d": -0, "e": 1}]}'),
        (Edit(below={"a": Edit(text=b"null")}, dropped=("b", "c", "f")), b'{"a":null}'),
        (Edit(below={"c": Edit(kept=[0])}, dropped=("a", "b", "f")), b'{"c":[1e2]}'),
        (Edit(below={"c": Edit(dropped=(0,))}, dropped=("a", "b", "f")), b'{"c":[{"d": -0, "e": 1}]}'),
        (
            Edit(below={"c": Edit(below={1: Edit(dropped=("d",))}, dropped={0})}, dropped=("a", "b", "f")),
            b'{"c":[{"e":1}]}',
        ),
        (Edit(below={"c": Edit(kept=[])}, dropped=("a", "b", "f")), b'{"c":[]}'),
        (
            Edit(below={"c": Edit(below={1: Edit(below={"d": Edit(text=b"2")})}, kept=[1])}, dropped=("a", "b", "f")),
            b'{"c":[{"d":2,"e":1}]}',
        ),
    ],
)
def test_what_changes(edit: Edit, text: bytes) -> None:
    if text.startswith(b'{"c":[1e2, '):
        text = b'{"c":[1e2, {"d": -0, "e": 1}]}'
    assert edited(EXACT, edit) == text


def test_space_around_a_text_does_not_matter() -> None:
    assert edited(b" \n[1, 2]\n", Edit(kept=[1])) == b"[2]"
    assert edited(b'\t{"a": 1}', Edit(dropped=("a",))) == b"{}"
    assert is_object(b' \r\n{"a": 1}')
    assert not is_object(b" [1]")
    assert not is_object(b"1")


def test_parts_are_as_they_are_written() -> None:
    assert {name: bytes(part) for name, part in members(b'{"a": 1.0, "b": [ ]}').items()} == {"a": b"1.0", "b": b"[ ]"}
    assert [bytes(part) for part in items(b"[1.0, { }]")] == [b"1.0", b"{ }"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.data())
def test_a_text_says_afterwards_what_the_change_says(value: Any, data: st.DataObject) -> None:
    edit, expected = change(value, data)
    assert orjson.loads(edited(orjson.dumps(value), edit)) == expected


def change(value: Any, data: st.DataObject) -> tuple[Edit, Any]:
    """Some change of ``value``, and what it makes of it."""
    if not isinstance(value, dict | list) or data.draw(st.integers(0, 9)) == 0:
        return Edit(text=b'"new"'), "new"
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    chosen = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    below = {key: change(value[key], data) for key in chosen}
    edits = {key: edit for key, (edit, _) in below.items()}
    others = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    if isinstance(value, dict):
        changed = {key: below[key][1] if key in below else each for key, each in value.items()}
        return Edit(below=edits, dropped=others), {key: each for key, each in changed.items() if key not in others}
    kept = sorted(others)
    listed = [below[key][1] if key in below else each for key, each in enumerate(value)]
    return Edit(below=edits, kept=kept), [listed[number] for number in kept]
