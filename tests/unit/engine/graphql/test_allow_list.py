"""The only operations that are taken."""

from __future__ import annotations

import hashlib

import pytest
from graphql import parse
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.graphql.allow_list import AllowList, canonical, digest_of

TEXT = "query A { me { ...f } }\nquery B { me { id } }\nfragment f on Customer { name }\n"


def digest(text: str, name: str = "") -> bytes:
    return digest_of(canonical(parse(text), name))


def test_an_operation_is_known_however_it_is_written() -> None:
    listed = AllowList([("a.graphql", TEXT.encode())])
    assert digest("query A{me{...f}} fragment f on Customer{name}", "A") in listed
    assert digest("fragment f on Customer{name} query A{me{...f}} query Z{x}", "A") in listed
    assert digest("query B{me{id}}", "B") in listed


@rows(
    ("text", "name"),
    [
        ("query B{me{id name}}", "B"),
        ("query A{me{...f}} fragment f on Customer{name email}", "A"),
        ("query C{me{id}}", "C"),
        ("{me{id}}", ""),
    ],
)
def test_another_is_not(text: str, name: str) -> None:
    assert digest(text, name) not in AllowList([("a.graphql", TEXT.encode())])


def test_a_digest_stands_for_a_file_of_one_operation() -> None:
    text = "query B {\n  me { id }\n}\n"
    listed = AllowList([("a.graphql", text.encode())])
    for each in (text, text.strip()):
        found = listed.text_of(hashlib.sha256(each.encode()).hexdigest())
        assert found is not None
        assert digest(found, "B") in listed
    assert listed.text_of("0" * 64) is None


@rows(
    ("content", "place", "told"),
    [
        (b"query {\n  a(", (2, 5), "Syntax Error"),
        (b"\xff", (1, 1), "not UTF-8"),
        (b"fragment f on A { b }", (1, 1), "no operation"),
    ],
)
def test_a_file_that_can_not_be_used_is_told(content: bytes, place: tuple[int, int], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        AllowList([("queries/a.graphql", content)])
    (first,) = error.value.diagnostics
    assert (first.file, first.line, first.column) == ("queries/a.graphql", *place)
    assert told in first.message
