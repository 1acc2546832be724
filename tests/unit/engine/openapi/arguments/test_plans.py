"""How one text becomes the value of one parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.arguments.errors import ArgumentError, UnreadableError
from portcullis.engine.openapi.arguments.percent import decode
from portcullis.engine.openapi.arguments.plans import Plan, plan_of
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import TEXT, Shape

INTEGER = Shape(("integer",))


def plan(shape: Shape, style: Any = "simple", **more: Any) -> Plan:
    explode = more.pop("explode", False)
    return plan_of(SpecParameter("p", "path", "/p", "/s", shape, True, style, explode, **more), {"/s": "7"}, decode)


def anything(_values: Mapping[str, Any]) -> bool:
    return True


def test_one_type_is_read_in_one_way() -> None:
    assert plan(INTEGER).value("%35", anything) == 5
    with pytest.raises(ArgumentError) as caught:
        plan(INTEGER).value("x", anything)
    assert (caught.value.fault, caught.value.location, caught.value.name, caught.value.text) == (
        "malformed",
        "path",
        "p",
        "x",
    )


def test_the_first_value_that_fits_is_taken() -> None:
    several = plan(Shape(("integer", "string"), INTEGER))
    assert several.value("5", anything) == 5
    assert several.value("5", lambda values: isinstance(values["7"], str)) == "5"
    assert several.value("5,6", lambda values: isinstance(values["7"], list)) == [5, 6]
    assert several.value("5", lambda _values: False) == 5


def test_the_first_reason_is_told_if_there_is_no_value() -> None:
    for text, path in (("1,x", (1,)), ("%zz", ())):
        with pytest.raises(ArgumentError) as caught:
            plan(Shape((), INTEGER)).value(text, anything)
        assert (caught.value.fault, caught.value.path) == ("malformed", path)


def test_a_way_that_leads_nowhere_does_not_hide_another() -> None:
    both = plan(Shape((), INTEGER, properties={"x": INTEGER}))
    assert both.value("x,1", anything) == {"x": 1}
    assert both.choose([UnreadableError("repeated"), ["1"]], "", anything) == [1]
    with pytest.raises(ArgumentError) as caught:
        both.choose([UnreadableError("repeated", ("x",)), ["a"]], "", anything)
    assert (caught.value.fault, caught.value.path) == ("repeated", ("x",))


def test_json_is_read_strictly() -> None:
    json = plan(TEXT, media_type="application/problem+json")
    assert json.value("%7B%22a%22:1%7D", anything) == {"a": 1}
    for text in ("{", '{"a":1,"a":1}', "%ff", ""):
        with pytest.raises(ArgumentError):
            json.value(text, anything)


@rows(
    ("made", "by_commas"),
    [
        (plan(INTEGER), False),
        (plan(Shape((), INTEGER)), True),
        (plan(Shape((), INTEGER), "form"), True),
        (plan(Shape((), INTEGER), "form", explode=True), False),
        (plan(Shape((), properties={})), True),
        (plan(Shape((), INTEGER), "delimited", separators=("|",)), False),
        (plan(TEXT, media_type="application/json"), False),
    ],
)
def test_what_commas_separate(made: Plan, by_commas: bool) -> None:
    assert made.by_commas is by_commas
