"""All documents of the corpora: each is enforced, or refused with a precise reason.

The index says how many operations each document of APIs.guru has. What is written down here are the exceptions.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.engine.openapi.pointer import look_up, of_reference
from portcullis.engine.openapi.reading import read

pytestmark = pytest.mark.slow

REFUSED: Final = {
    # A tab where YAML wants blanks. Some readers let it pass, libyaml does not.
    "adyen.com__PaymentService__25__openapi.yaml": (
        913,
        "not valid YAML: found a tab character where an indentation space is expected",
    ),
    # Its only path has a fragment, which no request has: the operation is chosen by a header field.
    "amazonaws.com__entitlement.marketplace__2017-01-11__openapi.yaml": (
        117,
        "a path template has neither query nor fragment",
    ),
    # Two paths that only the service can tell apart, by looking at the value.
    "hubapi.com__files__v3__openapi.yaml": (
        886,
        "this is the same path as /files/v3/folders/{folderId}, only the names differ, and both have DELETE",
    ),
}
"""Real documents that can't be used: the line, and why."""

PARTLY_ENFORCED: Final = {
    ("libretranslate.local__1.2__openapi.yaml", "POST /translate"): "a form is an object",
    ("libretranslate.local__1.2__openapi.yaml", "POST /detect"): "a form is an object",
}
"""Operations of real documents that can't be validated, and why: the schema of this form says that it is a text."""

WRONG_EXAMPLES: Final = {
    ("1password.com__events__1.0.0__openapi.yaml", "POST /api/v1/itemusages"),
    ("1password.com__events__1.0.0__openapi.yaml", "POST /api/v1/signinattempts"),
    ("ably.io__platform__1.1.0__openapi.yaml", "POST /keys/{keyName}/requestToken"),
    ("ably.io__platform__1.1.0__openapi.yaml", "POST /push/channelSubscriptions"),
    ("cpy.re__peertube__3.3.0__openapi.yaml", "POST /users/me/subscriptions"),  # an account is no URI
}
"""Operations whose examples do not fit the schemas they stand beside, whatever is done about undeclared fields."""

Real = list[tuple[str, bytes, SpecDocument | ConfigurationError]]


def load(folder: Path, path: Path) -> tuple[bytes, SpecDocument | ConfigurationError]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        return data, load_document(str(path.relative_to(folder)), data, lambda name: (folder / name).read_bytes())
    except ConfigurationError as error:
        return data, error


@pytest.fixture(scope="module")
def real(corpora: Path) -> Real:
    """Every real document, loaded, or why it can't be."""
    folder = corpora / "openapi"
    files = [path for name in ("apis-guru", "vendor", "large") for path in sorted((folder / name).iterdir())]
    return [(path.name, *load(folder, path)) for path in files]


def test_real_documents_load_or_say_precisely_why_not(corpora: Path, real: Real) -> None:
    index = map(json.loads, (corpora / "openapi/apis-guru-index.jsonl").read_text(encoding="utf-8").splitlines())
    counts = {Path(entry["file"]).name: entry.get("operations") for entry in index}
    assert len(counts) == 63
    refused, counted = {}, 0
    for name, _, document in real:
        if isinstance(document, SpecDocument):
            counted += name in counts
            assert len(document.operations) == counts.get(name, len(document.operations)), name
        else:
            (diagnostic,) = document.diagnostics
            refused[name] = (diagnostic.line, diagnostic.message)
    assert refused == REFUSED
    assert counted == 63 - len(REFUSED)
    assert len(real) == 63 + 3 + 2


def test_webhooks_are_counted(corpora: Path, real: Real) -> None:
    index = map(json.loads, (corpora / "openapi/apis-guru-index.jsonl").read_text(encoding="utf-8").splitlines())
    counts = {Path(entry["file"]).name: entry["webhooks"] for entry in index if entry.get("webhooks")}
    found = {name: document.webhooks for name, _, document in real if isinstance(document, SpecDocument)}
    assert {name: len({call.name for call in found[name] if not call.caused_by}) for name in counts} == counts


def test_all_operations_of_real_documents_are_validated(real: Real) -> None:
    unsupported: dict[tuple[str, str], Diagnostic] = {
        (name, operation.name): operation.unsupported[0]
        for name, _, document in real
        if isinstance(document, SpecDocument)
        for operation in document.operations
        if operation.unsupported
    }
    assert {key: PARTLY_ENFORCED.get(key, "") in found.message for key, found in unsupported.items()} == dict.fromkeys(
        PARTLY_ENFORCED, True
    )
    assert all(diagnostic.line > 1 for diagnostic in unsupported.values())


def test_warnings_of_real_documents_have_their_place(real: Real) -> None:
    warnings = [each for _, _, document in real if isinstance(document, SpecDocument) for each in document.warnings]
    assert len(warnings) > 20
    assert all(warning.line > 1 and warning.severity == "warning" for warning in warnings)


def test_the_examples_of_real_documents_pass(real: Real) -> None:
    count, wrong = 0, set()
    for name, data, document in real:
        if not isinstance(document, SpecDocument) or document.version == "2.0":
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


@pytest.mark.parametrize("name", ["oai-examples", "oas-schema-tests", "mermade-examples"])
def test_all_other_documents_load_or_are_refused_with_a_place(corpora: Path, name: str) -> None:
    folder = corpora / "openapi"
    loaded = 0
    for path in sorted((folder / name).rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".json"):
            continue
        _, document = load(folder, path)
        if isinstance(document, SpecDocument):
            loaded += 1
        else:
            assert document.diagnostics, path
            assert all(each.message and each.file for each in document.diagnostics), path
    assert loaded > 20


def test_the_json_and_the_yaml_of_one_name_mean_the_same(corpora: Path) -> None:
    folder = corpora / "openapi/oai-examples"
    pairs = 0
    for path in sorted(folder.rglob("*.yaml")):
        twin = Path(str(path).replace("/yaml/", "/json/")).with_suffix(".json")
        if not twin.is_file() or path.name == "tictactoe.yaml":  # its JSON twin is of an older version
            continue
        (_, one), (_, other) = load(folder, path), load(folder, twin)
        if isinstance(one, SpecDocument) and isinstance(other, SpecDocument):
            pairs += 1
            assert [operation.name for operation in one.operations] == [
                operation.name for operation in other.operations
            ]
            assert [bool(operation.unsupported) for operation in one.operations] == [
                bool(operation.unsupported) for operation in other.operations
            ]
    assert pairs > 10
