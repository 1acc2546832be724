"""Texts are taken apart by their style."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.arguments.errors import UnreadableError
from portcullis.engine.openapi.arguments.percent import decode
from portcullis.engine.openapi.arguments.splitting import MAX_ITEMS, splits_of
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import TEXT, Shape

LIST = Shape((), TEXT)
OBJECT = Shape((), properties={})
ANY = Shape(("string",), TEXT, properties={})


def split(shape: Shape, style: Any, text: str, *, explode: bool = False, **more: Any) -> list[Any]:
    """What ``text`` is taken apart to, in each way there is."""
    parameter = SpecParameter("color", "path", "", "", shape, True, style, explode, **more)
    return [each(text) for each in splits_of(parameter, decode)]


@rows(
    ("style", "explode", "text", "parts"),
    [
        ("simple", False, "blue,black", ["blue", "black"]),
        ("simple", True, "blue,black", ["blue", "black"]),
        ("simple", False, "R,100,G,200", {"R": "100", "G": "200"}),
        ("simple", True, "R=100,G=200", {"R": "100", "G": "200"}),
        ("label", False, ".blue,black", ["blue", "black"]),
        ("label", True, ".blue.black", ["blue", "black"]),
        ("label", False, ".R,100,G,200", {"R": "100", "G": "200"}),
        ("label", True, ".R=100.G=200", {"R": "100", "G": "200"}),
        ("matrix", False, ";color=blue,black", ["blue", "black"]),
        ("matrix", True, ";color=blue;color=black", ["blue", "black"]),
        ("matrix", False, ";color=R,100,G,200", {"R": "100", "G": "200"}),
        ("matrix", True, ";R=100;G=200", {"R": "100", "G": "200"}),
        ("form", False, "blue,black", ["blue", "black"]),
        ("form", False, "R,100,G,200", {"R": "100", "G": "200"}),
    ],
)
def test_every_style(style: Any, explode: bool, text: str, parts: Any) -> None:
    assert split(LIST if isinstance(parts, list) else OBJECT, style, text, explode=explode) == [parts]


@rows(("style", "text"), [("simple", "b%2Cc"), ("label", ".b%2Cc"), ("matrix", ";color=b%2Cc"), ("form", "b%2Cc")])
def test_one_text_is_decoded_after_it_is_split(style: Any, text: str) -> None:
    assert split(Shape(("string",)), style, text) == ["b,c"]
    assert split(LIST, style, text) == [["b,c"]]
    assert split(LIST, style, f"{text},d") == [["b,c", "d"]]


def test_separators_that_are_always_encoded_are_found_after_decoding() -> None:
    assert split(LIST, "delimited", "a%7Cb|c", separators=("|",)) == [["a", "b", "c"]]
    assert split(LIST, "delimited", "a%09b", separators=("\t",)) == [["a", "b"]]
    assert split(OBJECT, "delimited", "R|1|G|2", separators=("|",)) == [{"R": "1", "G": "2"}]


def test_lists_in_lists_have_a_separator_each() -> None:
    nested = Shape((), LIST)
    assert split(nested, "delimited", "a,b|c", separators=("|", ",")) == [[["a", "b"], ["c"]]]


def test_a_name_alone_has_the_empty_value() -> None:
    assert split(Shape(("string",)), "matrix", ";color") == [""]
    assert split(OBJECT, "matrix", ";R;G=1", explode=True) == [{"R": "", "G": "1"}]
    assert split(LIST, "matrix", ";color;color=1", explode=True) == [["", "1"]]


def test_what_may_be_several_things_is_taken_apart_in_every_way() -> None:
    assert split(ANY, "simple", "a,b") == ["a,b", ["a", "b"], {"a": "b"}]
    assert split(ANY, "form", "a", explode=True) == ["a"]
    assert split(ANY, "deepObject", "a", explode=True) == ["a"]


@rows(
    ("style", "explode", "shape", "text"),
    [
        ("label", False, LIST, "blue"),
        ("label", True, OBJECT, ""),
        ("matrix", False, LIST, "color=blue"),
        ("matrix", False, LIST, ";colour=blue"),
        ("matrix", False, LIST, ";"),
        ("matrix", True, LIST, ";color=blue;colour=black"),
        ("matrix", True, OBJECT, "R=1"),
        ("simple", False, OBJECT, "R,100,G"),
        ("simple", False, OBJECT, "R,1,R,2"),
        ("simple", True, OBJECT, "R=1,R=2"),
        ("simple", False, LIST, "%zz"),
    ],
)
def test_what_is_not_written_so_is_refused(style: Any, explode: bool, shape: Shape, text: str) -> None:
    with pytest.raises(ValueError):
        split(shape, style, text, explode=explode)


@rows("shape", [LIST, OBJECT])
def test_a_text_has_so_many_parts(shape: Shape) -> None:
    names = [str(number) for number in range(MAX_ITEMS)]
    assert len(split(LIST, "simple", ",".join(names))[0]) == MAX_ITEMS
    with pytest.raises(UnreadableError) as caught:
        split(shape, "simple", ",".join([*names, "x", "y"]))
    assert caught.value.fault == "too many"
