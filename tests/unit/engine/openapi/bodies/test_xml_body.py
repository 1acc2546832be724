"""XML bodies become the values that their schemas describe."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.xml_body import XmlBody, XmlReader
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.xml_reading import read_xml
from portcullis.engine.strict_json import Limits

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "xml": {"attribute": True}},
        "name": TEXT,
        "price": {"type": ["number", "null"]},
        "sold": {"type": "boolean", "xml": {"name": "isSold"}},
        "tags": {"type": "array", "items": {**TEXT, "xml": {"name": "tag"}}, "xml": {"wrapped": True}},
        "nick": {"type": "array", "items": TEXT},
        "code": {"type": ["integer", "string"]},
        "lens": {"type": "object", "properties": {"mm": {"type": "integer", "xml": {"namespace": "urn:m"}}}},
        "free": {"type": "object"},
    },
    "xml": {"name": "thing", "namespace": "urn:t"},
}


def reader(schema: Any = SCHEMA, undeclared: Any = "refuse") -> XmlReader:
    graph = SchemaGraph({"root": schema}, "3.1.0", Problems())
    return XmlReader(read_xml(graph, "/root"), undeclared, Limits(depth=20))


def value(inner: str, attributes: str = "", undeclared: str = "refuse") -> Any:
    text = f'<thing xmlns="urn:t" {XSI}{attributes}>{inner}</thing>'
    return reader(undeclared=undeclared).read(text.encode())


def fault(inner: str, attributes: str = "", undeclared: str = "refuse") -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(BodyError) as caught:
        value(inner, attributes, undeclared)
    return caught.value.fault, caught.value.path


@rows(
    ("inner", "attributes", "expected"),
    [
        ("", "", {}),
        ("\n  ", ' id="7"', {"id": 7}),
        ("<name> a b </name>", "", {"name": " a b "}),
        ("<name/>", "", {"name": ""}),
        ("<price> 1.5 </price>", "", {"price": 1.5}),
        ("<price></price>", "", {"price": None}),
        ('<price xsi:nil="true"/>', "", {"price": None}),
        ("<isSold>true</isSold>", "", {"sold": True}),
        ("<tags><tag>a</tag> <tag>b</tag></tags>", "", {"tags": ["a", "b"]}),
        ("<tags/>", "", {"tags": []}),
        ("<nick>a</nick><name>n</name><nick>b</nick>", "", {"nick": ["a", "b"], "name": "n"}),
        ("<code>12</code>", "", {"code": 12}),
        ("<code>x12</code>", "", {"code": "x12"}),
        ('<lens><m:mm xmlns:m="urn:m">50</m:mm></lens>', "", {"lens": {"mm": 50}}),
        (
            '<free><a>1</a><b x="2"><c/></b><d>1</d></free>',
            "",
            {"free": {"a": "1", "b": {"x": "2", "c": ""}, "d": "1"}},
        ),
        ('<name xmlns="">n</name>', "", {"name": "n"}),
        ("<free><a><b/><b>1</b><b><c/></b></a></free>", "", {"free": {"a": {"b": ["", "1", {"c": ""}]}}}),
    ],
)
def test_elements_become_values(inner: str, attributes: str, expected: Any) -> None:
    assert value(inner, attributes) == expected


@rows(
    ("inner", "attributes", "fault_and_path"),
    [
        ("<other/>", "", ("undeclared", ("other",))),
        ("<sold>true</sold>", "", ("undeclared", ("sold",))),
        ("", ' x="1"', ("undeclared", ("x",))),
        ("", ' name="1"', ("undeclared", ("name",))),
        ("<id>7</id>", "", ("undeclared", ("id",))),
        ('<name lang="de">a</name>', "", ("undeclared", ("name", "lang"))),
        ('<name xsi:type="admin">a</name>', "", ("undeclared", ("name", "type"))),
        ("<lens><mm>50</mm></lens>", "", ("undeclared", ("lens", "mm"))),
        ("<tags><label/></tags>", "", ("undeclared", ("tags", "label"))),
        ("<name>a</name><name>b</name>", "", ("duplicate", ("name",))),
        ("<free><a/><a/></free>", "", ("duplicate", ("free", "a"))),
        ("<price>much</price>", "", ("type", ("price",))),
        ("<price>\u00a0</price>", "", ("type", ("price",))),
        ("\u00a0", "", ("malformed", ())),
        ("<lens/>text", "", ("malformed", ())),
        ("<tags><tag/>text</tags>", "", ("malformed", ("tags",))),
        ("<isSold>1</isSold>", "", ("type", ("sold",))),
        ("", ' id="seven"', ("type", ("id",))),
        ("<name><b>x</b></name>", "", ("undeclared", ("name", "b"))),
        ("text", "", ("malformed", ())),
        ("<lens>text</lens>", "", ("malformed", ("lens",))),
        ('<lens>x<m:mm xmlns:m="urn:m">50</m:mm></lens>', "", ("malformed", ("lens",))),
        ('<name xsi:nil="true"/>', "", ("undeclared", ("name", "nil"))),
    ],
)
def test_what_is_not_declared_or_of_another_type_is_refused(
    inner: str, attributes: str, fault_and_path: tuple[str, tuple[str, ...]]
) -> None:
    assert fault(inner, attributes) == fault_and_path


def test_what_is_not_declared_is_passed_over_where_it_may_be() -> None:
    assert value("<other><a/></other><name>n</name>", ' x="1"', "allow") == {"name": "n"}
    assert fault("<other/>", "", "strip") == ("undeclared", ("other",))


def test_the_root_has_its_name_and_namespace() -> None:
    for text in (b"<thing/>", b'<other xmlns="urn:t"/>', b'<thing xmlns="urn:x"/>'):
        with pytest.raises(BodyError) as caught:
            reader().read(text)
        assert caught.value.allowed == "thing"


def test_a_list_or_a_text_may_be_the_root() -> None:
    listed = {"type": "array", "items": {"type": "integer", "xml": {"name": "n"}}, "xml": {"name": "ns"}}
    assert reader(listed).read(b"<ns><n>1</n><n>2</n></ns>") == [1, 2]
    assert reader({"type": "integer"}).read(b"<any>7</any>") == 7


def test_of_several_types_the_one_that_fits_is_taken() -> None:
    schema = {"type": "object", "properties": {"code": {"type": ["integer", "string"]}}}

    def only_text(values: Any) -> bool:
        return isinstance(values["k"]["code"], str)

    body = XmlBody("k", reader(schema), only_text)
    assert body.read(b"<a><code>12</code></a>") == ({"code": "12"}, None)
    assert XmlBody("k", reader(schema), lambda _values: True).read(b"<a><code>12</code></a>").value == {"code": 12}
    assert body.write(b"<a/>", {}) is None


def test_recursion_is_followed_as_deep_as_the_text_goes() -> None:
    root = {"root": {"$ref": "#/components/schemas/N"}, "components": {"schemas": {"N": {
        "type": "object", "properties": {"n": {"$ref": "#/components/schemas/N"}, "v": TEXT}}}}}  # fmt: skip
    read = XmlReader(read_xml(SchemaGraph(root, "3.1.0", Problems()), "/root"), "refuse", Limits(depth=5))
    assert read.read(b"<N><n><n><v>x</v></n></n></N>") == {"n": {"n": {"v": "x"}}}
    with pytest.raises(BodyError) as caught:
        read.read(b"<N><n><n><n><n><n/></n></n></n></n></N>")
    assert caught.value.fault == "limit"


@pytest.mark.slow
def test_a_megabyte_takes_a_fraction_of_a_second() -> None:
    limits = Limits(depth=20, keys=300_000)
    schema = {"type": "object", "properties": {"n": {"type": "array", "items": TEXT}, "free": {"type": "object"}}}
    read = XmlReader(read_xml(SchemaGraph({"root": schema}, "3.1.0", Problems()), "/root"), "refuse", limits)
    for text in (b"<a>%b</a>" % (b"<n/>" * 200_000), b"<a><free><x>%b</x></free></a>" % (b"<n/>" * 200_000)):
        began = time.process_time()
        read.read(text)
        assert time.process_time() - began < 1  # 0.12 where nothing else runs
