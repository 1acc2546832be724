"""From a request's head to the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.openapi.arguments import MAX_QUERY_PARAMETERS, ArgumentError, ArgumentReader, Undeclared
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import Shape
from portcullis.engine.request import RequestView

INTEGER, STRING, LIST = Shape(("integer",)), Shape(("string",)), Shape((), ("integer",))


def parameter(name: str, shape: Shape = STRING, location: Any = "query", **more: Any) -> SpecParameter:
    explode = more.pop("explode", location == "query")
    required = more.pop("required", location == "path")
    return SpecParameter(name, location, f"/{name}", name, shape, required, explode, **more)


def read(
    *parameters: SpecParameter,
    query: str = "",
    path: Mapping[str, str] | None = None,
    fields: list[tuple[str, str]] | None = None,
    undeclared: Undeclared = "refuse",
    fits: Callable[[Mapping[str, Any]], bool] = lambda _values: True,
    **more: Any,
) -> tuple[dict[str, Any], str | None]:
    names = {each.schema: each.name for each in parameters}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in fields or ()]
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b", " + value if name in headers else value
    request = RequestView("GET", "/", pairs, headers)
    request.query = query
    request.path_values = path or {}
    return ArgumentReader(parameters, names, fits, undeclared, **more).read(request)


def fault(*parameters: SpecParameter, **request: Any) -> tuple[str, str, str]:
    with pytest.raises(ArgumentError) as caught:
        read(*parameters, **request)
    return caught.value.fault, caught.value.location, caught.value.name


def test_each_value_is_read_as_its_type() -> None:
    values, _ = read(
        parameter("id", INTEGER, "path"),
        parameter("q"),
        parameter("n", INTEGER),
        parameter("on", Shape(("boolean",))),
        parameter("f", Shape(("number",))),
        parameter("X-N", INTEGER, "header"),
        path={"id": "7"},
        query="q=a%20b+c&n=-1&on=true&f=1.5",
        fields=[("x-n", " 5 ")],
    )
    assert values == {"id": 7, "q": "a b c", "n": -1, "on": True, "f": 1.5, "X-N": 5}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("&&", {}),
        ("q", {"q": ""}),
        ("q=", {"q": ""}),
        ("q==a=", {"q": "=a="}),
        ("%71=1", {"q": "1"}),
        ("q=%C3%A9", {"q": "é"}),
        ("q=%2B%26", {"q": "+&"}),
        ("q=%2541", {"q": "%41"}),
    ],
)
def test_how_a_query_is_read(query: str, values: dict[str, str]) -> None:
    assert read(parameter("q"), query=query) == (values, None)


@pytest.mark.parametrize("query", ["q=%", "q=%4", "q=%zz", "q=%ff", "q=%C3", "%=1", "%ff=1"])
def test_what_is_not_percent_encoded_utf_8_is_refused(query: str) -> None:
    assert fault(parameter("q"), query=query)[0] == "malformed"


@pytest.mark.parametrize("query", ["x=1", "q=1&x", "Q=1", "q%00=1", "q[]=1", "q;x=1", "%78=1", "=1"])
def test_undeclared_names_are_refused(query: str) -> None:
    assert fault(parameter("q"), query=query)[:2] == ("undeclared", "query")


def test_undeclared_names_may_be_stripped() -> None:
    assert read(parameter("q"), query="x=1&q=2&%79=3&", undeclared="strip") == ({"q": "2"}, "q=2&")
    assert read(parameter("q"), query="q=2", undeclared="strip") == ({"q": "2"}, None)
    assert read(query="x=1", undeclared="strip") == ({}, "")


def test_undeclared_names_may_be_allowed() -> None:
    assert read(parameter("q"), query="x=1&q=2&x=3", undeclared="allow") == ({"q": "2"}, None)


def test_credentials_need_no_declaration() -> None:
    assert read(parameter("q"), query="key=k&q=1", credentials={"key"}) == ({"q": "1"}, None)
    assert read(query="k%65y=k", credentials={"key"}) == ({}, None)


def test_a_credential_that_is_withheld_does_not_come_back_by_stripping() -> None:
    stripped = read(query="key=k&fwd=f&x=1", undeclared="strip", credentials={"key", "fwd"}, withheld={"key"})
    assert stripped == ({}, "fwd=f")


def test_a_value_is_given_once() -> None:
    assert fault(parameter("q"), query="q=1&q=1") == ("repeated", "query", "q")
    assert fault(parameter("q"), query="q=1&%71=2") == ("repeated", "query", "q")
    assert fault(parameter("q", allow_empty=True), query="q=&q=") == ("repeated", "query", "q")
    assert fault(parameter("l", LIST, explode=False), query="l=1&l=2") == ("repeated", "query", "l")
    assert fault(parameter("x", INTEGER, "header"), fields=[("x", "1"), ("x", "2")]) == ("repeated", "header", "x")


def test_what_is_required_has_to_be_there() -> None:
    assert fault(parameter("q", required=True)) == ("missing", "query", "q")
    assert fault(parameter("q", required=True), parameter("r"), query="r=1") == ("missing", "query", "q")
    assert fault(parameter("l", LIST, required=True), query="") == ("missing", "query", "l")
    assert fault(parameter("X", location="header", required=True)) == ("missing", "header", "X")
    assert read(parameter("X", location="header")) == ({}, None)


def test_an_empty_value_passes_unchecked_where_it_may() -> None:
    flag = parameter("flag", INTEGER, required=True, allow_empty=True)
    assert read(flag, query="flag") == ({}, None)
    assert read(flag, query="flag=5") == ({"flag": 5}, None)
    assert fault(parameter("n", INTEGER), query="n=") == ("malformed", "query", "n")


@pytest.mark.parametrize(
    ("each", "query", "value"),
    [
        (parameter("l", LIST), "l=1&l=2", [1, 2]),
        (parameter("l", LIST), "l=1", [1]),
        (parameter("l", LIST, explode=False), "l=1,2,3", [1, 2, 3]),
        (parameter("l", Shape((), ("string",)), explode=False), "l=a%2Cb,c+d", ["a,b", "c d"]),
        (parameter("l", Shape((), ("string",))), "l=a,b&l=", ["a,b", ""]),
    ],
)
def test_lists_in_queries(each: SpecParameter, query: str, value: list[Any]) -> None:
    assert read(each, query=query) == ({"l": value}, None)


def test_lists_in_paths_and_headers() -> None:
    assert read(parameter("l", LIST, "path"), path={"l": "1,2"}) == ({"l": [1, 2]}, None)
    assert read(parameter("l", LIST, "header"), fields=[("l", "1, 2"), ("l", "3")]) == ({"l": [1, 2, 3]}, None)


@pytest.mark.parametrize("query", ["l=1&l=x", "l=", "l=1,2"])
def test_lists_of_something_else_are_refused(query: str) -> None:
    assert fault(parameter("l", LIST), query=query) == ("malformed", "query", "l")


def test_of_several_types_the_first_that_fits_counts() -> None:
    several = parameter("v", Shape(("integer", "boolean", "string")))
    assert read(several, query="v=5") == ({"v": 5}, None)
    assert read(several, query="v=true") == ({"v": True}, None)
    assert read(several, query="v=x") == ({"v": "x"}, None)
    assert read(several, query="v=5", fits=lambda values: isinstance(values["v"], str)) == ({"v": "5"}, None)
    assert read(several, query="v=5", fits=lambda _values: False) == ({"v": 5}, None)
    assert fault(parameter("v", Shape(("integer", "boolean"))), query="v=x") == ("malformed", "query", "v")


def test_a_value_or_a_list_of_them() -> None:
    either = parameter("v", Shape(("boolean",), ("integer", "string")))
    assert read(either, query="v=true") == ({"v": True}, None)
    assert read(either, query="v=5&v=x") == ({"v": [5, "x"]}, None)
    comma = parameter("v", Shape(("boolean",), ("integer",)), explode=False)
    assert read(comma, query="v=5,6") == ({"v": [5, 6]}, None)


def test_the_number_of_parameters_is_bounded() -> None:
    query = "&".join(["l=1"] * MAX_QUERY_PARAMETERS)
    assert len(read(parameter("l", LIST), query=query)[0]["l"]) == MAX_QUERY_PARAMETERS
    assert fault(parameter("l", LIST), query=query + "&l=1")[0] == "too many"


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c d", "é"]), st.text(max_size=8)), st.sampled_from([quote, quote_plus])
)
def test_what_is_encoded_comes_back(values: dict[str, str], encode: Callable[..., str]) -> None:
    query = "&".join(f"{encode(name, safe='')}={encode(value, safe='')}" for name, value in values.items())
    assert read(*map(parameter, ["a", "b", "c d", "é"]), query=query) == (values, None)


@given(st.text(st.sampled_from("aq=&%+;20C3A9.x"), max_size=20))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        values, stripped = read(parameter("q"), parameter("a", LIST), query=query, undeclared="strip")
    except ArgumentError:
        return
    assert values.keys() <= {"q", "a"}
    if stripped is not None:
        assert read(parameter("q"), parameter("a", LIST), query=stripped) == (values, None)


@pytest.mark.parametrize("name", ["x_page_size", "x-page_size", "x_page-size"])
@pytest.mark.parametrize("beside", [[], [("x-page-size", "1")]])
def test_a_field_that_cgi_takes_for_a_parameter_is_refused(name: str, beside: list[tuple[str, str]]) -> None:
    size = parameter("X-Page-Size", INTEGER, "header")
    assert fault(size, fields=[*beside, (name, "99")]) == ("repeated", "header", "X-Page-Size")
    assert read(size, parameter("q"), fields=[("x-page-sizes", "99")]) == ({}, None)


def test_parameters_may_be_declared_in_spellings_that_cgi_does_not_tell_apart() -> None:
    both = parameter("a-b", location="header"), parameter("a_b", location="header")
    assert read(*both, fields=[("a-b", "1"), ("a_b", "2")]) == ({"a-b": "1", "a_b": "2"}, None)


@pytest.mark.parametrize("declared", [parameter("q"), parameter("q", LIST), parameter("q", allow_empty=True)])
def test_a_semicolon_that_a_service_may_take_for_a_separator_is_refused(declared: SpecParameter) -> None:
    assert fault(declared, query="q=1;admin=1") == ("separator", "query", "q")
    assert fault(declared, query="q=1;admin=1", undeclared="strip") == ("separator", "query", "q")


def test_a_semicolon_may_be_sent_encoded_or_where_everything_may_be_sent() -> None:
    assert read(parameter("q"), query="q=1%3Badmin=1") == ({"q": "1;admin=1"}, None)
    assert read(parameter("q"), query="q=1;admin=1", undeclared="allow") == ({"q": "1;admin=1"}, None)
