"""The parameters in cookies, and what becomes of the others."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.arguments import MAX_COOKIES, ArgumentError

INTEGER = {"type": "integer"}
INTEGERS = {"type": "array", "items": INTEGER}
POINT = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}}


def c(name: str = "n", schema: Any = INTEGER, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "cookie", "schema": schema, **more}


def sent(*cookies: str) -> dict[str, Any]:
    return {"fields": [("cookie", each) for each in cookies]}


@rows(
    ("declared", "cookies", "value"),
    [
        (c(), "n=5", 5),
        (c(), " n=5 ", 5),
        (c(), "n=%35", 5),
        (c(schema={}), "n=a+b=%3B", "a+b=;"),
        (c(schema={}), "n=", ""),
        (c(schema=INTEGERS, explode=False), "n=1,2", [1, 2]),
        (c(schema=POINT, explode=False), "n=x,1,y,2", {"x": 1, "y": 2}),
        (c(schema={"oneOf": [INTEGER, {"enum": ["all"]}]}), "n=all", "all"),
    ],
)
def test_values_in_cookies(operate: Any, declared: Any, cookies: str, value: Any) -> None:
    assert operate(declared).read(**sent(cookies)) == {"n": value}


def test_several_cookies(operate: Any) -> None:
    assert operate(c("a"), c("b")).read(**sent("a=1; b=2")) == {"a": 1, "b": 2}
    assert operate(c("a"), c("b")).read(**sent("b=2;a=1")) == {"a": 1, "b": 2}


def test_json_in_a_cookie(operate: Any) -> None:
    declared = {"name": "n", "in": "cookie", "content": {"application/json": {"schema": INTEGERS}}}
    assert operate(declared).read(**sent("n=%5B1%2C2%5D")) == {"n": [1, 2]}
    assert operate(declared).fault(**sent("n=[1,2]")) == ("malformed", "cookie", "n")


@rows("text", ['"5"', '"5', "5 6", "1,2", "a\\b", "é", "\x7f", "%zz", "%ff"])
def test_a_declared_cookie_is_written_by_the_grammar(operate: Any, text: str) -> None:
    assert operate(c(schema={})).fault(**sent(f"n={text}")) == ("malformed", "cookie", "n")


def test_a_declared_cookie_is_given_once_with_a_value(operate: Any) -> None:
    operation = operate(c())
    assert operation.fault(**sent("n=1; n=1")) == ("repeated", "cookie", "n")
    assert operation.fault(**sent("n=1; x=2; n =1")) == ("repeated", "cookie", "n")
    assert operation.fault(**sent("n")) == ("malformed", "cookie", "n")
    assert operation.fault(**sent("n=1", "x=2")) == ("repeated", "cookie", "")


def test_what_is_required_has_to_be_there(operate: Any) -> None:
    operation = operate(c(required=True))
    assert operation.fault() == ("missing", "cookie", "n")
    assert operation.fault(**sent("N=1")) == ("missing", "cookie", "n")
    assert operate(c()).read() == {}


def test_where_in_a_list_something_is_wrong(operate: Any) -> None:
    assert operate(c(schema=INTEGERS, explode=False)).fault(**sent("n=1,x")) == ("malformed", "cookie", "n", (1,))


def test_undeclared_cookies_are_taken_out(operate: Any) -> None:
    values, change = operate(c()).values(**sent('_ga=1; n=5; theme="a; b"'))
    assert (values, change.set_fields) == ({"n": 5}, ((b"cookie", b"n=5"),))
    values, change = operate(c()).values(**sent("_ga=1; theme"))
    assert (values, change.remove_fields, change.set_fields) == ({}, {b"cookie"}, ())
    values, change = operate().values(**sent("_ga=1", "x=2"))
    assert (values, change.remove_fields) == ({}, {b"cookie"})


def test_undeclared_cookies_may_be_refused(operate: Any) -> None:
    operation = operate(c(), cookies="refuse")
    assert operation.read(**sent("n=5")) == {"n": 5}
    assert operation.fault(**sent("n=5; x=1")) == ("undeclared", "cookie", "x")
    assert operate(cookies="refuse").fault(**sent("x=1")) == ("undeclared", "cookie", "x")


def test_undeclared_cookies_may_be_allowed(operate: Any) -> None:
    operation = operate(c(), cookies="allow")
    assert operation.read(**sent('x=1; n=5; y="a b"; z')) == {"n": 5}
    assert operate(cookies="allow").read(**sent('x="1', 'n=5"')) == {}


@rows("cookies", ['x="a; n=5', 'x="a; n=5; y=b"', 'n=5; x=a"b"', '$Version="1"x; n=5'])
def test_a_quoted_value_may_not_hold_a_declared_cookie(operate: Any, cookies: str) -> None:
    assert operate(c(), cookies="allow").fault(**sent(cookies))[:2] == ("malformed", "cookie")


@rows(
    "cookie",
    [
        *("x=a,n=5", "x=a, n=5", "x=a,n", "x=a n=5", "x=a\tn=5", 'x="a,n=5"', 'x="n=5"', r"x=a\n=5", "x n=5", "x,n=5"),
        *("N=5", "%6e=5", "%6E=5", "n[0]=5", "n[]", "n[=5", "=n=5", "=n", "%4e[a]=1", "x=1,%6e=2", "x=a,=n"),
        *("$Version=1", "$Path=/", "$x", "$Version=0; x=1"),
    ],
)
def test_an_undeclared_cookie_may_not_be_taken_for_a_declared_one(operate: Any, cookie: str) -> None:
    for operation in (operate(c(), cookies="allow"), operate(credential_cookies={"n"}, cookies="allow")):
        assert operation.fault(**sent(f"n=5; {cookie}"))[:2] == ("alike", "cookie")
        assert operation.fault(**sent(f"{cookie}; n=5"))[:2] == ("alike", "cookie")
    values, change = operate(c()).values(**sent(f"n=5; {cookie}"))
    assert (values, change.set_fields) == ({"n": 5}, ((b"cookie", b"n=5"),)), "what is dropped may be anything"


@rows(
    "cookie",
    ["x=a,b", "x=a b", 'x="a,b c"', "x=n", "x={a:1}", "x=n5", "nn=1", "x=1; x=2", "m.n=1", "a=b=n=c", "\xe9=\xff"],
)
def test_other_cookies_may_hold_what_they_like(operate: Any, cookie: str) -> None:
    assert operate(c(), cookies="allow").read(**sent(f"n=5; {cookie}")) == {"n": 5}


@rows("cookie", ["a.b=1", "a%20b=1", "a b=1", "A.B=1", "a+b=1", "a_b[1]=1"])
def test_names_that_a_service_makes_the_same_are_the_same(operate: Any, cookie: str) -> None:
    assert operate(c("a_b"), cookies="allow").fault(**sent(f"a_b=5; {cookie}"))[0] == "alike"


def test_where_nothing_is_declared_nothing_can_be_taken_for_it(operate: Any) -> None:
    assert operate(cookies="allow").read(**sent("$Version=1; a=b, c=d")) == {}


def test_a_list_may_not_hold_what_reads_as_another_cookie(operate: Any) -> None:
    names = {"type": "array", "items": {"type": "string"}}
    operation = operate(c("ids", names, explode=False), c("m"), credential_cookies={"session"})
    assert operation.read(**sent("ids=a,b=c,d")) == {"ids": ["a", "b=c", "d"]}
    for hidden in ("m=1", "m", "session=x", "Session", "ids=2", "%6d=1"):
        assert operation.fault(**sent(f"ids=a,{hidden}"))[:3] == ("alike", "cookie", "ids")


def test_a_cookie_that_is_a_credential_counts_as_declared(operate: Any) -> None:
    operation = operate(credential_cookies={"session"})
    values, change = operation.values(**sent("session=abc; _ga=1"))
    assert (values, change.set_fields) == ({}, ((b"cookie", b"session=abc"),))
    assert operation.read(**sent("session=abc")) == {}
    assert operation.fault(**sent("session=abc; session=def")) == ("repeated", "cookie", "session")
    assert operation.fault(**sent('session="abc"')) == ("malformed", "cookie", "session")


def test_a_parameter_that_is_the_whole_field_declares_all_cookies(operate: Any) -> None:
    operation = operate({"name": "Cookie", "in": "header", "schema": {"type": "string"}})
    assert operation.read(**sent("a=1; b=2")) == {"Cookie": "a=1; b=2"}


def test_the_number_of_cookies_is_bounded(operate: Any) -> None:
    operation = operate(c())
    cookies = "; ".join(f"x{number}=1" for number in range(MAX_COOKIES))
    assert operation.values(**sent(cookies))[0] == {}
    assert operation.fault(**sent(cookies + "; n=1")) == ("too many", "cookie", "")


@given(st.text(st.sampled_from('nx=5;", \t%a\\'), max_size=20), st.sampled_from(["strip", "allow", "refuse"]))
def test_any_cookies_are_read_or_refused(operate: Any, text: str, undeclared: str) -> None:
    operation = operate(c(), cookies=undeclared)
    try:
        values, change = operation.values(**sent(text))
    except ArgumentError:
        return
    assert values in ({}, {"n": 5}, {"n": 55}) or values["n"] > 55
    if change is not None and change.set_fields:
        [(_, kept)] = change.set_fields
        assert operation.values(**sent(kept.decode("latin-1"))) == (values, None)
