"""The parameters in a query string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.arguments import MAX_QUERY_PARAMETERS, ArgumentError
from portcullis.engine.openapi.arguments.query import QueryReader
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import TEXT

INTEGER = {"type": "integer"}
STRING = {"type": "string"}
INTEGERS = {"type": "array", "items": INTEGER}
STRINGS = {"type": "array", "items": STRING}


def q(name: str = "q", schema: Any = STRING, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **more}


# One text.


def test_each_value_is_read_as_its_type(operate: Any) -> None:
    operation = operate(q(), q("n", INTEGER), q("on", {"type": "boolean"}), q("f", {"type": "number"}))
    assert operation.read(query="q=a%20b+c&n=-1&on=true&f=1.5") == {"q": "a b c", "n": -1, "on": True, "f": 1.5}


@rows(
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
def test_how_a_query_is_read(operate: Any, query: str, values: dict[str, str]) -> None:
    assert operate(q()).read(query=query) == values


@rows("query", ["q=%", "q=%4", "q=%zz", "q=%ff", "q=%C3", "%=1", "%ff=1"])
def test_what_is_not_percent_encoded_utf_8_is_refused(operate: Any, query: str) -> None:
    assert operate(q()).fault(query=query)[0] == "malformed"
    assert operate(q(schema=STRINGS)).fault(query=query)[0] == "malformed"
    assert operate(q(schema=STRINGS, explode=False)).fault(query=query)[0] == "malformed"


def test_a_value_is_given_once(operate: Any) -> None:
    assert operate(q()).fault(query="q=1&q=1") == ("repeated", "query", "q")
    assert operate(q()).fault(query="q=1&%71=2") == ("repeated", "query", "q")
    assert operate(q(allowEmptyValue=True)).fault(query="q=&q=") == ("repeated", "query", "q")
    for query in ("q=1&q=2", "q=%31&q=2", "q=1,2&q=%33"):
        assert operate(q(schema=INTEGERS, explode=False)).fault(query=query) == ("repeated", "query", "q")


def test_what_is_required_has_to_be_there(operate: Any) -> None:
    assert operate(q(required=True)).fault() == ("missing", "query", "q")
    assert operate(q(required=True), q("r")).fault(query="r=1") == ("missing", "query", "q")
    assert operate(q(schema=INTEGERS, required=True)).fault() == ("missing", "query", "q")


def test_an_empty_value_passes_unchecked_where_it_may(operate: Any) -> None:
    operation = operate(q("flag", INTEGER, required=True, allowEmptyValue=True))
    assert operation.read(query="flag") == {}
    assert operation.read(query="flag=5") == {"flag": 5}
    assert operate(q("n", INTEGER)).fault(query="n=") == ("malformed", "query", "n")
    assert operate(q("n", INTEGERS, allowEmptyValue=True)).read(query="n=") == {}


def test_of_several_types_the_first_that_fits_counts(operate: Any) -> None:
    several = {"type": ["integer", "boolean", "string"]}
    assert operate(q("v", several)).read(query="v=5") == {"v": 5}
    assert operate(q("v", several)).read(query="v=true") == {"v": True}
    assert operate(q("v", several)).read(query="v=x") == {"v": "x"}
    assert operate(q("v", {"anyOf": [{"type": "integer", "minimum": 9}, STRING]})).read(query="v=5") == {"v": "5"}
    assert operate(q("v", {"type": ["integer", "string"], "enum": [1, "a"]})).values(query="v=5")[0] == {"v": 5}
    assert operate(q("v", {"type": ["integer", "boolean"]})).fault(query="v=x") == ("malformed", "query", "v")


# What is not declared.


@rows("query", ["x=1", "q=1&x", "Q=1", "q%00=1", "q[]=1", "q[a]=1", "q;x=1", "%78=1", "=1"])
def test_undeclared_names_are_refused(operate: Any, query: str) -> None:
    assert operate(q()).fault(query=query)[:2] == ("undeclared", "query")


def test_undeclared_names_may_be_stripped(operate: Any) -> None:
    operation = operate(q(), undeclared="strip")
    values, change = operation.values(query="x=1&q=2&%79=3&")
    assert (values, change.query) == ({"q": "2"}, "q=2&")
    assert operation.values(query="q=2") == ({"q": "2"}, None)
    assert operate(undeclared="strip").values(query="x=1")[1].query == ""


def test_undeclared_names_may_be_allowed(operate: Any) -> None:
    assert operate(q(), undeclared="allow").read(query="x=1&q=2&x=3") == {"q": "2"}


@rows("other", ["q[]=2", "Q=2", "q[0]=2", "%51=2", "+q=2", "q%20=2", "[q]=2", "q[a][b]=2"])
def test_what_a_service_takes_for_a_declared_name_does_not_stand_beside_it(operate: Any, other: str) -> None:
    for declared in (q(), q(schema=STRINGS), q(allowEmptyValue=True)):
        operation = operate(declared, undeclared="allow")
        assert operation.fault(query=f"q=1&{other}") == ("repeated", "query", "q")
        assert operation.fault(query=f"{other}&q=1") == ("repeated", "query", "q")
        assert operation.read(query=other) == {}
        assert operation.read(query=f"x[q]=1&{other}") == {}


def test_credentials_need_no_declaration(operate: Any) -> None:
    assert operate(q(), credentials={"key"}).read(query="key=k&q=1") == {"q": "1"}
    assert operate(credentials={"key"}).read(query="k%65y=k") == {}


def test_a_credential_that_is_withheld_does_not_come_back_by_stripping(operate: Any) -> None:
    operation = operate(undeclared="strip", credentials={"key", "fwd"}, withheld={"key"})
    assert operation.values(query="key=k&fwd=f&x=1")[1].query == "fwd=f"
    declared = operate(q("key"), q(), undeclared="strip", credentials={"key"}, withheld={"key"})
    assert declared.values(query="k%65y=k&q=1&x=1")[1].query == "q=1"
    assert declared.values(query="key=k&q=1") == ({"key": "k", "q": "1"}, None)


def test_the_number_of_parameters_is_bounded(operate: Any) -> None:
    operation = operate(q("l", INTEGERS))
    query = "&".join(["l=1"] * MAX_QUERY_PARAMETERS)
    assert len(operation.read(query=query)["l"]) == MAX_QUERY_PARAMETERS
    assert operation.fault(query=query + "&l=1")[0] == "too many"


@rows("declared", [q(), q(schema=INTEGERS), q(schema=STRINGS, explode=False), q(allowEmptyValue=True)])
def test_a_semicolon_that_a_service_may_take_for_a_separator_is_refused(operate: Any, declared: Any) -> None:
    for undeclared in ("refuse", "strip"):
        operation = operate(declared, undeclared=undeclared)
        assert operation.fault(query="q=1;admin=1") == ("separator", "query", "q")


def test_a_semicolon_may_be_sent_encoded_or_where_everything_may_be_sent(operate: Any) -> None:
    assert operate(q()).read(query="q=1%3Badmin=1") == {"q": "1;admin=1"}
    assert operate(q(), undeclared="allow").read(query="q=1;admin=1") == {"q": "1;admin=1"}


def test_reserved_characters_may_stand_as_they_are_where_the_document_allows_it(operate: Any) -> None:
    operation = operate(q(allowReserved=True))
    assert operation.read(query="q=/a?b;c=[d]:@!$'()*,e") == {"q": "/a?b;c=[d]:@!$'()*,e"}
    assert operation.fault(query="q=1&q=2") == ("repeated", "query", "q")


# Lists.


@rows(
    ("declared", "query", "value"),
    [
        (q("l", INTEGERS), "l=1&l=2", [1, 2]),
        (q("l", INTEGERS), "l=1", [1]),
        (q("l", INTEGERS), "%6c=1&l=%32", [1, 2]),
        (q("l", INTEGERS, explode=False), "l=1,2,3", [1, 2, 3]),
        (q("l", STRINGS, explode=False), "l=a%2Cb,c+d", ["a,b", "c d"]),
        (q("l", STRINGS, explode=False), "l=", [""]),
        (q("l", STRINGS), "l=a,b&l=", ["a,b", ""]),
        (q("l", STRINGS, style="spaceDelimited", explode=False), "l=a%20b+c", ["a", "b", "c"]),
        (q("l", STRINGS, style="spaceDelimited"), "l=a%20b", ["a", "b"]),
        (q("l", STRINGS, style="spaceDelimited", explode=True), "l=a&l=b%20c", ["a", "b c"]),
        (q("l", INTEGERS, style="pipeDelimited"), "l=1|2", [1, 2]),
        (q("l", INTEGERS, style="pipeDelimited"), "l=1%7C2%7c3", [1, 2, 3]),
        (q("l", INTEGERS, style="pipeDelimited", explode=True), "l=1&l=2", [1, 2]),
        (q("l", STRINGS, style="pipeDelimited"), "l=a,b", ["a,b"]),
        (q("l", {"prefixItems": [STRING, INTEGER]}), "l=1&l=2", ["1", 2]),
        (q("l", {"prefixItems": [STRING], "items": INTEGER}, explode=False), "l=1,2,3", ["1", 2, 3]),
        (q("l[]", INTEGERS), "l[]=1&l%5B%5D=2", [1, 2]),
    ],
)
def test_lists(operate: Any, declared: Any, query: str, value: list[Any]) -> None:
    assert operate(declared).read(query=query) == {declared["name"]: value}


def test_a_list_of_something_else_is_refused_where_it_stands(operate: Any) -> None:
    assert operate(q("l", INTEGERS)).fault(query="l=1&l=x") == ("malformed", "query", "l", (1,))
    assert operate(q("l", INTEGERS)).fault(query="l=1,2") == ("malformed", "query", "l", (0,))
    assert operate(q("l", INTEGERS, explode=False)).fault(query="l=1,2,x") == ("malformed", "query", "l", (2,))
    assert operate(q("l", INTEGERS, style="pipeDelimited")).fault(query="l=1,2") == ("malformed", "query", "l", (0,))


def test_a_value_or_a_list_of_them(operate: Any) -> None:
    either = {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": ["integer", "string"]}}]}
    assert operate(q("v", either)).read(query="v=true") == {"v": True}
    assert operate(q("v", either)).read(query="v=5") == {"v": [5]}
    assert operate(q("v", either)).read(query="v=5&v=x") == {"v": [5, "x"]}
    assert operate(q("v", either, explode=False)).read(query="v=5,6") == {"v": [5, 6]}
    lists = {"anyOf": [INTEGERS, STRINGS]}
    assert operate(q("v", lists)).read(query="v=5&v=x") == {"v": ["5", "x"]}
    assert operate(q("v", lists)).read(query="v=5&v=6") == {"v": [5, 6]}


def test_a_text_holds_so_many_items(operate: Any) -> None:
    operation = operate(q("l", INTEGERS, explode=False))
    assert len(operation.read(query="l=" + ",".join(["1"] * 1000))["l"]) == 1000
    assert operation.fault(query="l=" + ",".join(["1"] * 1001)) == ("too many", "query", "l")


# Commas that were encoded with the rest.


def test_encoded_commas_separate_items_where_they_can_be_nothing_else(operate: Any) -> None:
    operation = operate(q("l", INTEGERS, explode=False), q())
    values, change = operation.values(query="q=a%2Cb&l=1%2C2%2c3")
    assert (values, change.query) == ({"l": [1, 2, 3], "q": "a,b"}, "q=a%2Cb&l=1,2,3")


def test_the_service_gets_plain_commas_then(operate: Any) -> None:
    fields = {"type": "array", "items": {"enum": ["id", "name"]}}
    operation = operate(q("fields", fields, explode=False), undeclared="strip")
    values, change = operation.values(query="x=1&f%69elds=id%2Cname")
    assert (values, change.query) == ({"fields": ["id", "name"]}, "f%69elds=id,name")
    point = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}}
    values, change = operate(q("p", point, explode=False)).values(query="p=x%2C1%2Cy%2C2")
    assert (values, change.query) == ({"p": {"x": 1, "y": 2}}, "p=x,1,y,2")


def test_encoded_commas_are_part_of_an_item_where_they_may_be(operate: Any) -> None:
    assert operate(q("l", STRINGS, explode=False)).read(query="l=a%2Cb,c") == {"l": ["a,b", "c"]}
    either = {"anyOf": [STRING, STRINGS]}
    assert operate(q("l", either, explode=False)).read(query="l=a%2Cb") == {"l": "a,b"}


def test_what_fits_neither_way_is_explained_as_it_was_written(operate: Any) -> None:
    operation = operate(q("l", INTEGERS, explode=False))
    assert operation.fault(query="l=1%2Cx") == ("malformed", "query", "l", (0,))
    few = operate(q("l", {**STRINGS, "maxItems": 1, "items": {"maxLength": 2, "type": "string"}}, explode=False))
    assert few.values(query="l=a%2Cb") == ({"l": ["a,b"]}, None)
    assert not few.accepts(query="l=a%2Cb")


# Objects in one text.

POINT = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER, "on": {"type": "boolean"}}}


@rows(
    ("more", "query"),
    [
        ({"explode": False}, "p=x,1,on,true"),
        ({"explode": False}, "p=%78,1,o%6e,true"),
        ({"style": "spaceDelimited"}, "p=x%201%20on%20true"),
        ({"style": "pipeDelimited"}, "p=x|1|on|true"),
    ],
)
def test_an_object_in_one_text(operate: Any, more: dict[str, Any], query: str) -> None:
    assert operate(q("p", POINT, **more)).read(query=query) == {"p": {"x": 1, "on": True}}


def test_an_object_in_one_text_has_a_value_for_each_name(operate: Any) -> None:
    operation = operate(q("p", POINT, explode=False))
    assert operation.fault(query="p=x,1,y") == ("malformed", "query", "p")
    assert operation.fault(query="p=x,1,x,2") == ("repeated", "query", "p", ("x",))
    assert operation.fault(query="p=x,a") == ("malformed", "query", "p", ("x",))


def test_fields_that_are_not_declared_are_for_the_schema_to_refuse(operate: Any) -> None:
    operation = operate(q("p", POINT, explode=False))
    assert operation.values(query="p=x,1,z,5")[0] == {"p": {"x": 1, "z": "5"}}
    assert not operation.accepts(query="p=x,1,z,5")


# Objects whose fields stand in the query.

PAGE = {
    "type": "object",
    "properties": {"page": INTEGER, "size": INTEGER, "sort": STRINGS, "mode": {"enum": ["a", "b"]}},
}


def test_fields_that_are_spread_over_the_query(operate: Any) -> None:
    operation = operate(q("paging", PAGE), q())
    assert operation.read(query="page=2&q=x&sort=a&sort=b&m%6Fde=b") == {
        "paging": {"page": 2, "sort": ["a", "b"], "mode": "b"},
        "q": "x",
    }
    assert operation.read(query="sort=a")["paging"] == {"sort": ["a"]}
    assert operation.read(query="q=x") == {"q": "x"}


def test_a_field_that_is_spread_is_refused_where_it_stands(operate: Any) -> None:
    operation = operate(q("paging", PAGE))
    assert operation.fault(query="page=x") == ("malformed", "query", "paging", ("page",))
    assert operation.fault(query="page=1&page=2") == ("repeated", "query", "paging", ("page",))
    assert operation.fault(query="page=%ff") == ("malformed", "query", "paging", ("page",))
    assert operation.fault(query="page=1;x=2")[:2] == ("separator", "query")
    assert operation.fault(query="paging=1") == ("undeclared", "query", "paging")
    assert operation.fault(query="paging[page]=1")[:2] == ("undeclared", "query")
    assert operation.fault(query="other=1") == ("undeclared", "query", "other")


def test_an_object_without_fields_is_not_written_at_all(operate: Any) -> None:
    assert operate(q("paging", PAGE, required=True)).read() == {"paging": {}}
    assert operate(q("paging", PAGE, required=True), q()).read(query="q=1") == {"paging": {}, "q": "1"}
    needy = {**PAGE, "required": ["page"]}
    assert not operate(q("paging", needy, required=True)).accepts()


def test_a_parameter_of_its_own_comes_before_a_field(operate: Any) -> None:
    operation = operate(q("paging", PAGE), q("page"))
    assert operation.read(query="page=x&size=1") == {"page": "x", "paging": {"size": 1}}


def test_names_that_are_not_declared_belong_to_an_object_that_takes_any(operate: Any) -> None:
    labels = {"type": "object", "properties": {"n": INTEGER}, "additionalProperties": {"type": "boolean"}}
    operation = operate(q("labels", labels), q(), credentials={"key"})
    assert operation.read(query="n=1&a=true&q=a&b=false&key=k") == {
        "labels": {"n": 1, "a": True, "b": False},
        "q": "a",
    }
    assert operation.fault(query="a=1") == ("malformed", "query", "labels", ("a",))
    assert operation.fault(query="a=true&a=true") == ("repeated", "query", "labels", ("a",))
    assert operation.fault(query="a=true;b")[:2] == ("separator", "query")


def test_an_object_without_a_word_on_its_fields_takes_any(operate: Any) -> None:
    assert operate(q("free", {"type": "object"})).read(query="a=1&b=x") == {"free": {"a": "1", "b": "x"}}
    closed = {"type": "object", "additionalProperties": False}
    assert operate(q("free", closed)).fault(query="a=1") == ("undeclared", "query", "a")


def test_an_object_may_also_be_a_text(operate: Any) -> None:
    either = {"anyOf": [INTEGER, {"type": "object", "properties": {"from": INTEGER, "to": INTEGER}}]}
    operation = operate(q("range", either))
    assert operation.read(query="range=5") == {"range": 5}
    assert operation.read(query="from=1&to=2") == {"range": {"from": 1, "to": 2}}
    assert operation.fault(query="range=5&from=1") == ("repeated", "query", "range")


def test_a_discriminated_object_is_read_as_the_one_that_fits(operate: Any) -> None:
    shapes = {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "n"}, "value": INTEGER}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "s"}, "value": STRING}, "required": ["kind"]},
        ]
    }
    operation = operate(q("shape", shapes))
    assert operation.read(query="kind=n&value=5") == {"shape": {"kind": "n", "value": 5}}
    assert operation.read(query="kind=s&value=5") == {"shape": {"kind": "s", "value": "5"}}


# Objects in brackets.

FILTER = {
    "type": "object",
    "properties": {
        "a": INTEGER,
        "b": {"type": "object", "properties": {"c": INTEGER, "d": STRINGS}},
        "ids": INTEGERS,
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": STRING, "qty": INTEGER}}},
    },
}


def deep(schema: Any = FILTER, **more: Any) -> dict[str, Any]:
    return q("filter", schema, style="deepObject", explode=True, **more)


@rows(
    ("query", "value"),
    [
        ("filter[a]=1", {"a": 1}),
        ("filter%5Ba%5D=1", {"a": 1}),
        ("filter[b][c]=2&filter[a]=1", {"a": 1, "b": {"c": 2}}),
        ("filter[b][d][]=x&filter[b][d][]=y", {"b": {"d": ["x", "y"]}}),
        ("filter[ids][]=5", {"ids": [5]}),
        ("filter[ids][1]=5&filter[ids][0]=4", {"ids": [4, 5]}),
        (
            "filter[lines][0][sku]=a&filter[lines][0][qty]=1&filter[lines][1][sku]=b",
            {"lines": [{"sku": "a", "qty": 1}, {"sku": "b"}]},
        ),
    ],
)
def test_objects_in_brackets(operate: Any, query: str, value: dict[str, Any]) -> None:
    assert operate(deep()).read(query=query) == {"filter": value}


@rows(
    ("query", "expected"),
    [
        ("filter[a]=x", ("malformed", "query", "filter", ("a",))),
        ("filter[b][c]=x", ("malformed", "query", "filter", ("b", "c"))),
        ("filter[ids][]=1&filter[ids][]=x", ("malformed", "query", "filter", ("ids", 1))),
        ("filter[lines][0][qty]=x", ("malformed", "query", "filter", ("lines", 0, "qty"))),
        ("filter[a]=1&filter[a]=2", ("repeated", "query", "filter", ("a",))),
        ("filter[ids][0]=1&filter[ids][0]=2", ("repeated", "query", "filter", ("ids", "0"))),
        ("filter[ids][]=1&filter[ids][0]=2", ("malformed", "query", "filter", ("ids",))),
        ("filter[ids][1]=1", ("malformed", "query", "filter", ("ids",))),
        ("filter[ids][00]=1", ("undeclared", "query", "filter", ("ids", "00"))),
        ("filter[lines][][sku]=a", ("malformed", "query", "filter")),
        ("filter[x]=1", ("undeclared", "query", "filter", ("x",))),
        ("filter[b][x]=1", ("undeclared", "query", "filter", ("b", "x"))),
        ("filter[a][x]=1", ("undeclared", "query", "filter", ("a", "x"))),
        ("filter[a]x=1", ("malformed", "query", "filter")),
        ("filter[a=1", ("malformed", "query", "filter")),
        ("filter[]=1", ("undeclared", "query", "filter", ("",))),
        ("filter=1", ("malformed", "query", "filter")),
        ("filter[a]=1;x", ("separator", "query", "filter[a]")),
        ("filter[a]=%ff", ("malformed", "query", "filter")),
        ("filter[a][b][c][d][e][f][g][h][i]=1", ("too deep", "query", "filter")),
        ("filte[a]=1", ("undeclared", "query", "filte[a]")),
    ],
)
def test_what_is_wrong_in_brackets(operate: Any, query: str, expected: tuple[Any, ...]) -> None:
    assert operate(deep()).fault(query=query) == expected


def test_what_is_not_declared_in_brackets_may_be_stripped_or_allowed(operate: Any) -> None:
    query = "filter[a]=1&filter[x]=1&filter[b][y]=2&z=3"
    values, change = operate(deep(), undeclared="strip").values(query=query)
    assert (values, change.query) == ({"filter": {"a": 1}}, "filter[a]=1")
    assert operate(deep(), undeclared="allow").values(query=query) == ({"filter": {"a": 1}}, None)


def test_a_value_or_an_object_in_brackets(operate: Any) -> None:
    created = {"anyOf": [{"type": "object", "properties": {"gt": INTEGER}}, INTEGER]}
    operation = operate(deep(created))
    assert operation.read(query="filter=5") == {"filter": 5}
    assert operation.read(query="filter[gt]=5") == {"filter": {"gt": 5}}
    assert operation.fault(query="filter=5&filter[gt]=5") == ("repeated", "query", "filter")


def test_a_list_in_brackets(operate: Any) -> None:
    operation = operate(deep(STRINGS))
    assert operation.read(query="filter[]=a&filter[]=b") == {"filter": ["a", "b"]}
    assert operation.read(query="filter[0]=a") == {"filter": ["a"]}
    assert operation.fault(query="filter[a]=a") == ("undeclared", "query", "filter", ("a",))
    assert operation.fault(query="filter=a") == ("malformed", "query", "filter")


def test_an_object_in_brackets_that_takes_any_field(operate: Any) -> None:
    operation = operate(deep({"type": "object"}))
    assert operation.read(query="filter[a]=1&filter[b][c]=2&filter[d][]=3") == {
        "filter": {"a": "1", "b": {"c": "2"}, "d": ["3"]}
    }
    typed = operate(deep({"type": "object", "additionalProperties": INTEGER}))
    assert typed.read(query="filter[a]=1") == {"filter": {"a": 1}}
    assert typed.fault(query="filter[a]=x") == ("malformed", "query", "filter", ("a",))


def test_a_schema_that_refers_to_itself_is_followed_so_far(operate: Any) -> None:
    node = {"type": "object", "properties": {"v": INTEGER, "next": {"$ref": "#/components/schemas/Node"}}}
    operation = operate(deep({"$ref": "#/components/schemas/Node"}), schemas={"Node": node})
    assert operation.read(query="filter[next][next][v]=1") == {"filter": {"next": {"next": {"v": 1}}}}


def test_a_required_object_in_brackets_may_be_empty(operate: Any) -> None:
    assert operate(deep(required=True)).read() == {"filter": {}}
    assert operate(deep(STRINGS, required=True)).fault() == ("missing", "query", "filter")
    assert operate(deep(STRINGS, required=True)).read(query="filter[]=a") == {"filter": ["a"]}


def test_a_name_with_brackets_that_is_declared_is_one(operate: Any) -> None:
    assert operate(q("filter[a]", INTEGER), deep()).read(query="filter[a]=1") == {"filter[a]": 1}


# Content.


def test_json_in_one_parameter(operate: Any) -> None:
    media = {"application/json": {"schema": {"type": "object", "properties": {"a": INTEGERS}}}}
    operation = operate({"name": "j", "in": "query", "content": media})
    assert operation.read(query="j=%7B%22a%22:[1,2]%7D") == {"j": {"a": [1, 2]}}
    for wrong in ("j=", "j={", "j=%7B%22a%22:1,%22a%22:2%7D", "j=%ff", "j=[99999999999999999999999]"):
        assert operation.fault(query=wrong)[:3] == ("malformed", "query", "j")
    assert not operation.accepts(query="j=[]")
    assert operation.fault(query="j=1&j=2") == ("repeated", "query", "j")


def test_json_without_a_schema_is_read_and_not_kept(operate: Any) -> None:
    operation = operate({"name": "j", "in": "query", "required": True, "content": {"application/json": {}}})
    assert operation.read(query="j=[1]") == {}
    assert operation.fault(query="j=[") == ("malformed", "query", "j")
    assert operation.fault() == ("missing", "query", "j")


def test_other_content_is_text(operate: Any) -> None:
    operation = operate({"name": "t", "in": "query", "content": {"text/plain": {"schema": {"maxLength": 3}}}})
    assert operation.read(query="t=a,%20b".replace(",%20", "%2C")) == {"t": "a,b"}


# All of it.


@settings(max_examples=settings.default.max_examples // 2)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c d", "é"]), st.text(max_size=8)), st.sampled_from([quote, quote_plus])
)
def test_what_is_encoded_comes_back(values: dict[str, str], encode: Callable[..., str]) -> None:
    query = "&".join(f"{encode(name, safe='')}={encode(value, safe='')}" for name, value in values.items())
    declared = ["a", "b", "c d", "é"]
    specs = [SpecParameter(name, "query", "", name, TEXT, False, "form", True) for name in declared]
    found: dict[str, Any] = {}
    reader = QueryReader(specs, {name: name for name in declared}, lambda _values: True, "refuse")
    assert reader.read(query, found) is None
    assert found == values


PIECES = [
    "a",
    "b",
    "q",
    "l",
    "filter",
    "[",
    "]",
    "[a]",
    "[]",
    "[0]",
    "page",
    "=",
    "&",
    "%",
    "+",
    ";",
    ",",
    "2C",
    "C3",
    "1",
]


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_query_is_read_or_refused(operate: Any, pieces: list[str]) -> None:
    operation = operate(
        q(), q("l", INTEGERS, explode=False), q("a", INTEGERS), deep(), q("b", PAGE), undeclared="strip"
    )
    try:
        values, change = operation.values(query="".join(pieces))
    except ArgumentError:
        return
    assert values.keys() <= {"q", "a", "l", "filter", "b"}
    if change is not None:
        assert operation.values(query=change.query) == (values, None)
