"""Documents that others call valid or invalid, and what we say about each.

What is wrong with a document comes in three degrees: the document can't be used, an operation can't be validated, or
something that nothing enforced depends on is wrong (a warning). What is called valid must be free of the first two;
about what is called invalid something must be said. All are loaded in a child process with bounded memory, so that one
which exhausts it can't take the tests along.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

MEMORY = 1024 * 1024 * 1024
SECONDS = 10
"""Of CPU time, for the slowest one."""

PARTS = "not an OpenAPI document"
"""What is said about files that only are parts of others."""

REFUSED_ALTHOUGH_PASS = {
    # What the suites call valid, but is not.
    "operation-object-example.yaml": "the path's {id} is not declared as a parameter",
    "ref-encoding2.yaml": "leads nowhere",
    "ref-encoding3.yaml": "with+space leads nowhere",
    "server_enum_empty.yaml": 'lacks "paths"',
    "server_enum_unknown.yaml": 'lacks "paths"',
    "fuzz1/23827c62-76c5-4bf0-b756-7a038ddf718a.yaml": "OpenAPI 3.0.6-`C47:!n.]Ro is not supported",
    "fuzz1/2e094966-d748-42c6-a0f1-f0fa868f7428.yaml": "OpenAPI 3.0.1-5f=R[b is not supported",
    "fuzz1/32fae80f-7937-43ba-815c-f00ea6aeb48b.yaml": "OpenAPI 3.0.5-S) is not supported",
    "fuzz1/6012094d-8d46-4386-84b5-4829d7e7f9af.yaml": "OpenAPI 3.0.7-xcbK*d|fB is not supported",
    "fuzz1/8331d5cd-c1fb-4c8c-b3e4-638c10fa4d80.yaml": "OpenAPI 3.0.5-y`56g;T is not supported",
    "fuzz1/adca3491-a606-4ede-b895-678710727380.yaml": "OpenAPI 3.0.1-5f=R[b is not supported",
    "fuzz1/e0c69574-9408-4c46-baac-5d3b98b46b67.yaml": "OpenAPI 3.0.6-I&ZH7R is not supported",
    # What is valid, but can't be validated in requests or answers.
    "extensionsEverywhere.yaml": "is a list, which can't be written in this style",
    "example2_from_._Fixed_multipart.md.yaml": "multipart/mixed can't be validated",
    "media-type-examples.yaml": "can't be validated one by one",
    "json_schema_dialect.yaml": "the dialect",
    "example3_from_._Different_parameters.md.yaml": "between two variables of a segment there is some text",
}
"""Documents of the suites' ``pass`` that can't be used, or an operation of which can't, and what is said about them."""

SILENT_ALTHOUGH_FAIL = {
    "example-examples.yaml": "both example and examples",
    "link-object-no-body.yaml": "links",
    "header-object-name.yaml": "a header with a name of its own",
    "parameter-object-header-name.yaml": "a parameter that no operation uses",
    "xml-attr-exclusion.yaml": "how XML is written, in a schema that no operation uses",
    "xml-wrapped-exclusion.yaml": "the same",
    "invalidPattern.yaml": "a pattern, in a schema that no operation uses",
    "OAI/api-with-examples.yaml": "an example that is indented otherwise; valid, says a second opinion",
    "fuzz1/6213afe9-852c-427a-aa5b-3ad64b2c99b3.yaml": "the contact's address",
    "fuzz1/d3c6e7e2-f131-47ba-833f-6c7525692ff8.yaml": "the same",
}
"""Documents of the suites' ``fail`` about which nothing is said, and what is wrong: nothing that is enforced."""


class Outcome(msgspec.Struct):
    """What came of a document; findings as ``line:column: message``."""

    file: str
    seconds: float
    refused: list[str] = []
    unsupported: list[str] = []
    warnings: list[str] = []
    crash: str = ""


def documents(folder: Path) -> Iterator[Path]:
    for name in ("oai-examples", "oas-schema-tests", "mermade-examples"):
        paths = [path for path in sorted((folder / name).rglob("*")) if path.suffix in (".json", ".yaml", ".yml")]
        assert paths, name
        yield from paths


def load(folder: Path, path: Path) -> Outcome:
    """Load a document as a gateway in ``folder`` would, and make all its checks."""
    from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
    from portcullis.engine.openapi.document import load_document

    def said(found: Any) -> list[str]:
        diagnostics: list[Diagnostic] = list(found)
        return [f"{each.line}:{each.column}: {each.message}" for each in diagnostics]

    outcome = Outcome(path.relative_to(folder).as_posix(), 0.0)
    begun = time.process_time()
    try:
        document = load_document(outcome.file, path.read_bytes(), lambda other: (folder / other).read_bytes())
        document.checks("allow")
        document.checks("refuse", "response")
        outcome.unsupported = [each for operation in document.operations for each in said(operation.unsupported)]
        outcome.warnings = said(document.warnings)
    except ConfigurationError as error:
        outcome.refused = said(error.diagnostics)
    except Exception as error:  # noqa: BLE001 - that there is none is what is tested
        outcome.crash = repr(error)
    outcome.seconds = time.process_time() - begun
    return outcome


@pytest.fixture(scope="module")
def outcomes(corpora: Path) -> list[Outcome]:
    """What came of each document."""
    done = subprocess.run(
        [sys.executable, __file__, str(corpora / "openapi")],
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return [msgspec.json.decode(line, type=Outcome) for line in done.stdout.splitlines()]


pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]
Select = Callable[[Outcome], bool]


def below(*folders: str) -> Select:
    return lambda outcome: any(f"/{folder}/" in f"/{outcome.file}" for folder in folders)


def is_part(outcome: Outcome) -> bool:
    return len(outcome.refused) == 1 and PARTS in outcome.refused[0]


def test_nothing_is_raised_but_what_is_wrong_with_a_document(outcomes: list[Outcome]) -> None:
    assert len(outcomes) > 340
    assert [(outcome.file, outcome.crash) for outcome in outcomes if outcome.crash] == []


def test_each_takes_a_bounded_time(outcomes: list[Outcome]) -> None:
    assert [(outcome.file, outcome.seconds) for outcome in outcomes if outcome.seconds > SECONDS] == []


def test_what_is_wrong_has_its_place(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        for finding in (*outcome.refused, *outcome.unsupported, *outcome.warnings):
            assert not finding.startswith("0:"), (outcome.file, finding)


def test_the_examples_of_openapi_can_be_used_and_nothing_is_said_about_them(outcomes: list[Outcome]) -> None:
    examples = list(filter(below("oai-examples"), outcomes))
    parts = [outcome.file for outcome in examples if is_part(outcome)]
    assert len(examples) == 44
    assert len(parts) == 8
    assert all("petstore-separate" in part for part in parts)
    said = {outcome.file: outcome for outcome in examples if not is_part(outcome)}
    assert [file for file, each in said.items() if each.refused or each.unsupported or each.warnings] == []


def named(outcome: Outcome, exceptions: Iterable[str]) -> str:
    return next((name for name in exceptions if f"/{outcome.file}".endswith(f"/{name}")), outcome.file)


def test_what_should_pass_can_be_used(outcomes: list[Outcome]) -> None:
    wrong = {}
    for outcome in filter(below("pass"), outcomes):
        if (found := outcome.refused + outcome.unsupported) and not is_part(outcome):
            wrong[named(outcome, REFUSED_ALTHOUGH_PASS)] = found
    assert wrong.keys() == REFUSED_ALTHOUGH_PASS.keys()
    for name, found in wrong.items():
        assert all(REFUSED_ALTHOUGH_PASS[name] in finding for finding in found), found


def test_what_should_fail_is_refused_or_something_is_said_about_it(outcomes: list[Outcome]) -> None:
    silent = {
        named(outcome, SILENT_ALTHOUGH_FAIL)
        for outcome in filter(below("fail"), outcomes)
        if not (outcome.refused or outcome.unsupported or outcome.warnings)
    }
    assert silent == SILENT_ALTHOUGH_FAIL.keys()


if __name__ == "__main__":
    root = Path(sys.argv[1])
    for each in documents(root):
        print(msgspec.json.encode(load(root, each)).decode(), flush=True)
