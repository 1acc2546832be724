"""Forms become the objects that their schemas describe."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.form_body import FormBody, has_still
from portcullis.engine.openapi.form_reading import read_form
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems

TEXT = {"type": "string"}
LINE = {"type": "object", "properties": {"sku": TEXT, "qty": {"type": "integer"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "age": {"type": "integer"},
        "ok": {"type": "boolean"},
        "either": {"type": ["integer", "string"]},
        "tags": {"type": "array", "items": TEXT},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "where": {"type": "object", "properties": {"x": {"type": "number"}}},
        "lines": {"type": "array", "items": LINE},
    },
}
ENCODING = {
    "ids": {"style": "pipeDelimited"},
    "lines": {"style": "deepObject", "explode": True},
}


def body(schema: Any = SCHEMA, undeclared: Any = "refuse", fits: Any = lambda _values: True) -> FormBody:
    graph = SchemaGraph({"root": {"schema": schema}}, "3.1.0", Problems())
    form = read_form(graph, "/root", "/root/schema", ENCODING, [])
    names = {field.schema: f"key of {field.name}" for field in form.fields if field.schema is not None}
    return FormBody("k", form, names, fits, undeclared)


def fault(text: bytes, schema: Any = SCHEMA) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(BodyError) as caught:
        body(schema).read(text)
    return caught.value.fault, caught.value.path


@rows(
    ("text", "value"),
    [
        (b"", {}),
        (b"name=a+b%20c&age=-7&ok=false", {"name": "a b c", "age": -7, "ok": False}),
        (b"n%61me=%C3%A9", {"name": "é"}),
        (b"tags=a&tags=b,c", {"tags": ["a", "b,c"]}),
        (b"ids=1%7C2", {"ids": [1, 2]}),
        (b"where=%7B%22x%22%3A1.5%7D", {"where": {"x": 1.5}}),
        (
            b"lines[0][sku]=a&lines[0][qty]=1&lines%5B1%5D%5Bsku%5D=b",
            {"lines": [{"sku": "a", "qty": 1}, {"sku": "b"}]},
        ),
        (b"either=7", {"either": 7}),
        (b"name=", {"name": ""}),
    ],
)
def test_a_form_becomes_an_object(text: bytes, value: Any) -> None:
    assert body().read(text) == (value, None)


@rows(
    ("text", "fault_and_path"),
    [
        (b"admin=1", ("undeclared", ("admin",))),
        (b"Name=a", ("undeclared", ("Name",))),
        (b"name[]=a", ("undeclared", ("name[]",))),
        (b"lines[0][x]=1", ("undeclared", ("lines", "0", "x"))),
        (b"name=a&name=b", ("duplicate", ("name",))),
        (b"lines[0][sku]=a&lines[0][sku]=b", ("duplicate", ("lines", "0", "sku"))),
        (b"age=ten", ("type", ("age",))),
        (b"ids=1%7Cx", ("type", ("ids", 1))),
        (b"lines[0][qty]=x", ("type", ("lines", 0, "qty"))),
        (b"where=x", ("type", ("where",))),
        (b"where={%22x%22:1,%22x%22:2}", ("type", ("where",))),
        (b"name=%ff", ("type", ("name",))),
        (b"name=%zz", ("type", ("name",))),
        (b"n%ff=1", ("malformed", ())),
        (b"name=a;admin=1", ("malformed", ("name",))),
        (b"name=a%00b", ("malformed", ())),
        (b"name=a b", ("malformed", ())),
        (b"name=a\r\n", ("malformed", ())),
        ("name=é".encode(), ("malformed", ())),
        (b"&".join([b"tags=x"] * 1001), ("limit", ())),
    ],
)
def test_what_is_wrong_with_a_form_is_said(text: bytes, fault_and_path: tuple[str, tuple[str | int, ...]]) -> None:
    assert fault(text) == fault_and_path


def test_fields_of_any_name_are_read_where_there_may_be_some() -> None:
    assert body({"type": "object"}).read(b"a=1&b=x").value == {"a": "1", "b": "x"}
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert body(numbers).read(b"a=1").value == {"a": 1}
    assert fault(b"a=x", numbers) == ("type", ("a",))


def test_of_several_types_the_one_that_fits_is_taken() -> None:
    def only_text(values: Any) -> bool:
        return isinstance(values.get("key of either", ""), str)

    assert body(fits=only_text).read(b"either=7").value == {"either": "7"}


def test_a_required_object_without_fields_is_not_written_and_there() -> None:
    required = {**SCHEMA, "required": ["lines"], "properties": {**SCHEMA["properties"], "lines": LINE}}
    assert body(required).read(b"name=a").value == {"name": "a", "lines": {}}
    with pytest.raises(BodyError) as caught:
        body({**SCHEMA, "required": ["lines"]}).read(b"name=a")
    assert (caught.value.fault, caught.value.detail) == ("missing", "The field lines is required.")


def test_what_is_not_declared_is_left_out_or_passed_over() -> None:
    content = body(undeclared="strip").read(b"x=1&name=a&lines[0][x]=1&lines[0][sku]=a")
    assert content == ({"name": "a", "lines": [{"sku": "a"}]}, b"name=a&lines[0][sku]=a")
    assert body(undeclared="allow").read(b"x=1&name=a") == ({"name": "a"}, None)


def test_a_form_is_written_without_what_was_taken_out() -> None:
    text = b"name=a%20b&age=1&where=%7B%22x%22%3A1%2C%22y%22%3A2%7D&lines[0][sku]=a&lines[0][qty]=1"
    value = {"name": "a b", "where": {"x": 1}, "lines": [{"sku": "a"}]}
    assert body().write(text, value) == b"name=a%20b&where=%7B%22x%22%3A1%7D&lines[0][sku]=a"


def test_what_can_not_be_written_so_that_it_says_what_was_checked_is_not_written() -> None:
    assert body().write(b"tags=a&tags=b", {"tags": ["a"]}) is None


@rows("undeclared", ["refuse", "strip", "allow"])
@rows("text", [b"_method=DELETE", b"name=a&_m%65thod=DELETE", b"_charset_=utf-7"])
def test_no_field_says_how_the_request_is_to_be_read_unless_it_is_declared(undeclared: str, text: bytes) -> None:
    anything = {"type": "object", "properties": {"name": TEXT}, "additionalProperties": TEXT}
    with pytest.raises(BodyError) as caught:
        body(anything, undeclared).read(text)
    assert caught.value.fault == "undeclared"
    if undeclared == "allow":
        with pytest.raises(BodyError):
            body(undeclared=undeclared).read(text)
    declared = {"type": "object", "properties": {"name": TEXT, "_method": TEXT, "_charset_": TEXT}}
    assert body(declared, undeclared).read(text).value


@rows(
    ("keys", "expected"),
    [
        (("a",), True),
        (("a", "b"), True),
        (("a", "b", "1"), True),
        (("a", "b", ""), True),
        (("a", "b", "2"), False),
        (("a", "b", "x"), False),
        (("a", "c"), False),
        (("a", "b", "0", "x"), False),
    ],
)
def test_whether_something_is_still_there(keys: tuple[str, ...], expected: bool) -> None:
    assert has_still({"a": {"b": [1, 2]}}, keys) is expected


@settings(max_examples=settings.default.max_examples // 2)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            "age": st.integers(-(2**63), 2**64 - 1),
            "ok": st.booleans(),
            "tags": st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1),
            "where": st.fixed_dictionaries({"x": st.floats(allow_nan=False, allow_infinity=False)}),
        },
    )
)
def test_what_clients_write_is_read_back(value: dict[str, Any]) -> None:
    def written(each: Any) -> Any:
        return each if isinstance(each, str | list) else json.dumps(each)

    text = urlencode({name: written(each) for name, each in value.items()}, doseq=True)
    assert body().read(text.encode()).value == value
