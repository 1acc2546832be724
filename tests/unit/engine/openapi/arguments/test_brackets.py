"""Names in brackets."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.arguments.brackets import Tree, keys_of, parts_of, plant, undeclared_part
from portcullis.engine.openapi.arguments.errors import UnreadableError
from portcullis.engine.openapi.parameters import MAX_DEPTH, TEXT, Shape

SHAPE = Shape(
    (), properties={"a": TEXT, "list": Shape((), Shape((), properties={"b": TEXT})), "texts": Shape((), TEXT)}
)


def test_keys_stand_in_brackets() -> None:
    assert keys_of("[a]") == ("a",)
    assert keys_of("[a][0][b c]") == ("a", "0", "b c")
    assert keys_of("[a][]") == ("a", "")


@rows("text", ["[", "]", "[a", "a]", "[a]b", "[a]b[c]", "[[a]]", "[a[b]]", "[][a]", "[a]]", "[a] [b]"])
def test_what_is_no_row_of_keys(text: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        keys_of(text)
    assert caught.value.fault == "malformed"


def test_the_depth_is_bounded() -> None:
    assert len(keys_of("[a]" * MAX_DEPTH)) == MAX_DEPTH
    with pytest.raises(UnreadableError) as caught:
        keys_of("[a]" * (MAX_DEPTH + 1))
    assert caught.value.fault == "too deep"


@rows(
    ("keys", "position"),
    [
        (("a",), None),
        (("list", "0", "b"), None),
        (("texts", ""), None),
        (("x",), 0),
        (("a", "b"), 1),
        (("list", "x", "b"), 1),
        (("list", "0", "x"), 2),
        (("list", "01"), 1),
        (("list", "99999"), 1),
        (("texts", "-1"), 1),
    ],
)
def test_what_of_the_keys_is_not_declared(keys: tuple[str, ...], position: int | None) -> None:
    assert undeclared_part(keys, SHAPE) == position


def planted(*texts: tuple[str, str]) -> Tree:
    tree: Tree = {}
    for brackets, text in texts:
        plant(tree, keys_of(brackets), text)
    return tree


def test_texts_are_put_together() -> None:
    tree = planted(("[list][1][b]", "2"), ("[a]", "x"), ("[list][0][b]", "1"), ("[texts][]", "p"), ("[texts][]", "q"))
    assert parts_of(tree, SHAPE) == {"list": [{"b": "1"}, {"b": "2"}], "a": "x", "texts": ["p", "q"]}


@rows(
    ("texts", "path"),
    [
        ((("[a]", "1"), ("[a]", "2")), ("a",)),
        ((("[a]", "1"), ("[a][b]", "2")), ("a",)),
        ((("[a][b]", "1"), ("[a]", "2")), ("a",)),
        ((("[a][b]", "1"), ("[a][b][c]", "2")), ("a", "b")),
    ],
)
def test_a_place_holds_one_thing(texts: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableError) as caught:
        planted(*texts)
    assert (caught.value.fault, caught.value.path) == ("repeated", path)


@rows(
    ("texts", "path"),
    [
        ((("[texts][]", "1"), ("[texts][0]", "2")), ("texts",)),
        ((("[texts][1]", "1"),), ("texts",)),
        ((("[texts][0]", "1"), ("[texts][2]", "1")), ("texts",)),
        ((("[]", "1"),), ()),
        ((("[list][0][]", "1"),), ("list", 0)),
    ],
)
def test_lists_have_one_form_and_no_gaps(texts: Any, path: tuple[Any, ...]) -> None:
    with pytest.raises(UnreadableError) as caught:
        parts_of(planted(*texts), SHAPE)
    assert caught.value.path == path


def test_what_may_be_a_list_or_an_object_is_told_by_its_keys() -> None:
    both = Shape((), TEXT, properties={}, extra=TEXT)
    assert parts_of(planted(("[0]", "a"), ("[1]", "b")), both) == ["a", "b"]
    assert parts_of(planted(("[0]", "a"), ("[x]", "b")), both) == {"0": "a", "x": "b"}


def test_a_text_where_a_list_is_wanted_is_left_to_the_reading() -> None:
    assert parts_of(planted(("[texts]", "a")), SHAPE) == {"texts": "a"}
