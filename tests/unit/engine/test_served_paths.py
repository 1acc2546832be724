"""Which path each operation of a document is served at, and why not."""

from __future__ import annotations

import json
from typing import Any

from rows import rows

from portcullis.engine.config.model import ApiConfig
from portcullis.engine.openapi.document import load_document
from portcullis.engine.served_paths import ServedPaths


def served(server: str, own: dict[str, str] | None = None, **api: Any) -> ServedPaths:
    """A document that is served at ``server``, with paths whose servers are ``own``."""
    paths = {path: {"servers": [{"url": url}], "get": {"responses": {}}} for path, url in (own or {}).items()}
    root = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": server}],
        "paths": {"/plain": {"get": {"responses": {}}}, **paths},
    }
    config = {
        "hosts": ["*"],
        "upstream": {"targets": ["http://127.0.0.1:1"], **api.pop("upstream", {})},
        "versions": {"v1": {"spec": "t.json"}},
        **api,
    }
    document = load_document("t.json", json.dumps(root).encode())
    return ServedPaths(ApiConfig.model_validate(config), "v1", document)


def places(paths: ServedPaths) -> list[tuple[str, str]]:
    return [paths.place_of(operation) for operation in paths._document.operations]


@rows(
    ("server", "own", "expected"),
    [
        ("/v1", {}, ("/v1", "/plain")),
        ("/v1", {"/a": "/v1/"}, ("/v1", "/a")),
        ("/v1", {"/a": "/v2"}, ("/v2", "/a")),
        ("/v1", {"/a": "/v1/more"}, ("/v1", "/more/a")),
        ("/v1", {"/a": "/v11"}, ("/v11", "/a")),
        ("/v1", {"/v1/a": "/"}, ("/v1", "/a")),
        ("/v1", {"/a": "/"}, ("", "/a")),
        ("/", {"/a": "https://x.example/v2"}, ("", "/v2/a")),
    ],
)
def test_the_place_of_an_operation(server: str, own: dict[str, str], expected: tuple[str, str]) -> None:
    assert places(served(server, own=own))[-1] == expected


def test_the_base_path_of_the_file_and_the_version_in_it_hold_for_all() -> None:
    assert places(served("/v9", own={"/a": "/v2"}, base_path="/shop")) == [("/shop", "/plain"), ("/shop", "/a")]
    by_path = served("/v9", own={"/a": "/v2"}, base_path="/shop", version={"by": "path"})
    assert places(by_path) == [("/shop/v1", "/plain"), ("/shop/v1", "/a")]
    assert by_path.prefixes == ("/shop/v1",)
    assert by_path.fault() == ""
    assert list(by_path.faults()) == []


def test_all_prefixes_are_listed_the_documents_first() -> None:
    assert served("/v1", own={"/a": "/v2", "/b": "/v1/more", "/c": "/v2"}).prefixes == ("/v1", "/v2", "/v1/more")


@rows(
    ("path", "own", "asked", "upstream"),
    [
        ("keep", "/v2", "/v2/a", "/v2/a"),
        ("strip", "/v2", "/v2/a", "/a"),
        ("strip", "/v1", "/v1/a", "/a"),
        ("strip", "/v1/more", "/v1/more/a", "/a"),
        ("strip", "/", "/a", "/a"),
    ],
)
def test_the_service_is_asked_for(path: str, own: str, asked: str, upstream: str) -> None:
    paths = served("/v1", own={"/a": own}, upstream={"path": path})
    assert paths.upstream_path(paths._document.operations[-1])(asked) == upstream


def test_operations_below_the_same_path_share_what_strips_it() -> None:
    paths = served("/v1", own={"/a": "/v2", "/b": "/v2"}, upstream={"path": "strip"})
    _, first, second = paths._document.operations
    assert paths.upstream_path(first) is paths.upstream_path(second)


def test_what_is_wrong_with_the_first_server_is_one_fault_and_with_others_one_each() -> None:
    assert served("/{x}").fault() == (
        "the path of the document's first server, /{x}, holds more than plain segments of letters, digits and -._~"
    )
    assert served("/{x}", base_path="/shop").fault() == ""
    faulty = served("/v1", own={"/a": "/{x}", "/b": "/fine", "/c": "/a b"})
    assert faulty.fault() == ""
    assert [fault.pointer for fault in faulty.faults()] == ["#/paths/~1a/get", "#/paths/~1c/get"]


def test_servers_that_the_file_overrules_are_told_once() -> None:
    assert list(served("/v1", own={"/a": "/v2"}).overridden()) == []
    assert list(served("/v1", own={"/a": "/v1"}, base_path="/shop").overridden()) == []
    (warning,) = served("/v1", own={"/a": "/v2", "/b": "/v3"}, base_path="/shop").overridden()
    assert warning.severity == "warning"
    assert warning.message.startswith("its own servers have the path /v2 (and 1 more of this document), but base_path")
