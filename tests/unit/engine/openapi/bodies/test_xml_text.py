"""XML texts: read one way only, or refused at once."""

from __future__ import annotations

import time
from xml.etree.ElementTree import ParseError

import pytest
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring as read_safely  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.xml_text import MAX_NAMESPACE, Element, parse_xml
from portcullis.engine.strict_json import Limits

LIMITS = Limits(depth=8, keys=100, string=1000)


def parse(text: str | bytes, limits: Limits = LIMITS) -> Element:
    return parse_xml(text.encode() if isinstance(text, str) else text, limits)


def shown(element: Element) -> object:
    return (element.tag, element.attrib, element.text or "", [(shown(child), child.tail or "") for child in element])


def fault(text: str | bytes, limits: Limits = LIMITS) -> tuple[str, str]:
    with pytest.raises(BodyError) as caught:
        parse(text, limits)
    return caught.value.fault, caught.value.found or caught.value.allowed


def test_elements_attributes_and_text_are_read() -> None:
    text = '<?xml version="1.0" encoding="utf-8"?>\n<a x="1"> <b>t&lt;&#233;</b><b/></a>\n'
    assert shown(parse(text)) == ("a", {"x": "1"}, " ", [(("b", {}, "t<é", []), ""), (("b", {}, "", []), "")])


def test_names_have_their_namespace() -> None:
    root = parse('<p:a xmlns:p="urn:p" xmlns="urn:d" p:x="1" y="2"><b/></p:a>')
    assert root.tag == "{urn:p}a"
    assert root.attrib == {"{urn:p}x": "1", "y": "2"}
    assert root[0].tag == "{urn:d}b"


def test_cdata_alone_is_text() -> None:
    assert parse("<a><![CDATA[<b>]]></a>").text == "<b>"
    assert parse("<a><![CDATA[<!DOCTYPE x><!-- --><?x?>]]></a>").text == "<!DOCTYPE x><!-- --><?x?>"
    assert [child.text for child in parse("<a><b><![CDATA[1]]></b><b>2</b><b><![CDATA[3]]></b></a>")] == ["1", "2", "3"]


@rows(
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


@rows(
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
        ("<a>x><![CDATA[y]]></a>", "it has CDATA beside text"),
        ("<a><b/>x<![CDATA[y]]></a>", "it has CDATA beside text"),
        ("<a><![CDATA[]]><!-- x --></a>", "it has a comment"),
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


@rows("data", [b"\xff", "<a/>".encode("utf-16"), b"<a>\x00</a>", b"<a>\xc0\xaf</a>"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert fault(data)[0] == "malformed"


@rows(
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


def test_a_text_at_its_limits_is_read() -> None:
    assert parse("<a>" * 8 + "</a>" * 8).tag == "a"
    assert len(parse("<a>" + "<b/>" * 99 + "</a>")) == 99
    assert len(parse("<a " + " ".join(f'x{n}="1"' for n in range(99)) + "/>").attrib) == 99
    assert parse('<a x="' + "x" * 1000 + '">' + "x" * 1000 + "</a>").text == "x" * 1000


def test_markup_within_text_is_not_counted() -> None:
    assert parse("<a>" + "x=y " * 200 + "</a>").text == "x=y " * 200
    assert parse("<a><![CDATA[" + "<" * 200 + "]]></a>").text == "<" * 200


@rows("declaration", ['xmlns="{}"', 'xmlns:p="{}"', 'xmlns="urn:x" xmlns:p="{}"'])
def test_the_name_of_a_namespace_is_short_since_every_element_has_it(declaration: str) -> None:
    assert parse(f"<a {declaration.format('u' * MAX_NAMESPACE)}/>") is not None
    assert fault(f"<a {declaration.format('u' * (MAX_NAMESPACE + 1))}/>")[0] == "limit"


def test_a_namespace_may_be_taken_back() -> None:
    assert parse('<a xmlns="urn:x"><b xmlns=""/></a>')[0].tag == "b"


PIECES = (
    *("<a>", "</a>", "<b/>", "<b x='1'>", "</b>", '<b x="<![CDATA[">', "<p:b xmlns:p='u'/>", "x", " ", "&lt;", "&x;"),
    *("<![CDATA[", "]]>", "<![CDATA[y]]>", "<!--", "-->", "<?p", "?>", "<!DOCTYPE a [", "]>", "<!ENTITY x 'y'>", ">"),
    *("<?xml version='1.0'?>", "<?xml version='1.0' encoding='utf-16'?>", "<!", "<", "=", "\n", "\ufeff"),
)


def as_others_read(text: str) -> object:
    """The text as the library for hostile XML reads it, ``None`` where it is refused there."""
    try:
        return shown(read_safely(text, forbid_dtd=True))
    except (DefusedXmlException, ParseError, ValueError):
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>")
@example("<!-- <![CDATA[ --><!DOCTYPE a><a>]]></a>")
@example("<?p <![CDATA[ ?><!DOCTYPE a><a>]]></a>")
def test_what_is_read_is_read_as_by_others_and_never_has_a_document_type(text: str) -> None:
    try:
        found = shown(parse(text))
    except BodyError:
        return
    assert found == as_others_read(text)


@rows(
    "text",
    [
        "<a>" * 50_000,
        "<a>" * 50_000 + "</a>" * 50_000,
        "<a " + " ".join(f'x{n}="1"' for n in range(20_000)) + "/>",
        "<a>" + "&#97;" * 50_000,
        f'<a xmlns="{"u" * 500_000}">' + "<b/>" * 900 + "</a>",
    ],
    ids=["open", "deep", "attributes", "references", "a long namespace"],
)
def test_hostile_texts_take_little_time(text: str) -> None:
    limits = Limits(depth=64, keys=1000, string=10**4)
    began = time.process_time()
    with pytest.raises(BodyError):
        parse(text, limits)
    assert time.process_time() - began < 0.2


@pytest.mark.slow
def test_a_megabyte_takes_a_fraction_of_a_second() -> None:
    began = time.process_time()
    assert len(parse("<a>" + "<b/>" * 250_000 + "</a>", Limits(depth=64, keys=300_000, string=10**6))) == 250_000
    assert time.process_time() - began < 0.5  # 0.04 where nothing else runs
