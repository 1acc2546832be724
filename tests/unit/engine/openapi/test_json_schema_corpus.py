"""The JSON Schema test suite, each schema as a request body of a small document, by way of our own translation.

OpenAPI 3.1 is JSON Schema 2020-12 and more; 3.0 and 2.0 are draft 4 without some of its keywords. A schema either means
what the suite says it means, or the document is refused at a keyword that is listed here with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.openapi.document import load_document

REFERENCES = {
    "$ref": "it leads to a URL, an anchor, or a file that is not there; the suite serves some, a gateway asks nobody",
    "$id": "a document has one base, and its parts are named by JSON pointers",
    "id": "the same, in draft 4",
    "$dynamicRef": "what it names depends on the way that led there",
}
"""Keywords for which documents of any version may be refused."""

NOT_IN_DOCUMENTS = {
    "additionalItems": "not a keyword of OpenAPI before 3.1",
    "dependencies": "the same",
    "patternProperties": "the same",
}
NOT_IN_3_0 = {
    **NOT_IN_DOCUMENTS,
    "items": "one schema, not a list",
    "type": "one type, and none of them is null",
}
NOT_IN_2_0 = {
    **NOT_IN_DOCUMENTS,
    "Case": "the same as for items: the whole schema is said to be none",
    "anyOf": "not a keyword of Swagger 2.0",
    "oneOf": "the same",
    "not": "the same",
}

# Version, folder, keywords it may be refused at, and how many tests there are to pass: fewer would mean that a document
# is refused which was not before.
SUITES = [
    ("3.1.0", "draft2020-12", REFERENCES, 1161),
    ("3.0.3", "draft4", REFERENCES | NOT_IN_3_0, 420),
    ("2.0", "draft4", REFERENCES | NOT_IN_2_0, 400),
]
FORMATS = [
    ("3.1.0", "draft2020-12/optional/format", set()),
    # The draft 2020-12 half of the suite leaves this one out: such names are reserved (RFC 5891 4.2.3.1).
    ("3.0.3", "draft4/optional/format", {"hostname with consecutive hyphens (RFC1123)"}),
]


class RefusedError(Exception):
    """The document can't be used, or not the operation."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.keywords = {diagnostic.pointer.rpartition("/")[2] for diagnostic in diagnostics}


def compiled(schema: Any, version: str, *, formats: bool = False) -> Callable[[Any], bool]:
    """Whether a value is a request body as ``schema`` wants it; undeclared fields may be in it."""
    case = "#/definitions/Case" if version == "2.0" else "#/components/schemas/Case"
    schemas = {"Case": _moved(schema, case)}
    responses = {"200": {"description": "Fine."}}
    document: dict[str, Any] = {"info": {"title": "Suite", "version": "1"}}
    if version == "2.0":
        body = {"name": "body", "in": "body", "schema": {"$ref": case}}
        operation: dict[str, Any] = {"consumes": ["application/json"], "parameters": [body], "responses": responses}
        document |= {"swagger": version, "definitions": schemas}
    else:
        operation = {
            "requestBody": {"content": {"application/json": {"schema": {"$ref": case}}}},
            "responses": responses,
        }
        document |= {"openapi": version, "components": {"schemas": schemas}}
    document["paths"] = {"/": {"post": operation}}
    try:
        loaded = load_document("suite.json", json.dumps(document).encode())
        (found,) = loaded.operations
        if found.unsupported:
            raise RefusedError(list(found.unsupported))
        checks = loaded.checks("allow", formats=formats)
    except ConfigurationError as error:
        raise RefusedError(error.diagnostics) from None
    assert found.body is not None
    (content,) = found.body.content
    assert content.schema is not None
    name = checks.names[content.schema]
    return lambda value: checks.checker.fits({name: value})


def _moved(value: Any, root: str) -> Any:
    """``value``, whose references are meant from its own root, as it must be written within a document at ``root``."""
    if isinstance(value, list):
        return [_moved(item, root) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: item if key in ("enum", "const") else _moved(item, root) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        moved["$ref"] = root + reference[1:]
    return moved


def groups(corpora: Path, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema of the suite with its tests, and its name."""
    paths = sorted((corpora / "json" / "json-schema-test-suite" / "tests" / folder).glob("*.json"))
    assert paths
    for path in paths:
        for group in json.loads(path.read_text(encoding="utf-8")):
            yield f"{path.stem}: {group['description']}", group


@pytest.mark.slow
@pytest.mark.parametrize(("version", "folder", "keywords", "count"), SUITES, ids=[suite[0] for suite in SUITES])
def test_schemas_mean_what_the_suite_says(
    corpora: Path, version: str, folder: str, keywords: dict[str, str], count: int
) -> None:
    wrong, refused, used, checked = [], [], set(), 0
    for name, group in groups(corpora, folder):
        try:
            fits = compiled(group["schema"], version)
        except RefusedError as error:
            used |= error.keywords
            if not error.keywords <= keywords.keys():
                refused.append((name, str(error)))
            continue
        for test in group["tests"]:
            checked += 1
            if fits(test["data"]) != test["valid"]:
                wrong.append((name, test["description"]))
    assert wrong == []
    assert refused == []
    assert checked >= count
    assert keywords.keys() - used <= REFERENCES.keys(), "an exception that nothing needs"


@pytest.mark.slow
@pytest.mark.parametrize(("version", "folder", "exceptions"), FORMATS, ids=[suite[0] for suite in FORMATS])
def test_formats_are_what_the_suite_says(corpora: Path, version: str, folder: str, exceptions: set[str]) -> None:
    wrong = set()
    for _, group in groups(corpora, folder):
        fits = compiled(group["schema"], version, formats=True)
        wrong |= {test["description"] for test in group["tests"] if fits(test["data"]) != test["valid"]}
    assert wrong == exceptions
