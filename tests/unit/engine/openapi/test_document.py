"""Loading documents, and what goes wrong."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.reading import read

Load = Callable[..., SpecDocument]


def test_a_document_says_what_it_is(load: Load) -> None:
    document = load({"/a": {"get": {}}}, "3.0.3", servers=[{"url": "https://x.example/v1"}])
    assert (document.source, document.version, document.title, document.base_path) == (
        "specs/test.json",
        "3.0.3",
        "T",
        "/v1",
    )
    assert [operation.name for operation in document.operations] == ["GET /a"]
    assert document.warnings == ()
    assert repr(document) == "<SpecDocument specs/test.json OpenAPI 3.0.3, 1 operations>"


def test_the_digest_is_that_of_the_bytes() -> None:
    data = b"openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\n"
    assert load_document("a.yaml", data).digest == hashlib.sha256(data).hexdigest()


def test_places_are_found_afterwards() -> None:
    data = b"openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get: {summary: x}\n"
    document = load_document("a.yaml", data)
    assert document.locate("/paths/~1a/get") == ("a.yaml", "/paths/~1a/get", 5, 5)
    assert document.locate("/paths/~1a/get/parameters/0")[2:] == (5, 5)
    assert document.reference("/paths/~1a/get") == "a.yaml#/paths/~1a/get"


def separate(corpora: Path, form: str) -> SpecDocument:
    """The document of several files among the examples of the OpenAPI Initiative."""
    folder = corpora / "openapi/oai-examples/v2.0" / form / "petstore-separate"
    source = f"spec/swagger.{form}"
    return load_document(source, (folder / source).read_bytes(), lambda path: (folder / path).read_bytes())


@rows("form", ["json", "yaml"])
def test_a_document_of_several_files_is_one_document(corpora: Path, form: str) -> None:
    document = separate(corpora, form)
    assert [operation.name for operation in document.operations] == [
        "GET /pets",
        "POST /pets",
        "GET /pets/{id}",
        "DELETE /pets/{id}",
    ]
    assert document.warnings == ()
    get, post, *_ = document.operations
    assert [parameter.name for parameter in get.parameters] == ["tags", "limit"]
    assert document.reference(get.parameters[0].pointer) == f"spec/parameters.{form}#/tagsParam"
    assert document.locate(get.parameters[1].pointer).line > 1
    assert post.body is not None
    (content,) = post.body.content
    assert content.schema is not None
    checks = document.checks()
    name = checks.names[content.schema]
    assert checks.checker.fits({name: {"id": 1, "name": "x", "description": 1}})
    (violation,) = checks.checker.violations(name, {"id": "x", "name": "x"})
    assert document.reference(violation.source) == f"spec/Pet.{form}#/properties/id/type"


def test_the_digest_of_a_document_of_several_files_covers_all(corpora: Path) -> None:
    document = separate(corpora, "json")
    assert len(document.sources.digests) == 5
    assert document.digest not in document.sources.digests.values()
    assert document.digest == separate(corpora, "json").digest != separate(corpora, "yaml").digest


def test_other_files_are_read_by_whoever_loads_the_document() -> None:
    root = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/a": {"$ref": "a.yaml"}}}
    data = json.dumps(root).encode()
    (operation,) = load_document(
        "specs/x.json", data, {"specs/a.yaml": b"get: {responses: {}}\n"}.__getitem__
    ).operations
    assert operation.name == "GET /a"
    with pytest.raises(ConfigurationError, match=r"a\.yaml can't be read: no other files can be read here"):
        load_document("specs/x.json", data)


def test_the_checks_let_pass_what_they_are_asked_to(load: Load) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    document = load({"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}})
    (content,) = document.operations[0].body.content  # type: ignore[union-attr]
    assert content.schema is not None
    refusing, allowing = document.checks("refuse"), document.checks("allow")
    assert not refusing.checker.fits({refusing.names[content.schema]: {"a": 1, "b": 1}})
    assert allowing.checker.fits({allowing.names[content.schema]: {"a": 1, "b": 1}})
    assert not allowing.checker.fits({allowing.names[content.schema]: {"a": "x"}})
    assert document.checks("allow") is allowing


@rows(
    ("data", "line", "message"),
    [
        (b"openapi: 3.1.0\ninfo: [\n", 3, "not valid YAML"),
        (b"{\n", 2, "not valid YAML"),
        (b'{"a": 1, "a": 2}', 0, "is given twice"),
        (b"swagger: '1.2'\n", 1, "Swagger 1.2 is not supported"),
        (b"openapi: 3.3.0\n", 1, "OpenAPI 3.3.0 is not supported"),
        (b"openapi: 3.1.0\n$ref: '#/info'\n", 1, "a whole document can't be a reference"),
        (b"- 1\n", 0, "a mapping with the key openapi or swagger is expected"),
        (b"", 0, "a mapping with the key openapi or swagger is expected"),
        (b"\xff", 0, "not UTF-8"),
    ],
)
def test_what_is_no_document(data: bytes, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_document("specs/x.yaml", data)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.file, diagnostic.line) == ("specs/x.yaml", line)
    assert message in diagnostic.message


def test_errors_have_their_place_and_a_hint() -> None:
    data = b"openapi: 3.1.0\ninfo: {title: T, version: '1'}\nservers: {}\npathes:\n  /a/{b}:\n    get: {}\n"
    with pytest.raises(ConfigurationError) as caught:
        load_document("specs/x.yaml", data)
    assert str(caught.value) == (
        'specs/x.yaml:1:1: error: #: this lacks "paths", "components" or "webhooks"\n'
        "specs/x.yaml:3:1: error: #/servers: servers must be array\n"
        'specs/x.yaml:4:1: error: #/pathes: this has "pathes", which is not declared (did you mean "paths"?)'
    )


def test_what_does_not_matter_is_warned_of() -> None:
    data = b"openapi: 3.1.0\ninfo: {title: 7, descripton: x}\npaths: {}\nsource: {}\n"
    document = load_document("specs/x.yaml", data)
    assert document.title == ""
    assert [str(warning) for warning in document.warnings] == [
        'specs/x.yaml:2:1: warning: #/info: info lacks "version"; this does not change what is enforced',
        "specs/x.yaml:2:8: warning: #/info/title: title must be string; this does not change what is enforced",
        (
            'specs/x.yaml:2:18: warning: #/info/descripton: info has "descripton", which is not declared; '
            'this does not change what is enforced (did you mean "description"?)'
        ),
        'specs/x.yaml:4:1: warning: #/source: this has "source", which is not declared: it is ignored',
    ]


def test_checks_are_made_before_a_document_is_released(load: Load) -> None:
    document = load({"/a": {"get": {}}})
    allowing = document.checks("allow")
    document.release()
    assert document.checks("allow") is allowing
    with pytest.raises(RuntimeError, match="before it is released"):
        document.checks("allow", "response")


def test_schemas_of_answers_that_can_not_be_checked_are_errors_with_their_place(load: Load) -> None:
    answer = {"description": "", "content": {"application/json": {"schema": {"type": "string", "pattern": "(?<=a)b"}}}}
    document = load({"/a": {"get": {"responses": {"200": answer}}}})
    with pytest.raises(ConfigurationError, match="linear time"):
        document.checks("refuse", "response")


MUTATED = (
    "vendor/museum.openapi.yaml",
    "oai-examples/v3.0/petstore.json",
    "oai-examples/v3.0/uspto.json",
    "oai-examples/v2.0/json/petstore-expanded.json",
    "oai-examples/v2.0/json/uber.json",
    "oai-examples/v3.2/3.2-tags-example.json",
)
JUNK: list[Any] = [None, True, 0, 1.5, "", "x", "#/info", [], {}, [1], {"a": 1}, {"$ref": "#"}, {"$ref": "#/info"}]


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 2)
@given(st.data())
@pytest.mark.parametrize("name", MUTATED)
def test_a_document_with_anything_in_it_is_loaded_or_refused(corpora: Path, name: str, data: st.DataObject) -> None:
    root = copy.deepcopy(_original(corpora / "openapi" / name))
    for _ in range(data.draw(st.integers(1, 4))):
        place = root
        for _ in range(data.draw(st.integers(0, 9))):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list):
                break
            place = place[key]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if keys:
            place[data.draw(st.sampled_from(keys))] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
    with contextlib.suppress(ConfigurationError):
        document = load_document("x.json", json.dumps(root).encode())
        document.checks("refuse", "response")


_originals: dict[Path, Any] = {}


def _original(path: Path) -> Any:
    if path not in _originals:
        _originals[path] = read(path.read_bytes())
    return _originals[path]
