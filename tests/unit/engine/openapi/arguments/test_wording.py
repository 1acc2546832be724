"""Parameters that can't be read, in words."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.arguments import ArgumentError
from portcullis.engine.openapi.arguments.wording import called, described, kinds, place_of
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import TEXT, Shape

INTEGER = Shape(("integer",))
FILTER = Shape((), properties={"a": Shape((), INTEGER), "b": TEXT})


def spec(name: str, location: Any, shape: Shape, style: Any, *, explode: bool = False, **more: Any) -> SpecParameter:
    return SpecParameter(name, location, f"/{name}", f"/{name}/schema", shape, False, style, explode, **more)


PARAMETERS = [
    spec("id", "path", INTEGER, "matrix"),
    spec("filter", "query", FILTER, "deepObject", explode=True),
    spec("paging", "query", Shape((), properties={"size": INTEGER}), "form", explode=True),
    spec("q", "query", TEXT, "form", media_type="application/json"),
    spec("X-N", "header", Shape(("integer", "boolean"), INTEGER), "simple"),
    spec("n", "cookie", INTEGER, "form", explode=True),
]


@rows(
    ("error", "detail", "pointer", "found", "allowed", "source"),
    [
        (
            ArgumentError("malformed", "query", "filter", "x", ("a", 0)),
            "/a/0 of the query parameter filter must be integer.",
            "/query/filter/a/0",
            'string "x"',
            "integer in style deepObject",
            "/filter/schema",
        ),
        (
            ArgumentError("undeclared", "query", "filter", "", ("z",)),
            "/z of the query parameter filter is not declared.",
            "/query/filter/z",
            "",
            '"a" or "b"',
            "/filter/schema",
        ),
        (
            ArgumentError("undeclared", "query", "filter", "", ("b", "z")),
            "/b/z of the query parameter filter is not declared.",
            "/query/filter/b/z",
            "",
            "nothing",
            "/filter/schema",
        ),
        (
            ArgumentError("repeated", "query", "filter", "", ("b",)),
            "/b of the query parameter filter is given more than once.",
            "/query/filter/b",
            "",
            "one string",
            "/filter/schema",
        ),
        (
            ArgumentError("too deep", "query", "filter"),
            "The query parameter filter is nested too deeply.",
            "/query/filter",
            "",
            "at most 8 levels",
            "/filter/schema",
        ),
        (
            ArgumentError("too many", "header", "X-N"),
            "The header parameter X-N has too many items.",
            "/header/X-N",
            "",
            "at most 1000 items",
            "/X-N/schema",
        ),
        (
            ArgumentError("malformed", "query", "paging", "x", ("size",)),
            "/size of the query parameter paging must be integer.",
            "/query/size",
            'string "x"',
            "integer",
            "/paging/schema",
        ),
        (
            ArgumentError("malformed", "query", "q", "{"),
            "The query parameter q must be JSON.",
            "/query/q",
            'string "{"',
            "JSON",
            "/q/schema",
        ),
        (
            ArgumentError("malformed", "path", "id", ";x=5"),
            "The path parameter id must be integer.",
            "/path/id",
            'string ";x=5"',
            "integer in style matrix",
            "/id/schema",
        ),
        (
            ArgumentError("missing", "cookie", "n"),
            "The cookie n is required.",
            "/cookie/n",
            "",
            "integer",
            "/n",
        ),
        (
            ArgumentError("malformed", "cookie", "n", '"5"'),
            "The cookie n must be integer.",
            "/cookie/n",
            "string",
            "integer",
            "/n/schema",
        ),
        (
            ArgumentError("undeclared", "cookie", "_ga"),
            "The cookie _ga is not declared.",
            "/cookie/_ga",
            "",
            '"n"',
            "/op",
        ),
        (
            ArgumentError("repeated", "cookie", "session"),
            "The cookie session is given more than once.",
            "/cookie/session",
            "",
            "one",
            "",
        ),
        (
            ArgumentError("repeated", "cookie"),
            "The header field Cookie is given more than once.",
            "/cookie",
            "",
            "one",
            "",
        ),
        (
            ArgumentError("malformed", "cookie", "session", '"secret"'),
            "The cookie session is not written as a cookie.",
            "/cookie/session",
            "string",
            "a cookie value (RFC 6265 4.1.1)",
            "",
        ),
        (
            ArgumentError("alike", "cookie", "x", "1, session=2"),
            "The cookie x may be read as another one.",
            "/cookie/x",
            "string",
            "a cookie that holds none of those that are declared",
            "",
        ),
        (
            ArgumentError("alike", "cookie", "n", "1, session=2"),
            "The cookie n may be read as another one.",
            "/cookie/n",
            "string",
            "a cookie that holds none of those that are declared",
            "/n/schema",
        ),
        (
            ArgumentError("too many", "cookie"),
            "The cookies are too many.",
            "/cookie",
            "",
            "at most 300",
            "",
        ),
        (
            ArgumentError("malformed", "header", "X-N", "1", (1,)),
            "/1 of the header parameter X-N must be integer.",
            "/header/X-N/1",
            'string "1"',
            "integer",
            "/X-N/schema",
        ),
    ],
)
def test_every_fault(error: ArgumentError, detail: str, pointer: str, found: str, allowed: str, source: str) -> None:
    text, finding = described(error, PARAMETERS, "/op", str)
    assert (text, finding.pointer, finding.found, finding.allowed, finding.source) == (
        detail,
        pointer,
        found,
        allowed,
        source,
    )


def test_an_operation_without_parameters_says_so() -> None:
    for location, allowed in (("query", "no query parameters"), ("cookie", "no cookies")):
        _, finding = described(ArgumentError("undeclared", location, "x"), [], "/op", str)  # type: ignore[arg-type]
        assert finding.allowed == allowed


def test_names_are_shortened() -> None:
    text, finding = described(ArgumentError("undeclared", "query", "x" * 5_000), [], "/op", str)
    assert len(text) < 150
    assert len(finding.pointer) <= 200
    assert len(called("query", "y\n" * 500)) < 100


def test_what_a_value_may_be() -> None:
    assert kinds(Shape(("integer", "string"))) == "integer or string"
    assert kinds(Shape(("boolean",), Shape(("integer", "string")))) == "boolean or list of integer or string"
    assert kinds(Shape((), properties={})) == "object"
    assert kinds(Shape(())) == kinds(None) == "nothing"


def test_the_fields_of_a_spread_object_are_where_parameters_are() -> None:
    assert [place_of(each) for each in PARAMETERS[1:3]] == [("query", "filter"), ("query",)]
