"""What a document declares as parameters."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import SpecParameter, read_parameter, route_of
from portcullis.engine.openapi.parameters import Shape
from portcullis.engine.openapi.problems import Problem, Problems

INTEGER = {"type": "integer"}
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}}
NESTED = {"type": "object", "properties": {"a": OBJECT}}
LIST = {"type": "array", "items": INTEGER}


def read(location: str, schema: Any = INTEGER, **more: Any) -> tuple[SpecParameter | None, list[Problem]]:
    raw = {"name": "p", "in": location, **more}
    if "content" not in more:
        raw["schema"] = schema
    unsupported: list[Problem] = []
    graph = SchemaGraph({"p": raw}, "3.1.0", Problems())
    return read_parameter(graph, "/p", raw, unsupported), unsupported


def parameter(location: str, schema: Any = INTEGER, **more: Any) -> SpecParameter:
    found, unsupported = read(location, schema, **more)
    assert not unsupported
    assert found is not None
    return found


@rows(
    ("location", "style", "explode"),
    [("path", "simple", False), ("query", "form", True), ("header", "simple", False), ("cookie", "form", True)],
)
def test_each_location_has_its_default_style(location: str, style: str, explode: bool) -> None:
    found = parameter(location)
    assert (found.location, found.style, found.explode) == (location, style, explode)
    assert parameter(location, explode=not explode).explode is not explode


@rows(
    ("location", "style", "explode"),
    [("path", "label", False), ("path", "matrix", False), ("query", "spaceDelimited", False), ("query", "form", True)],
)
def test_only_style_form_is_exploded_by_itself(location: str, style: str, explode: bool) -> None:
    assert parameter(location, LIST, style=style).explode is explode


def test_what_separates_items() -> None:
    assert parameter("query", LIST, style="spaceDelimited").separators == (" ",)
    assert parameter("query", LIST, style="pipeDelimited").separators == ("|",)
    assert parameter("query", LIST, explode=False).separators == (",",)


def test_what_else_is_said_of_a_parameter() -> None:
    found = parameter("query", allowEmptyValue=True, allowReserved=True, required=True)
    assert (found.allow_empty, found.allow_reserved, found.required) == (True, True, True)
    assert (found.pointer, found.schema, found.shape) == ("/p", "/p/schema", Shape(("integer",)))
    assert not parameter("header", allowEmptyValue=True).allow_empty
    assert not parameter("path", allowReserved=True, required=True).allow_reserved


@rows("name", ["Accept", "content-type", "AUTHORIZATION"])
def test_fields_that_other_parts_of_a_document_speak_of_are_no_parameters(name: str) -> None:
    unsupported: list[Problem] = []
    raw = {"name": name, "in": "header", "style": "matrix"}
    assert read_parameter(SchemaGraph({"p": raw}, "3.1.0", Problems()), "/p", raw, unsupported) is None
    assert not unsupported


@rows(
    ("location", "schema", "more", "message"),
    [
        ("query", INTEGER, {"style": "matrix"}, "the style of query parameters is form or spaceDelimited or"),
        ("path", INTEGER, {"style": "form"}, "the style of path parameters is simple or label or matrix, not form"),
        ("header", INTEGER, {"style": "label"}, "the style of header parameters is simple, not label"),
        ("cookie", INTEGER, {"style": "simple"}, "the style of cookie parameters is form, not simple"),
        ("body", INTEGER, {}, "there are no body parameters"),
        ("query", NESTED, {}, "a in it is an object, which can't be written in this style; deepObject can"),
        ("query", {"type": "array", "items": OBJECT}, {"explode": False}, "[] in it is an object, which can't be"),
        ("query", OBJECT, {"style": "pipeDelimited", "explode": True}, "it is an object, which can't be written"),
        ("path", NESTED, {}, "a in it is an object, which can't be written in this style"),
        ("cookie", LIST, {}, "it is a list, which can't be written in a cookie with explode: true, the default;"),
        ("cookie", OBJECT, {"explode": True}, "it is an object, which can't be written in a cookie with explode"),
        ("query", {"type": "null"}, {}, "no text is a value of it"),
        ("query", None, {"content": {}}, "it has neither a schema nor content of a media type"),
        ("query", None, {"content": {"nonsense": {}}}, "it has neither a schema nor content of a media type"),
        ("query", None, {"content": {"text/xml": {"schema": OBJECT}}}, "it is an object, which can't be read from"),
    ],
)
def test_what_is_not_defined_is_a_mistake(location: str, schema: Any, more: dict[str, Any], message: str) -> None:
    found, [problem] = read(location, schema, **more)
    assert found is None
    assert problem.message.startswith(f"the {location} parameter p can't be validated: {message}")
    assert (problem.pointer, problem.hint) == ("/p", "to let it pass unchecked, set validate.request.mode: off")


def test_objects_in_objects_can_be_written_in_brackets() -> None:
    found = parameter("query", NESTED, style="deepObject")
    assert found.explode
    assert found.shape.field("a") == Shape((), properties={"a": Shape(("integer",))})


def test_an_exploded_object_is_spread_over_the_query() -> None:
    assert parameter("query", OBJECT).is_spread
    assert not parameter("query", OBJECT, explode=False).is_spread
    assert not parameter("query", OBJECT, style="deepObject").is_spread
    assert not parameter("query", LIST).is_spread


def test_content_is_json_or_text() -> None:
    json = parameter("query", content={"application/vnd.x+json; v=1": {"schema": NESTED}})
    assert json.holds_json
    assert (json.schema, json.media_type) == (
        "/p/content/application~1vnd.x+json; v=1/schema",
        "application/vnd.x+json; v=1",
    )
    assert parameter("header", content={"application/json": {}}).schema is None
    text = parameter("cookie", content={"text/plain": {"schema": {"type": ["integer", "array"]}}})
    assert (text.holds_json, text.shape) == (False, Shape(("integer",)))


# Swagger 2.0, whose parameters are their own schemas.


def read_20(location: str, **raw: Any) -> tuple[SpecParameter | None, list[Problem]]:
    raw = {"name": "p", "in": location, **raw}
    unsupported: list[Problem] = []
    graph = SchemaGraph({"p": raw}, "3.0.0", Problems())
    return read_parameter(graph, "/p", raw, unsupported, schema="/p"), unsupported


@rows(
    ("location", "more", "style", "explode", "separators"),
    [
        ("query", {}, "form", False, (",",)),
        ("query", {"collectionFormat": "csv"}, "form", False, (",",)),
        ("query", {"collectionFormat": "ssv"}, "delimited", False, (" ",)),
        ("query", {"collectionFormat": "tsv"}, "delimited", False, ("\t",)),
        ("query", {"collectionFormat": "pipes"}, "delimited", False, ("|",)),
        ("query", {"collectionFormat": "multi"}, "form", True, (",",)),
        ("path", {}, "simple", False, (",",)),
        ("path", {"collectionFormat": "pipes"}, "delimited", False, ("|",)),
        ("header", {"collectionFormat": "ssv"}, "delimited", False, (" ",)),
    ],
)
def test_collection_formats(
    location: str, more: dict[str, str], style: str, explode: bool, separators: tuple[str, ...]
) -> None:
    found, unsupported = read_20(location, type="array", items=INTEGER, **more)
    assert not unsupported
    assert found is not None
    assert (found.style, found.explode, found.separators) == (style, explode, separators)
    assert (found.schema, found.shape) == ("/p", Shape((), Shape(("integer",))))


def test_lists_in_lists_have_a_separator_each() -> None:
    inner = {"type": "array", "items": INTEGER}
    found, _ = read_20("query", type="array", collectionFormat="pipes", items=inner)
    assert found is not None
    assert (found.separators, found.shape) == (("|", ","), Shape((), Shape((), Shape(("integer",)))))
    found, [problem] = read_20("query", type="array", items=inner)
    assert found is None
    assert "same separator" in problem.message


def test_a_single_value_of_2_0() -> None:
    found, _ = read_20("query", type="integer", allowEmptyValue=True)
    assert found is not None
    assert (found.shape, found.style, found.allow_empty) == (Shape(("integer",)), "form", True)


# Routes.


def test_a_parameter_in_style_matrix_has_its_semicolon_in_the_route() -> None:
    matrix, simple = parameter("path", style="matrix"), parameter("path")
    assert route_of("/a/{p}/{q}", [matrix]) == "/a/;{p}/{q}"
    assert route_of("/a{p}.json", [matrix]) == "/a;{p}.json"
    assert route_of("/a/{p}", [simple]) == "/a/{p}"
