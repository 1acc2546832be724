"""Documents by way of a cache: loaded once, and again only when something has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portcullis.engine import documents as documents_module
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.documents import Documents
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing import FakeFiles

SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {"/orders": {"get": {"responses": {"200": {"$ref": "parts.json#/ok"}}}}},
}
PARTS = {"ok": {"description": "Fine.", "content": {"application/json": {"schema": {"type": "object"}}}}}


class Cache:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts = 0

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.puts += 1
        self.kept[key] = data


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the documents that are really loaded."""
    names: list[str] = []
    load = documents_module.load_document

    def counted(source, data, read=None):
        names.append(source)
        return load(source, data, read)

    monkeypatch.setattr(documents_module, "load_document", counted)
    return names


def files(spec: object = SPEC, parts: object = PARTS) -> FakeFiles:
    return FakeFiles({"shop.json": json.dumps(spec), "parts.json": json.dumps(parts)})


def test_a_document_is_loaded_once_and_restored_the_next_time(loads: list[str]) -> None:
    cache = Cache()
    for _ in range(2):
        documents = Documents(files(), cache)
        document = documents.load("shop.json")
        assert [operation.name for operation in document.operations] == ["GET /orders"]
        assert document.checks("refuse", "response").names
        documents.release(document)
    assert (loads, cache.puts) == (["shop.json"], 1)


def test_what_other_checks_need_is_added(loads: list[str]) -> None:
    cache = Cache()
    for undeclared in ("refuse", "allow", "allow"):
        documents = Documents(files(), cache)
        document = documents.load("shop.json")
        document.checks(undeclared, "response")
        documents.release(document)
    assert cache.puts == 2


@pytest.mark.parametrize(
    ("spec", "parts"),
    [({**SPEC, "info": {"title": "Other", "version": "1"}}, PARTS), (SPEC, {**PARTS, "more": 1})],
    ids=["the document", "a file it refers to"],
)
def test_what_has_changed_is_loaded_again(loads: list[str], spec: object, parts: object) -> None:
    cache = Cache()
    for each in (files(), files(spec, parts)):
        documents = Documents(each, cache)
        documents.release(documents.load("shop.json"))
    assert len(loads) == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data, lambda _data: b""])
def test_what_is_damaged_is_loaded_again_and_replaced(loads: list[str], damage) -> None:
    cache = Cache()
    documents = Documents(files(), cache)
    documents.release(documents.load("shop.json"))
    cache.kept = {key: damage(data) for key, data in cache.kept.items()}
    documents.release(documents.load("shop.json"))
    documents.release(documents.load("shop.json"))
    assert (len(loads), cache.puts) == (2, 2)


def test_a_document_that_can_not_be_used_is_not_kept(loads: list[str]) -> None:
    cache = Cache()
    documents = Documents(files({**SPEC, "paths": 7}), cache)
    with pytest.raises(ConfigurationError):
        documents.load("shop.json")
    with pytest.raises(OSError):
        documents.load("none.json")
    assert cache.kept == {}


def test_whether_the_cache_has_it() -> None:
    cache = Cache()
    documents = Documents(files(), cache)
    assert not documents.is_kept("shop.json")
    documents.release(documents.load("shop.json"))
    assert documents.is_kept("shop.json")
    assert not Documents(files(), None).is_kept("shop.json")


def test_without_a_cache_documents_are_loaded(loads: list[str]) -> None:
    documents = Documents(files(), None)
    for _ in range(2):
        documents.release(documents.load("shop.json"))
    assert len(loads) == 2


def test_a_link_out_of_the_folder_is_an_error_at_the_reference(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(PARTS))
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "shop.json").write_text(json.dumps(SPEC))
    (folder / "parts.json").symlink_to("../secret.json")
    (operation,) = Documents(ConfigurationFiles(folder / "portcullis.yaml"), None).load("shop.json").operations
    (diagnostic,) = operation.unsupported
    assert diagnostic.file == "shop.json"
    assert diagnostic.message == "parts.json#/ok: parts.json can't be read: a link leads it out of the folder"
    assert diagnostic.hint.startswith("put the file itself there")


def test_what_was_kept_is_not_used_once_a_link_leads_out(tmp_path: Path, loads: list[str]) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(PARTS))
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "shop.json").write_text(json.dumps(SPEC))
    (folder / "parts.json").write_text(json.dumps(PARTS))
    cache = Cache()
    documents = Documents(ConfigurationFiles(folder / "portcullis.yaml"), cache)
    document = documents.load("shop.json")
    document.checks("refuse", "response")
    documents.release(document)
    (folder / "parts.json").unlink()
    (folder / "parts.json").symlink_to("../secret.json")
    assert Documents(ConfigurationFiles(folder / "portcullis.yaml"), cache).load("shop.json").operations[0].unsupported
    assert loads == ["shop.json", "shop.json"]
