"""Which bodies a document declares, and how each is read."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.body_reading import SpecBody, SpecBytes, SpecText, read_body
from portcullis.engine.openapi.form_reading import SpecForm
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.multipart_reading import SpecParts
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.xml_reading import SpecXml

TEXT = {"type": "string"}
BYTES = {"type": "string", "format": "binary"}
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}}


class Read:
    """A request body of the media types ``content``, read."""

    def __init__(self, content: Any, **more: Any) -> None:
        self.problems = Problems()
        self.unsupported: list[Problem] = []
        root = {"body": {"content": content, **more}, "components": {"schemas": {"O": OBJECT}}}
        graph = SchemaGraph(root, "3.1.0", self.problems)
        self.body: SpecBody = read_body(graph, "/body", self.problems, self.unsupported)

    @property
    def warnings(self) -> list[tuple[str, str]]:
        return [(each.pointer, each.message) for each in self.problems if each.severity == "warning"]


def reading(media_type: str, schema: Any = None) -> Any:
    (content,) = Read({media_type: {} if schema is None else {"schema": schema}}).body.content
    return content.reading


@rows(
    ("media_type", "schema", "kind"),
    [
        ("application/json", OBJECT, type(None)),
        ("application/json", BYTES, type(None)),
        ("application/vnd.x+json", None, type(None)),
        ("text/json", OBJECT, type(None)),
        ("*/*", OBJECT, type(None)),
        ("*/*", None, type(None)),
        ("*/*", BYTES, SpecBytes),
        ("application/*", BYTES, SpecBytes),
        ("image/*", None, SpecBytes),
        ("image/png", BYTES, SpecBytes),
        ("text/*", TEXT, SpecText),
        ("application/x-www-form-urlencoded", OBJECT, SpecForm),
        ("application/x-www-form-urlencoded; charset=utf-8", OBJECT, SpecForm),
        ("application/x-www-form-urlencoded", None, SpecForm),
        ("multipart/form-data", OBJECT, SpecParts),
        ("multipart/form-data", None, SpecParts),
        ("text/plain", TEXT, SpecText),
        ("text/plain", {"type": "integer"}, SpecText),
        ("text/plain", None, SpecText),
        ("text/plain", BYTES, SpecBytes),
        ("text/yaml", OBJECT, SpecBytes),
        ("application/octet-stream", BYTES, SpecBytes),
        ("application/octet-stream", None, SpecBytes),
        ("application/x-msgpack", OBJECT, SpecBytes),
        ("application/xml", OBJECT, SpecXml),
        ("application/xml", None, SpecXml),
        ("text/xml", OBJECT, SpecXml),
        ("application/soap+xml", OBJECT, SpecXml),
        ("application/xml", BYTES, SpecBytes),
    ],
)
def test_media_type_and_schema_say_how_a_body_is_read(media_type: str, schema: Any, kind: type) -> None:
    assert type(reading(media_type, schema)) is kind


def test_text_streams_where_any_will_do() -> None:
    assert reading("text/plain", TEXT).is_free
    assert reading("text/csv").is_free
    assert not reading("text/plain", {"type": "string", "maxLength": 3}).is_free
    assert not reading("text/plain", {"type": "integer"}).is_free


def test_bytes_are_bounded_by_their_schema() -> None:
    bounds = reading("image/png", {**BYTES, "minLength": 2, "maxLength": 9}).bounds
    assert (bounds.least, bounds.most) == (2, 9)


def test_what_is_only_counted_though_it_has_a_shape_is_named() -> None:
    read = Read({"application/x-msgpack": {"schema": OBJECT}, "application/json": {"schema": OBJECT}})
    assert read.warnings == [
        (
            "/body/content/application~1x-msgpack",
            "bodies of application/x-msgpack are only counted: nothing here reads them",
        )
    ]


@rows(
    ("content", "pointer"),
    [
        ({"multipart/mixed": {}}, "/body/content/multipart~1mixed"),
        ({"multipart/related": {"schema": OBJECT}}, "/body/content/multipart~1related"),
        ({"multipart/form-data": {"schema": TEXT}}, "/body/content/multipart~1form-data"),
        ({"application/x-www-form-urlencoded": {"schema": TEXT}}, "/body/content/application~1x-www-form-urlencoded"),
        ({"application/xml": {"schema": {"type": "array"}}}, "/body/content/application~1xml"),
    ],
)
def test_what_can_not_be_read_is_unsupported_if_there_is_nothing_else(content: Any, pointer: str) -> None:
    read = Read(content)
    assert [problem.pointer for problem in read.unsupported] == [pointer]
    beside = Read({**content, "application/json": {}})
    assert not beside.unsupported
    assert [where for where, _ in beside.warnings] == [pointer]
    assert beside.warnings[0][1].endswith(": such bodies are refused")


def test_a_media_type_that_is_none_is_an_error() -> None:
    read = Read({"json": {}})
    assert [problem.pointer for problem in read.problems] == ["/body/content/json"]


def test_schemas_of_parts_are_checked_too() -> None:
    parts = {"type": "object", "properties": {"a": TEXT, "f": BYTES, "l": {"type": "array", "items": TEXT}}}
    (content,) = Read({"multipart/form-data": {"schema": parts}}).body.content
    here = "/body/content/multipart~1form-data/schema"
    assert list(content.schemas) == [here, f"{here}/properties/a", f"{here}/properties/l/items"]
    (content,) = Read({"application/json": {"schema": OBJECT}}).body.content
    assert list(content.schemas) == ["/body/content/application~1json/schema"]
    (content,) = Read({"application/x-www-form-urlencoded": {}}).body.content
    assert list(content.schemas) == []


@rows(
    ("content", "least", "most"),
    [
        ({"application/json": {"schema": OBJECT}}, 10, 300),
        ({"application/octet-stream": {"schema": {**BYTES, "maxLength": 5000}}}, 5000, 5000),
        ({"text/plain": {"schema": {"type": "string", "maxLength": 100}}}, 400, 400),
        ({"application/x-www-form-urlencoded": {"schema": OBJECT}}, 100, 8192),
        ({"application/xml": {"schema": OBJECT}}, 100, 8192),
        (
            {"multipart/form-data": {"schema": {"type": "object", "properties": {"f": {**BYTES, "maxLength": 10**6}}}}},
            10**6,
            10**7,
        ),
        ({"application/json": {"schema": OBJECT}, "image/png": {"schema": {**BYTES, "maxLength": 9000}}}, 9000, 9000),
    ],
)
def test_the_largest_body_follows_from_bounds(content: Any, least: int, most: int) -> None:
    largest = Read(content).body.largest
    assert largest is not None
    assert least <= largest <= most


@rows(
    "content",
    [
        {"application/json": {}},
        {"application/json": {"schema": {"type": "object"}}},
        {"application/octet-stream": {}},
        {"text/plain": {"schema": TEXT}},
        {"application/json": {"schema": OBJECT}, "image/png": {}},
        {"multipart/form-data": {"schema": {"type": "object", "properties": {"f": BYTES}}}},
        {"multipart/form-data": {}},
    ],
)
def test_there_is_no_largest_body_where_something_is_unbounded(content: Any) -> None:
    assert Read(content).body.largest is None


def test_whether_a_body_is_required() -> None:
    assert not Read({}).body.required
    assert Read({}, required=True).body.required
