"""XML texts: read one way only, or refused at once."""

from __future__ import annotations

import time

import pytest

from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.xml_text import Element, parse_xml
from portcullis.engine.strict_json import Limits

LIMITS = Limits(depth=8, keys=100, string=1000)


def parse(text: str | bytes, limits: Limits = LIMITS) -> Element:
    return parse_xml(text.encode() if isinstance(text, str) else text, limits)


def shown(element: Element) -> object:
    attributes = {name[1]: value for name, value in element.attributes.items()}
    return (element.name[1], attributes, element.text, [shown(child) for child in element.children])


def fault(text: str | bytes, limits: Limits = LIMITS) -> tuple[str, str]:
    with pytest.raises(BodyError) as caught:
        parse(text, limits)
    return caught.value.fault, caught.value.found or caught.value.allowed


def test_elements_attributes_and_text_are_read() -> None:
    text = '<?xml version="1.0" encoding="utf-8"?>\n<a x="1"> <b>t&lt;&#233;</b><b/></a>\n'
    assert shown(parse(text)) == ("a", {"x": "1"}, " ", [("b", {}, "t<é", []), ("b", {}, "", [])])


def test_names_have_their_namespace() -> None:
    root = parse('<p:a xmlns:p="urn:p" xmlns="urn:d" p:x="1" y="2"><b/></p:a>')
    assert root.name == ("urn:p", "a")
    assert root.attributes == {("urn:p", "x"): "1", (None, "y"): "2"}
    assert root.children[0].name == ("urn:d", "b")


def test_cdata_alone_is_text() -> None:
    assert parse("<a><![CDATA[<b>]]></a>").text == "<b>"


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://example.com/"> %p;]><a/>',
    ],
)
def test_document_types_are_refused_before_anything_is_done_about_them(text: str) -> None:
    assert fault(text) == ("malformed", "it has a document type")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<a><!-- x --></a>", "it has a comment"),
        ("<!-- x --><a/>", "it has a comment"),
        ("<a>ad<!-- -->min</a>", "it has a comment"),
        ('<?xml-stylesheet href="x"?><a/>', "it has a processing instruction"),
        ("<a><?php x ?></a>", "it has a processing instruction"),
        ("<a>x<![CDATA[y]]></a>", "it has CDATA beside text"),
        ("<a><![CDATA[y]]>x</a>", "it has CDATA beside text"),
        ("<a><![CDATA[y]]><![CDATA[y]]></a>", "it has CDATA beside text"),
        ("\ufeff<a/>", "it begins with a byte order mark"),
        ('<?xml version="1.1"?><a/>', "its version is not 1.0"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a/>', "its encoding is not UTF-8"),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', "its encoding is not UTF-8"),
        ("<a>&x;</a>", "not well-formed at line 1"),
        ("<a>", "not well-formed at line 1"),
        ("<a/><b/>", "not well-formed at line 1"),
        ("<a/>x", "not well-formed at line 1"),
        ("", "not well-formed at line 1"),
        ('{"a": 1}', "not well-formed at line 1"),
        ('<a x="1" x="2"/>', "not well-formed at line 1"),
        ("<a><b></a></b>", "not well-formed at line 1"),
        ("<p:a/>", "not well-formed at line 1"),
        ("<a>\x01</a>", "not well-formed at line 1"),
    ],
)
def test_what_others_may_read_otherwise_is_refused(text: str, found: str) -> None:
    kind, what = fault(text)
    assert kind == "malformed"
    assert what.startswith(found)


def test_where_a_text_is_not_well_formed_is_said() -> None:
    assert fault("<a>\n  <b>&x;</b></a>") == ("malformed", "not well-formed at line 2, column 6")


@pytest.mark.parametrize("data", [b"\xff", "<a/>".encode("utf-16"), b"<a>\x00</a>", b"<a>\xc0\xaf</a>"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert fault(data)[0] == "malformed"


@pytest.mark.parametrize(
    "text",
    [
        "<a>" * 9 + "</a>" * 9,
        "<a>" + "<b/>" * 100 + "</a>",
        "<a " + " ".join(f'x{n}="1"' for n in range(100)) + "/>",
        "<a>" + "x" * 1001 + "</a>",
        '<a x="' + "x" * 1001 + '"/>',
    ],
)
def test_what_is_too_much_is_refused(text: str) -> None:
    assert fault(text)[0] == "limit"


def test_hostile_texts_take_little_time() -> None:
    limits = Limits(depth=64, keys=1000, string=10**4)
    hostile = ("<a>" * 50_000, "<a " + " ".join(f'x{n}="1"' for n in range(20_000)) + "/>", "<a>" + "&#97;" * 50_000)
    for text in hostile:
        began = time.process_time()
        with pytest.raises(BodyError):
            parse(text, limits)
        assert time.process_time() - began < 1
