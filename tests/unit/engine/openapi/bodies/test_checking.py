"""Bodies are read, held against their schemas, and explained where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.openapi.bodies.checking import BodyChecker
from portcullis.engine.openapi.bodies.selecting import BodySelector, Unacceptable
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.explaining import Explanation, RequestExplainer

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 3}}}
MULTIPART = b"multipart/form-data; boundary=X"
PART = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n%b\r\n--X--\r\n'


@pytest.fixture(scope="module")
def document(load: Callable[..., SpecDocument]) -> SpecDocument:
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml")
    content = {**{kind: {"schema": SCHEMA} for kind in kinds}, "image/png": {}}
    return load({"/a": {"post": {"requestBody": {"content": content}}}})


WRONG = Code("validate.test", 400, "Wrong")
MISSING = Refuse(WRONG, "missing")


def refusal(explanation: Explanation) -> Refuse:
    """A refusal whose ``source`` is the keyword of the explanation."""
    finding = msgspec.structs.replace(explanation.finding, source=explanation.keyword)
    return Refuse(WRONG, explanation.detail, finding)


class Checking:
    """Checks bodies of the one operation of ``document``."""

    def __init__(self, document: SpecDocument, undeclared: Any = "refuse") -> None:
        (operation,) = document.operations
        assert operation.body is not None
        checks = document.checks()
        self.selector = BodySelector(operation.body, checks.names, checks.checker.fits, undeclared)
        explainer = RequestExplainer(document.reference, operation, checks.checker, checks.names)
        self.checker = BodyChecker(checks, explainer, refusal, MISSING, strips=undeclared == "strip")
        self.facts = Facts()

    def body(self, content_type: bytes) -> Any:
        selected = self.selector.select(content_type)
        assert not isinstance(selected, Unacceptable)
        return selected

    def whole(self, content_type: bytes, data: bytes) -> Refuse | bytes | None:
        return self.checker.whole(self.body(content_type), data, self.facts)


@rows(
    ("content_type", "data"),
    [
        (b"application/json", b'{"a": "x"}'),
        (b"application/x-www-form-urlencoded", b"a=x"),
        (b"application/xml", b"<r><a>x</a></r>"),
        (MULTIPART, PART % b"x"),
    ],
)
def test_what_a_body_says_becomes_a_fact(document: SpecDocument, content_type: bytes, data: bytes) -> None:
    checking = Checking(document)
    assert checking.facts.document is UNREAD
    assert checking.whole(content_type, data) is None
    assert checking.facts.document == {"a": "x"}


def test_bytes_say_nothing(document: SpecDocument) -> None:
    checking = Checking(document)
    assert checking.whole(b"image/png", b"\x89PNG") is None
    assert checking.facts.document is UNREAD


@rows(
    ("content_type", "data", "pointer", "keyword"),
    [
        (b"application/json", b'{"a": "long"}', "/body/a", "maxLength"),
        (b"application/json", b"{", "/body", "malformed_json"),
        (b"application/json", b'{"a": "x", "b": 1}', "/body/b", "additionalProperties"),
        (b"application/x-www-form-urlencoded", b"a=long", "/body/a", "maxLength"),
        (b"application/x-www-form-urlencoded", b"b=x", "/body/b", "undeclared"),
        (b"application/xml", b"<r/>", "/body/a", "required"),
        (MULTIPART, PART % b"long", "/body/a", "maxLength"),
        (MULTIPART, b"--X--", "/body/a", "required"),
        (MULTIPART, b"--Y--", "/body", "malformed"),
    ],
)
def test_what_is_wrong_is_explained(
    document: SpecDocument, content_type: bytes, data: bytes, pointer: str, keyword: str
) -> None:
    found = Checking(document).whole(content_type, data)
    assert isinstance(found, Refuse)
    assert found.finding is not None
    assert (found.finding.pointer, found.finding.source) == (pointer, keyword)


def test_a_body_may_come_in_pieces(document: SpecDocument) -> None:
    checking = Checking(document)
    check = checking.checker.scanner(checking.body(MULTIPART), checking.facts)
    assert check.feed((PART % b"x")[:40]) is None
    assert check.feed((PART % b"x")[40:]) is None
    assert check.end() is None
    assert checking.facts.document == {"a": "x"}


def test_a_body_that_turns_out_to_be_empty_is_missing(document: SpecDocument) -> None:
    checking = Checking(document)
    for kind in (MULTIPART, b"image/png"):
        assert checking.checker.scanner(checking.body(kind), checking.facts).end() is MISSING


def test_what_is_wrong_is_found_in_the_piece_it_is_in(document: SpecDocument) -> None:
    checking = Checking(document)
    check = checking.checker.scanner(checking.body(MULTIPART), checking.facts)
    found = check.feed((PART % b"long")[:-4])
    assert isinstance(found, Refuse)
    assert found.detail == "The part a must be string, at most 3 characters."


def test_what_is_not_declared_is_taken_out_where_that_is_asked(document: SpecDocument) -> None:
    checking = Checking(document, "strip")
    assert checking.whole(b"application/json", b'{"b": 1, "a": "x"}') == b'{"a":"x"}'
    assert checking.facts.document == {"a": "x"}
    assert checking.whole(b"application/x-www-form-urlencoded", b"b=1&a=x") == b"a=x"
    assert isinstance(checking.whole(b"application/xml", b"<r><a>x</a><b/></r>"), Refuse)
    assert isinstance(checking.whole(b"application/json", b'{"b": 1}'), Refuse)
    other = b'--X\r\nContent-Disposition: form-data; name="b"\r\n\r\n1\r\n'
    assert checking.whole(MULTIPART, other + PART % b"x") == PART % b"x"
