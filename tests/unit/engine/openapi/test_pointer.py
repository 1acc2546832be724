"""JSON pointers and local references."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi import pointer

DOCUMENT: dict[str, Any] = {"a": {"b/c": [10, {"m~n": 1}]}, "": 0, "with space": 2}


def test_joining_and_splitting_are_opposites() -> None:
    tokens = ["paths", "/orders/{id}", "a~b", "", "0"]
    joined = pointer.join("", *tokens)
    assert joined == "/paths/~1orders~1{id}/a~0b//0"
    assert pointer.split(joined) == tokens


@rows(("text", "expected"), [("", DOCUMENT), ("/a/b~1c/0", 10), ("/a/b~1c/1/m~0n", 1), ("/", 0), ("/with space", 2)])
def test_what_is_found(text: str, expected: object) -> None:
    assert pointer.look_up(DOCUMENT, text) == expected


@rows("text", ["/x", "/a/b~1c/2", "/a/b~1c/00", "/a/b~1c/-1", "/a/b~1c/-", "/a/b~1c/0/x", "/a/b~1c/٠"])
def test_what_is_not_there(text: str) -> None:
    with pytest.raises(LookupError):
        pointer.look_up(DOCUMENT, text)


@rows(("reference", "expected"), [("#", ""), ("#/a/b~1c", "/a/b~1c"), ("#/with%20space", "/with space")])
def test_local_references(reference: str, expected: str) -> None:
    assert pointer.of_reference(reference) == expected


@rows("reference", ["other.yaml#/a", "http://example.com/a", "#anchor", "#/%ff", "", "a"])
def test_other_references_are_refused(reference: str) -> None:
    with pytest.raises(ValueError):
        pointer.of_reference(reference)
