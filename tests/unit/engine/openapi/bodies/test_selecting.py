"""Which declared body a Content-Type means."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.bodies.binary_body import BinaryBody
from portcullis.engine.openapi.bodies.form_body import FormBody
from portcullis.engine.openapi.bodies.json_body import JsonBody
from portcullis.engine.openapi.bodies.multipart_body import HeldMultipartBody, MultipartBody
from portcullis.engine.openapi.bodies.selecting import BodySelector, Unacceptable
from portcullis.engine.openapi.bodies.text_body import FreeTextBody, TextBody
from portcullis.engine.openapi.bodies.xml_body import XmlBody
from portcullis.engine.openapi.body_reading import SpecBody, SpecContent, read_body
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.strict_json import MAX_DEPTH, Limits

JSON = ("application/json",)
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


def fits(_values: Any) -> bool:
    return True


def selector(*ranges: str) -> BodySelector:
    """A body of these media types, each with a schema of its own name, but those in parentheses."""
    content = tuple(
        SpecContent(parse(text.strip("()")), f"/{text}", None if text.startswith("(") else text) for text in ranges
    )
    names = {text: f"schema of {text}" for text in ranges}
    return BodySelector(SpecBody("/body", required=True, content=content), names, fits)


def read(content: dict[str, Any], undeclared: Any = "refuse", limits: Limits = Limits(depth=64)) -> BodySelector:  # noqa: B008
    """A body that a document declares."""
    root = {"body": {"content": content}}
    body = read_body(SchemaGraph(root, "3.1.0", Problems()), "/body", Problems(), [])
    names = {schema: schema for each in body.content for schema in each.schemas}
    return BodySelector(body, names, fits, undeclared, limits)


@rows(
    "field",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json;charset=utf-8",
        b"application/json; charset=utf8",
        b'application/json; Charset="UTF-8"',
        b"application/json; v=1",
    ],
)
def test_json_is_json_however_it_is_written(field: bytes) -> None:
    selected = selector("application/json").select(field)
    assert isinstance(selected, JsonBody)
    assert selected.key == "schema of application/json"


@rows(
    ("declared", "field", "selected"),
    [
        (("application/*",), b"application/vnd.shop+json", "application/*"),
        (("*/*",), b"application/json", "*/*"),
        (("*/*", "application/json"), b"application/json", "application/json"),
        (("*/*", "application/json"), b"application/merge-patch+json", "*/*"),
        (
            ("application/json", "application/merge-patch+json"),
            b"application/merge-patch+json",
            "application/merge-patch+json",
        ),
        (("application/json", "application/json;v=2"), b"application/json;v=2", "application/json;v=2"),
        (("text/json",), b"text/json", "text/json"),
    ],
)
def test_the_closest_declaration_counts(declared: tuple[str, ...], field: bytes, selected: str) -> None:
    body = selector(*declared).select(field)
    assert isinstance(body, JsonBody)
    assert body.key == f"schema of {selected}"


def test_without_a_schema_any_json_will_do() -> None:
    body = selector("(application/json)").select(b"application/json")
    assert isinstance(body, JsonBody)
    assert body.key == ""


@rows(
    ("declared", "field", "reason"),
    [
        (JSON, None, "The body needs a Content-Type."),
        (JSON, b"", "The Content-Type is not a media type."),
        (JSON, b"application/json, text/plain", "The Content-Type is not a media type."),
        (JSON, b"application/json, application/json", "The Content-Type is not a media type."),
        (JSON, b"application/json; charset=utf-8; charset=utf-16", "The Content-Type is not a media type."),
        (JSON, b"text/json", "Bodies are application/json."),
        (JSON, b"application/vnd.shop+json", "Bodies are application/json."),
        (JSON, b"application/*", "Bodies are application/json."),
        (JSON, b"multipart/form-data; boundary=x", "Bodies are application/json."),
        (("application/*",), b"application/*+json", "Bodies are application/json."),
        (("application/*",), b"application/xml", "Bodies are application/json."),
        (("application/*",), b"application/x-www-form-urlencoded", "Bodies are application/json."),
        (("*/*",), b"text/plain", "Bodies are application/json."),
        (("*/*",), b"multipart/form-data; boundary=x", "Bodies are application/json."),
        (("*/*",), b"*/*", "Bodies are application/json."),
        (("application/json", "text/csv"), b"text/csv", "Bodies are application/json."),
        (("application/json", "a/b+json"), b"a/c", "Bodies are application/json, a/b+json."),
        (JSON, b"application/json;charset=utf-16", "JSON is UTF-8."),
        (JSON, b"application/json;charset=latin1", "JSON is UTF-8."),
    ],
)
def test_what_is_not_taken(declared: tuple[str, ...], field: bytes | None, reason: str) -> None:
    selected = selector(*declared).select(field)
    assert isinstance(selected, Unacceptable)
    assert selected.reason == reason


CONTENT = {
    "application/json": {"schema": OBJECT},
    "application/x-www-form-urlencoded": {"schema": OBJECT},
    "multipart/form-data": {"schema": OBJECT},
    "application/xml": {"schema": OBJECT},
    "text/plain": {"schema": {"type": "string", "maxLength": 3}},
    "text/csv": {},
    "image/*": {},
}


@rows(
    ("field", "kind"),
    [
        (b"application/json", JsonBody),
        (b"Application/X-WWW-Form-Urlencoded; charset=UTF-8", FormBody),
        (b"multipart/form-data; boundary=x", MultipartBody),
        (b"Multipart/Form-Data; Boundary=x", MultipartBody),
        (b"application/xml", XmlBody),
        (b"text/plain;charset=us-ascii", TextBody),
        (b"text/csv; header=present", FreeTextBody),
        (b"image/png", BinaryBody),
    ],
)
def test_each_kind_of_body_has_its_reader(field: bytes, kind: type) -> None:
    assert isinstance(read(CONTENT).select(field), kind)


@rows(
    "field",
    [
        b"application/xml; charset=utf-16",
        b"text/plain; charset=iso-8859-1",
        b"text/csv; charset=utf-7",
        b"application/x-www-form-urlencoded; charset=ebcdic",
        b"multipart/form-data; boundary=x; charset=utf-16",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=x; boundary=y",
        b"multipart/mixed; boundary=x",
        b"image/*",
        b"text/html",
    ],
)
def test_what_could_be_read_otherwise_is_not_taken(field: bytes) -> None:
    assert isinstance(read(CONTENT).select(field), Unacceptable)


def test_bytes_of_any_type_are_taken_where_the_schema_says_so() -> None:
    anything = read({"*/*": {"schema": {"type": "string", "format": "binary"}}})
    assert isinstance(anything.select(b"text/plain"), BinaryBody)
    assert isinstance(anything.select(b"application/json"), BinaryBody)


def test_what_streams_says_so() -> None:
    def streams(field: bytes, undeclared: str = "refuse") -> bool:
        selected = read(CONTENT, undeclared).select(field)
        assert not isinstance(selected, Unacceptable)
        return not selected.is_held

    assert [streams(field) for field in (b"image/png", b"text/csv", b"multipart/form-data; boundary=x")] == [True] * 3
    assert not any(streams(field) for field in (b"application/json", b"text/plain", b"application/xml"))
    assert not streams(b"multipart/form-data; boundary=x", "strip")
    assert isinstance(read(CONTENT, "strip").select(b"multipart/form-data; boundary=x"), HeldMultipartBody)
    assert read(CONTENT).streams
    assert not read({"application/json": {}}).streams
    assert not read({"multipart/form-data": {}}, "strip").streams


def test_what_is_taken_is_listed_once() -> None:
    assert selector("*/*", "application/json", "application/problem+json", "text/csv").accepted == (
        "application/json, application/problem+json"
    )
    assert read(CONTENT).accepted.endswith("application/xml, text/plain, text/csv, image/*")


def test_depth_is_left_to_schemas_that_bound_it() -> None:
    def depth(schema: Any, undeclared: str = "refuse") -> int:
        body = read({"application/json": {"schema": schema}}, undeclared).select(b"application/json")
        assert isinstance(body, JsonBody)
        return body.limits.depth

    assert depth(OBJECT) == MAX_DEPTH
    assert depth({"type": "object"}) == 64
    assert depth(OBJECT, "allow") == 64
    assert depth(OBJECT, "strip") == 64


def test_long_content_types_are_not_remembered() -> None:
    select = selector("application/json")
    for number in range(10):
        assert isinstance(select.select(b"x/y;a=%d" % number + b"x" * 300), Unacceptable)
        assert isinstance(select.select(b"multipart/form-data; boundary=%d" % number), Unacceptable)
    assert select._select_short.cache_info().currsize == 0
    assert isinstance(select.select(b"application/json;a=" + b"x" * 300), JsonBody)
