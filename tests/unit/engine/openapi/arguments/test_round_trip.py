"""What is written by a style is read back: every location, style and form of value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

Encode = Callable[[str], str]


def percent(text: str) -> str:
    return quote(text, safe="")


def as_it_is(text: str) -> str:
    return text


def text_of(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


# How RFC 6570 and OpenAPI's tables write a value, as plainly as they say it.


def joined(value: Any, encode: Encode, separator: str, *, explode: bool, between: str = ",") -> str:
    if isinstance(value, list):
        return separator.join(encode(text_of(item)) for item in value)
    if isinstance(value, dict):
        mark = "=" if explode else between
        return separator.join(encode(name) + mark + encode(text_of(item)) for name, item in value.items())
    return encode(text_of(value))


def simple(name: str, value: Any, explode: bool, encode: Encode) -> str:
    return joined(value, encode, ",", explode=explode)


def label(name: str, value: Any, explode: bool, encode: Encode) -> str:
    return "." + joined(value, encode, "." if explode else ",", explode=explode)


def matrix(name: str, value: Any, explode: bool, encode: Encode) -> str:
    if explode and isinstance(value, list):
        return "".join(f";{encode(name)}={encode(text_of(item))}" for item in value)
    if explode and isinstance(value, dict):
        return "".join(f";{encode(key)}={encode(text_of(item))}" for key, item in value.items())
    return f";{encode(name)}={joined(value, encode, ',', explode=False)}"


def form(name: str, value: Any, explode: bool, encode: Encode) -> str:
    if explode and isinstance(value, list):
        return "&".join(f"{encode(name)}={encode(text_of(item))}" for item in value)
    if explode and isinstance(value, dict):
        return joined(value, encode, "&", explode=True)
    return f"{encode(name)}={joined(value, encode, ',', explode=False)}"


def space(name: str, value: Any, explode: bool, encode: Encode) -> str:
    return f"{encode(name)}={joined(value, encode, '%20', explode=False, between='%20')}"


def pipe(name: str, value: Any, explode: bool, encode: Encode) -> str:
    return f"{encode(name)}={joined(value, encode, '|', explode=False, between='|')}"


def deep(name: str, value: Any, explode: bool, encode: Encode) -> str:
    pairs: list[str] = []

    def write(here: str, part: Any) -> None:
        if isinstance(part, dict):
            for key, item in part.items():
                write(f"{here}[{encode(key)}]", item)
        elif isinstance(part, list) and any(isinstance(item, dict) for item in part):
            for index, item in enumerate(part):
                write(f"{here}[{index}]", item)
        elif isinstance(part, list):
            for item in part:
                write(f"{here}[]", item)
        else:
            pairs.append(f"{here}={encode(text_of(part))}")

    write(encode(name), value)
    return "&".join(pairs)


# What is written.

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6)
TOKENS = st.text(st.sampled_from("abcXYZ019-_~!*"), min_size=1, max_size=6)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = {
    "string": TEXTS,
    "integer": INTEGERS,
    "boolean": st.booleans(),
    "number": st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 3) + 0.0),
}
FIELDS = {"s": "string", "n": "integer", "b+": "boolean"}
SCHEMAS: dict[str, Any] = {
    **{kind: {"type": kind} for kind in SCALARS},
    "strings": {"type": "array", "items": {"type": "string"}},
    "integers": {"type": "array", "items": {"type": "integer"}},
    "object": {"type": "object", "properties": {name: {"type": kind} for name, kind in FIELDS.items()}},
    "free": {"type": "object", "additionalProperties": {"type": "integer"}},
}


def values_of(kind: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    scalars = {**SCALARS, "string": texts}
    if kind in scalars:
        return scalars[kind]
    if kind in ("strings", "integers"):
        return st.lists(scalars[kind[:-1]], min_size=1, max_size=4)
    if kind == "object":
        fields = {name: scalars[each] for name, each in FIELDS.items()}
        return st.fixed_dictionaries({}, optional=fields).filter(bool)
    names = texts.filter(lambda name: name != "p")
    return st.dictionaries(names, INTEGERS, min_size=1, max_size=3)


Write = Callable[[str, Any, bool, Encode], str]
STYLES: list[tuple[str, str, bool, Write, Encode, st.SearchStrategy[str]]] = [
    ("path", "simple", False, simple, percent, TEXTS),
    ("path", "simple", True, simple, percent, TEXTS),
    ("path", "label", False, label, percent, TEXTS),
    ("path", "label", True, label, percent, TOKENS),
    ("path", "matrix", False, matrix, percent, TEXTS),
    ("path", "matrix", True, matrix, percent, TEXTS),
    ("query", "form", False, form, percent, TEXTS),
    ("query", "form", True, form, percent, TEXTS),
    ("query", "spaceDelimited", False, space, percent, TOKENS),
    ("query", "pipeDelimited", False, pipe, percent, TOKENS),
    ("query", "deepObject", True, deep, percent, TEXTS.filter(lambda text: not set(text) & set("[]"))),
    ("header", "simple", False, simple, as_it_is, TOKENS),
    ("header", "simple", True, simple, as_it_is, TOKENS),
    ("cookie", "form", False, form, percent, TEXTS),
]
CASES = [pytest.param(*style, id=f"{style[0]}-{style[1]}-{style[2]}") for style in STYLES]


def request_of(location: str, written: str) -> dict[str, Any]:
    if location == "path":
        return {"path": f"/a/{written}"}
    if location == "query":
        return {"query": written}
    return {"fields": [("p" if location == "header" else "cookie", written)]}


@pytest.mark.parametrize("examples", [10, pytest.param(300, marks=pytest.mark.slow)])
@rows(("location", "style", "explode", "write", "encode", "texts"), CASES)
def test_what_is_written_is_read_back(
    operate: Any,
    location: str,
    style: str,
    explode: bool,
    write: Write,
    encode: Encode,
    texts: st.SearchStrategy[str],
    examples: int,
) -> None:
    operations = {
        kind: operate(
            {"name": "p", "in": location, "style": style, "explode": explode, "schema": schema},
            path="/a/{p}" if location == "path" else "/a",
        )
        for kind, schema in SCHEMAS.items()
    }
    written_of = {kind: values_of(kind, texts) for kind in SCHEMAS}

    @settings(max_examples=examples)
    @given(st.data(), st.sampled_from(sorted(SCHEMAS)))
    def back(data: st.DataObject, kind: str) -> None:
        value = data.draw(written_of[kind])
        if location == "header" and not str(value).isascii():
            return  # what is not ASCII can't be written in a field as it is
        written = write("p", value, explode, encode)
        if location == "path" and written.strip(".") == "":
            return  # a dot segment: no path parameter
        assert operations[kind].read(**request_of(location, written)) == {"p": value}

    back()


NESTED = {
    "type": "object",
    "properties": {
        "s": {"type": "string"},
        "n": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "integer"}},
        "inner": {"type": "object", "properties": {"on": {"type": "boolean"}, "texts": SCHEMAS["strings"]}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
NESTED_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "s": TEXTS,
        "n": INTEGERS,
        "list": st.lists(INTEGERS, min_size=1, max_size=12),
        "inner": st.fixed_dictionaries({"on": st.booleans()}, optional={"texts": st.lists(TEXTS, min_size=1)}),
        "lines": st.lists(st.fixed_dictionaries({"sku": TEXTS}), min_size=1, max_size=12),
    },
).filter(bool)


def test_objects_in_objects_are_read_back(operate: Any) -> None:
    operation = operate({"name": "p", "in": "query", "style": "deepObject", "schema": NESTED})

    @settings(max_examples=settings.default.max_examples // 4)
    @given(NESTED_VALUES, st.randoms(use_true_random=False))
    def back(value: Mapping[str, Any], random: Any) -> None:
        assert operation.read(query=deep("p", value, True, percent)) == {"p": value}
        shuffled = deep("p", {name: item for name, item in value.items() if name != "list"}, True, percent).split("&")
        shuffled = [pair for pair in shuffled if "%5B%5D" not in pair and "[]" not in pair and pair]
        ordered = operation.values(query="&".join(shuffled))
        random.shuffle(shuffled)
        assert operation.values(query="&".join(shuffled)) == ordered

    back()


def test_lists_in_spread_objects_are_read_back(operate: Any) -> None:
    schema = {"type": "object", "properties": {"page": {"type": "integer"}, "sort": SCHEMAS["strings"]}}
    operation = operate({"name": "p", "in": "query", "schema": schema})

    @given(INTEGERS, st.lists(TEXTS, min_size=1))
    def back(page: int, sort: list[str]) -> None:
        written = f"page={page}&{form('sort', sort, True, percent)}"
        assert operation.read(query=written) == {"p": {"page": page, "sort": sort}}

    back()
