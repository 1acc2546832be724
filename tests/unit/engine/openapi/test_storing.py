"""Documents that are stored and restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
from rows import rows

from portcullis.engine.openapi import storing
from portcullis.engine.openapi.document import SpecDocument, load_document, restore_document
from portcullis.engine.openapi.storing import StoredDocument, from_bytes, to_bytes

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}


def content(**more: Any) -> bytes:
    body = {"content": {"application/json": {"schema": {"$ref": "schemas.json#/Order"}}}}
    answer = {"200": {"description": "Fine.", **body}}
    paths = {"/a": {"post": {"requestBody": body, "responses": answer, "summary": "S", "tags": ["t"]}}}
    return orjson.dumps({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths, **more})


FILES = {"schemas.json": orjson.dumps({"Order": SCHEMA})}


@pytest.fixture
def document() -> SpecDocument:
    return load_document("spec.json", content(), FILES.__getitem__)


def test_what_is_restored_is_what_was_stored(document: SpecDocument) -> None:
    document.checks("refuse", "response")
    restored = restore_document(document.dump(), "spec.json", content(), FILES.__getitem__)
    assert restored is not None
    for name in ("source", "version", "title", "base_path", "operations", "webhooks", "keys", "warnings", "digest"):
        assert getattr(restored, name) == getattr(document, name)
    assert restored.warnings  # of a field that is required and not declared
    pointer = document.operations[0].pointer
    assert restored.locate(pointer) == document.locate(pointer)
    assert restored.reference("/x-files/1/Order") == "schemas.json#/Order"
    assert repr(restored) == repr(document)


@rows("direction", ["request", "response"])
def test_restored_checks_check_the_same(document: SpecDocument, direction: Any) -> None:
    before = document.checks("refuse", direction)
    restored = restore_document(document.dump(), "spec.json", content(), FILES.__getitem__)
    assert restored is not None
    after = restored.checks("refuse", direction)
    assert after.names == before.names
    for name in set(after.names.values()):
        assert after.checker.fits({name: {"a": 1, "b": 2}})
        assert not after.checker.fits({name: {"a": 1, "b": 2, "c": 3}})
        assert after.checker.violations(name, {"a": 1}) == before.checker.violations(name, {"a": 1})


def test_checks_that_were_not_stored_are_made(document: SpecDocument) -> None:
    restored = restore_document(document.dump(), "spec.json", content(), FILES.__getitem__)
    assert restored is not None
    checks = restored.checks("allow")
    assert checks.checker.fits({name: {"a": 1, "b": 2, "c": 3} for name in checks.names.values()})


def test_what_is_stored_again_is_the_same(document: SpecDocument) -> None:
    document.checks("refuse", "response")
    stored = document.dump()
    restored = restore_document(stored, "spec.json", content(), FILES.__getitem__)
    assert restored is not None
    assert sorted(restored.dump()) == sorted(stored)


def damaged() -> list[Callable[[bytes], bytes]]:
    return [
        lambda _stored: b"",
        lambda stored: stored[:40],
        lambda stored: stored[:-1],
        lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        lambda stored: bytes([stored[0] ^ 1]) + stored[1:],
        lambda _stored: storing.hashlib.sha256(b"\xc1").digest() + b"\xc1",
        lambda _stored: storing.hashlib.sha256(b"\x80").digest() + b"\x80",
    ]


@rows("damage", damaged())
def test_what_is_not_whole_does_not_count(document: SpecDocument, damage: Callable[[bytes], bytes]) -> None:
    assert restore_document(damage(document.dump()), "spec.json", content(), FILES.__getitem__) is None


def test_what_was_stored_of_other_files_does_not_count(document: SpecDocument) -> None:
    stored = document.dump()
    assert restore_document(stored, "spec.json", content(), FILES.__getitem__) is not None
    assert restore_document(stored, "other.json", content(), FILES.__getitem__) is None
    assert restore_document(stored, "spec.json", content(security=[]), FILES.__getitem__) is None
    assert restore_document(stored, "spec.json", content(), lambda _name: b"{}") is None

    def gone(name: str) -> bytes:
        raise FileNotFoundError(name)

    assert restore_document(stored, "spec.json", content(), gone) is None


def test_what_another_version_stored_does_not_count(document: SpecDocument) -> None:
    found = from_bytes(document.dump(), "spec.json", content(), FILES.__getitem__)
    assert isinstance(found, StoredDocument)
    older = to_bytes(msgspec.structs.replace(found, program="portcullis 0.0.1 0"))
    assert restore_document(older, "spec.json", content(), FILES.__getitem__) is None
