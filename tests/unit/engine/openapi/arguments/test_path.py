"""The parameters in a path."""

from __future__ import annotations

from typing import Any

from rows import rows

INTEGER = {"type": "integer"}
INTEGERS = {"type": "array", "items": INTEGER}
STRINGS = {"type": "array", "items": {"type": "string"}}
POINT = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}}


def p(name: str = "p", schema: Any = INTEGER, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "path", "schema": schema, **more}


@rows(
    ("declared", "template", "path", "value"),
    [
        (p(), "/a/{p}", "/a/7", 7),
        (p(schema={}), "/a/{p}", "/a/x%2Cy", "x,y"),
        (p(schema=INTEGERS), "/a/{p}", "/a/1,2", [1, 2]),
        (p(schema=STRINGS), "/a/{p}", "/a/x%2Cy,z", ["x,y", "z"]),
        (p(schema=STRINGS, explode=True), "/a/{p}", "/a/x,y", ["x", "y"]),
        (p(schema=STRINGS), "/a/{p}.json", "/a/x,y%20.json", ["x", "y "]),
        (p(schema=STRINGS), "/caf%C3%A9-{p}", "/caf%C3%A9-x,y", ["x", "y"]),
        (p(schema=POINT), "/a/{p}", "/a/x,1,y,2", {"x": 1, "y": 2}),
        (p(schema=POINT, explode=True), "/a/{p}/b", "/a/x=1,y=2/b", {"x": 1, "y": 2}),
        (p(style="label"), "/a/{p}", "/a/.7", 7),
        (p(style="label"), "/a{p}", "/a.7", 7),
        (p(schema=INTEGERS, style="label"), "/a/{p}", "/a/.1,2", [1, 2]),
        (p(schema=INTEGERS, style="label", explode=True), "/a/{p}", "/a/.1.2", [1, 2]),
        (p(schema=POINT, style="label", explode=True), "/a/{p}", "/a/.x=1.y=2", {"x": 1, "y": 2}),
        (p(style="matrix"), "/a/{p}", "/a/;p=7", 7),
        (p(style="matrix"), "/a{p}", "/a;p=7", 7),
        (p(schema=STRINGS, style="matrix"), "/a{p}/b", "/a;p=x,y%2Cz/b", ["x", "y,z"]),
        (p(schema=INTEGERS, style="matrix", explode=True), "/a{p}", "/a;p=1;p=2", [1, 2]),
        (p(schema=POINT, style="matrix"), "/a/{p}", "/a/;p=x,1,y,2", {"x": 1, "y": 2}),
        (p(schema=POINT, style="matrix", explode=True), "/a/{p}", "/a/;x=1;y=2", {"x": 1, "y": 2}),
        (p(schema={"oneOf": [INTEGER, INTEGERS]}), "/a/{p}", "/a/1,2", [1, 2]),
    ],
)
def test_values_in_paths(operate: Any, declared: dict[str, Any], template: str, path: str, value: Any) -> None:
    assert operate(declared, path=template).read(path=path) == {"p": value}


@rows(
    ("declared", "path", "where"),
    [
        (p(), "/a/x", ()),
        (p(schema=INTEGERS), "/a/1,x", (1,)),
        (p(schema=INTEGERS), "/a/1%2C2", (0,)),
        (p(schema=POINT), "/a/x,1,y", ()),
        (p(style="label"), "/a/7", ()),
        (p(schema=POINT, style="label", explode=True), "/a/.x=1.x=2", ("x",)),
    ],
)
def test_what_is_not_written_so_is_refused(operate: Any, declared: Any, path: str, where: tuple[Any, ...]) -> None:
    fault, *place = operate(declared, path="/a/{p}").fault(path=path)
    assert fault in ("malformed", "repeated")
    assert place == ["path", "p", *([where] if where else [])]


def test_several_parameters_in_style_matrix(operate: Any) -> None:
    operation = operate(p("q", style="matrix"), p(schema=INTEGERS, style="matrix"), path="/a/{q}/{p}")
    assert operation.read(path="/a/;q=1/;p=2,3") == {"q": 1, "p": [2, 3]}
    assert operation.fault(path="/a/;p=1/;p=2") == ("malformed", "path", "q")


def test_several_in_one_segment(operate: Any) -> None:
    operation = operate(p("from", INTEGERS), p("to"), path="/a/{from}-{to}/b")
    assert operation.read(path="/a/1,2-3/b") == {"from": [1, 2], "to": 3}


def test_a_text_that_can_not_be_told_from_what_surrounds_it_is_refused(operate: Any) -> None:
    operation = operate(p(schema=STRINGS), path="/a/@{p}")
    assert operation.read(path="/a/@x,y") == {"p": ["x", "y"]}
    assert operation.fault(path="/a/%40x,y") == ("malformed", "path", "p")


def test_json_in_a_path(operate: Any) -> None:
    declared = {"name": "p", "in": "path", "content": {"application/json": {"schema": INTEGERS}}}
    assert operate(declared, path="/a/{p}").read(path="/a/%5B1%2C2%5D") == {"p": [1, 2]}
