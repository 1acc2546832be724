from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.inspection import parts
from portcullis.engine.inspection.fields import ANYTHING, NOTHING
from portcullis.engine.inspection.parts import pointer_of


def found(source: Any) -> dict[str, list[str]]:
    by_pointer: dict[str, list[str]] = {}
    for part in source:
        by_pointer.setdefault(pointer_of(part.path), []).append(part.text)
    return by_pointer


def test_texts_of_a_value_stand_at_their_pointers_and_names_too() -> None:
    value = {"a": ["x", {"b/c": "y"}], "n": 1}
    expected = {"/body/a": ["a"], "/body/n": ["n"], "/body/a/0": ["x"], "/body/a/1/b~1c": ["b/c", "y"]}
    assert found(parts.of_value(value, ANYTHING, ("body",))) == expected
    assert found(parts.of_value(value, NOTHING, ("body",))) == {}


def test_names_and_values_of_a_query_are_decoded_once() -> None:
    text = "q=a+b%26c&x%5B$ne%5D=1&flag&key=secret"
    expected = {"/query/q": ["a b&c"], "/query/x[$ne]": ["1", "x[$ne]"], "/query/flag": [""]}
    assert found(parts.of_pairs(text, "query", {"key"})) == expected


def test_values_of_the_path_stand_at_their_variables() -> None:
    assert found(parts.of_path({"id": "a b"})) == {"/path/id": ["a b"]}


def test_header_fields_are_read_as_utf8_or_latin1_and_cookies_one_by_one() -> None:
    fields = [
        (b"user-agent", "ü".encode()),
        (b"referer", b"\xfc"),
        (b"accept", b"*/*"),
        (b"cookie", b'a="1"; <b>=2; c'),
    ]
    expected = {
        "/header/user-agent": ["ü"],
        "/header/referer": ["ü"],
        "/cookie/a": ['"1"'],
        "/cookie/<b>": ["2", "<b>"],
        "/cookie/c": ["c"],
    }
    assert found(parts.of_fields(fields, {b"accept"})) == expected


def test_a_key_that_is_repeated_keeps_all_its_values() -> None:
    assert parts.read_json(b'{"a": "x", "b": 1, "a": {"c": "y"}, "a": "z"}') == {"a": ["x", {"c": "y"}, "z"], "b": 1}


def test_json_that_is_too_much_for_a_gateway_is_read_as_far_as_it_can_be() -> None:
    assert parts.read_json(b'{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890}
    assert isinstance(parts.read_json(b"[" * 400 + b"]" * 400), list)


@rows("data", [b"{", b"", b"\xff", b"[" * 200_000])
def test_what_is_no_json_is_no_value(data: bytes) -> None:
    with pytest.raises(ValueError):
        parts.read_json(data)


def test_texts_and_attributes_of_xml_are_unescaped() -> None:
    data = b'<?xml version="1.0"?><a href="x &lt; y"><b c=\'1\'>t &amp; u</b>tail<![CDATA[<raw>]]]></a>'
    expected = {
        "/body": ['<?xml version="1.0"?>'],
        "/body/a/href": ["x < y"],
        "/body/b/c": ["1"],
        "/body/b": ["t & u", "tail", "<raw>]"],
    }
    assert found(parts.of_xml(data)) == expected


def test_what_is_no_xml_is_looked_at_as_far_as_it_goes() -> None:
    assert found(parts.of_xml(b"no markup < here")) == {"/body": ["no markup < here"]}
    assert found(parts.of_xml(b"")) == {}


def test_a_declaration_of_a_document_type_is_a_text_of_its_own() -> None:
    got = found(parts.of_xml(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'))
    assert any("ENTITY" in text for text in got["/body"])


def test_a_text_is_one_part() -> None:
    assert found(parts.of_text(b"caf\xe9")) == {"/body": ["café"]}
