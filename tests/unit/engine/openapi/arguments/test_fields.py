"""The parameters in header fields."""

from __future__ import annotations

from typing import Any

from rows import rows

INTEGER = {"type": "integer"}
INTEGERS = {"type": "array", "items": INTEGER}
POINT = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}}


def h(name: str = "X-N", schema: Any = INTEGER, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, **more}


@rows(
    ("declared", "fields", "value"),
    [
        (h(), [("x-n", " 5 ")], 5),
        (h(schema={}), [("x-n", "a%41+b, c")], "a%41+b, c"),
        (h(schema=INTEGERS), [("x-n", "1, 2,3")], [1, 2, 3]),
        (h(schema=INTEGERS), [("x-n", "1"), ("x-n", "2")], [1, 2]),
        (h(schema=POINT), [("x-n", "x, 1, y, 2")], {"x": 1, "y": 2}),
        (h(schema=POINT, explode=True), [("x-n", "x=1, y=2")], {"x": 1, "y": 2}),
        (h(schema=POINT, explode=True), [("x-n", "x=1"), ("x-n", "y=2")], {"x": 1, "y": 2}),
    ],
)
def test_values_in_fields(operate: Any, declared: Any, fields: list[tuple[str, str]], value: Any) -> None:
    assert operate(declared).read(fields=fields) == {"X-N": value}


def test_a_field_that_is_no_list_is_given_once(operate: Any) -> None:
    assert operate(h()).fault(fields=[("x-n", "1"), ("x-n", "2")]) == ("repeated", "header", "X-N")
    assert operate(h(schema={})).read(fields=[("x-n", "Tue, 3 Nov")]) == {"X-N": "Tue, 3 Nov"}


def test_what_is_required_has_to_be_there(operate: Any) -> None:
    assert operate(h(required=True)).fault() == ("missing", "header", "X-N")
    assert operate(h()).read() == {}


def test_what_is_wrong_in_a_field(operate: Any) -> None:
    assert operate(h()).fault(fields=[("x-n", "x")]) == ("malformed", "header", "X-N")
    assert operate(h(schema=INTEGERS)).fault(fields=[("x-n", "1, x")]) == ("malformed", "header", "X-N", (1,))


def test_json_in_a_field(operate: Any) -> None:
    declared = {"name": "X-N", "in": "header", "content": {"application/json": {"schema": {"type": "array"}}}}
    operation = operate(declared)
    assert operation.read(fields=[("x-n", '["\u00c3\u00a9"]')]) == {"X-N": ["é"]}
    assert operation.fault(fields=[("x-n", '["\u00e9"]')]) == ("malformed", "header", "X-N")
    assert operation.fault(fields=[("x-n", "[1"), ("x-n", "2]")]) == ("repeated", "header", "X-N")


def test_fields_that_are_not_declared_pass(operate: Any) -> None:
    assert operate(h()).read(fields=[("x-other", "1"), ("accept", "*/*")]) == {}


@rows("name", ["x_page_size", "x-page_size", "x_page-size"])
@rows("beside", [[], [("x-page-size", "1")]])
def test_a_field_that_cgi_takes_for_a_parameter_is_refused(
    operate: Any, name: str, beside: list[tuple[str, str]]
) -> None:
    operation = operate(h("X-Page-Size"), h("X-Other"))
    assert operation.fault(fields=[*beside, (name, "99")]) == ("repeated", "header", "X-Page-Size")
    assert operation.read(fields=[("x-page-sizes", "99")]) == {}


def test_parameters_may_be_declared_in_spellings_that_cgi_does_not_tell_apart(operate: Any) -> None:
    assert operate(h("a-b"), h("a_b")).read(fields=[("a-b", "1"), ("a_b", "2")]) == {"a-b": 1, "a_b": 2}
