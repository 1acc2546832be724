from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.entity import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hosts">]><r>&x;</r>',
        '<!doctype a system "http://x/y">',
        '<!ENTITY % a SYSTEM "x">',
        '<xi:include parse="text" href="file:///x"/>',
    ],
)
def test_a_declaration_in_xml_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "<!DOCTYPE html><p>x</p>",
        "<order><item/></order>",
        "<![CDATA[ 5 < 6 ]]>",
        "<!-- DOCTYPE -->",
    ],
)
def test_harmless_markup_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 611
