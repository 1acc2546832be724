"""Loading documents: all that are real, and what goes wrong."""

from __future__ import annotations

import contextlib
import copy
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.pointer import look_up, of_reference
from portcullis.engine.openapi.reading import read

Load = Callable[..., SpecDocument]

SAME_PATH = "this is the same path as {}: only the names differ"
NO_FRAGMENT = "a path template has neither query nor fragment"
REAL = {
    "adyen.com__PaymentService__25__openapi.yaml": "found a tab character where an indentation space is expected",
    "adyen.com__RecurringService__30__openapi.yaml": 'this has "source", which is not declared',
    "amazonaws.com__entitlement.marketplace__2017-01-11__openapi.yaml": NO_FRAGMENT,
    "contract-p.fit__1.0__openapi.yaml": SAME_PATH.format("/documents/{document_id}"),
    "hubapi.com__files__v3__openapi.yaml": SAME_PATH.format("/files/v3/folders/{folderId}"),
}
"""Real documents that can't be used, and why."""


# These examples do not fit the schemas they stand beside, whatever is done about undeclared fields.
WRONG_EXAMPLES = {
    ("1password.com__events__1.0.0__openapi.yaml", "POST /api/v1/itemusages"),
    ("1password.com__events__1.0.0__openapi.yaml", "POST /api/v1/signinattempts"),
    ("ably.io__platform__1.1.0__openapi.yaml", "POST /keys/{keyName}/requestToken"),
    ("ably.io__platform__1.1.0__openapi.yaml", "POST /push/channelSubscriptions"),
}

Real = list[tuple[str, bytes, SpecDocument | ConfigurationError]]


@pytest.fixture(scope="module")
def real(corpora: Path) -> Real:
    """Every real document of a supported version, loaded, or why it can't be."""
    found: Real = []
    folder = corpora / "openapi"
    for path in (path for name in ("apis-guru", "vendor", "large") for path in sorted((folder / name).iterdir())):
        if path.name.endswith("swagger.yaml"):
            continue
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        try:
            found.append((path.name, data, load_document(path.name, data)))
        except ConfigurationError as error:
            found.append((path.name, data, error))
    return found


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.slow
def test_real_documents_load_or_say_precisely_why_not(corpora: Path, real: Real) -> None:
    index = map(json.loads, (corpora / "openapi/apis-guru-index.jsonl").read_text(encoding="utf-8").splitlines())
    counts = {entry["file"]: entry.get("operations") for entry in index}
    loaded, refused = 0, {}
    for name, _, document in real:
        if isinstance(document, SpecDocument):
            loaded += 1
            assert len(document.operations) == counts.get(name, len(document.operations))
        else:
            (diagnostic,) = document.diagnostics
            assert diagnostic.line > 0
            refused[name] = diagnostic.message.removeprefix("not valid YAML: ")
    assert loaded >= 37
    assert refused == REAL


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.slow
def test_the_examples_of_real_documents_pass(real: Real) -> None:
    count, wrong = 0, set()
    for name, data, document in real:
        if not isinstance(document, SpecDocument):
            continue
        root, checks = read(data), document.checks("refuse")
        for operation in document.operations:
            for content in operation.body.content if operation.body is not None else ():
                if content.holds_json and content.schema is not None:
                    for example in _examples(root, look_up(root, content.pointer)):
                        count += 1
                        if not checks.checker.fits({checks.names[content.schema]: example}):
                            wrong.add((name, operation.name))
    assert count > 150
    assert wrong == WRONG_EXAMPLES


def _examples(root: Any, media_type: Any) -> Iterator[Any]:
    if "example" in media_type:
        yield media_type["example"]
    for example in (media_type.get("examples") or {}).values():
        found = look_up(root, of_reference(example["$ref"])) if "$ref" in example else example
        if "value" in found:
            yield found["value"]


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
    assert document.locate("/paths/~1a/get") == (5, 5)
    assert document.locate("/paths/~1a/get/parameters/0") == (5, 5)


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


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"openapi: 3.1.0\ninfo: [\n", 3, "not valid YAML"),
        (b"{\n", 2, "not valid YAML"),
        (b'{"a": 1, "a": 2}', 0, "is given twice"),
        (b"swagger: '2.0'\n", 1, "Swagger 2.0 is not supported"),
        (b"openapi: 3.2.0\n", 1, "OpenAPI 3.2.0 is not supported"),
        (b"- 1\n", 0, "a mapping with the key openapi is expected"),
        (b"", 0, "a mapping with the key openapi is expected"),
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
    data = b"openapi: 3.1.0\ninfo:\n  title: T\n  version: '1'\n  descripton: x\npaths:\n  /a/{b}:\n    get: {}\n"
    with pytest.raises(ConfigurationError) as caught:
        load_document("specs/x.yaml", data)
    assert str(caught.value) == (
        'specs/x.yaml:5:3: error: #/info/descripton: info has "descripton", which is not declared'
        ' (did you mean "description"?)'
    )


MUSEUM = "vendor/museum.openapi.yaml"
JUNK: list[Any] = [None, True, 0, 1.5, "", "x", "#/info", [], {}, [1], {"a": 1}, {"$ref": "#"}, {"$ref": "#/info"}]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.data())
@pytest.mark.slow
def test_a_document_with_anything_in_it_is_loaded_or_refused(corpora: Path, data: st.DataObject) -> None:
    root = copy.deepcopy(_museum(corpora))
    for _ in range(data.draw(st.integers(1, 4))):
        place = root
        for _ in range(data.draw(st.integers(0, 7))):
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
        load_document("x.json", json.dumps(root).encode())


_museums: dict[Path, Any] = {}


def _museum(corpora: Path) -> Any:
    if corpora not in _museums:
        _museums[corpora] = read((corpora / "openapi" / MUSEUM).read_bytes())
    return _museums[corpora]
