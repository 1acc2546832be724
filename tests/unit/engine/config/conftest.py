"""A file that uses every key, and a way to see what is said about a broken one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.reader import lines
from portcullis.testing import FakeFiles

MINIMAL = """\
listeners:
  public: {bind: "127.0.0.1:8080"}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
"""

BILLING = """\
apis:
  billing:
    hosts: [api.billing.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: billing.yaml}}
"""

Complaints = Callable[[str], list[str]]

BESIDE = FakeFiles({"apis/billing.yaml": BILLING})
"""What the complete file includes."""


@pytest.fixture(scope="session")
def complete() -> str:
    return Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def beside() -> FakeFiles:
    """The files that the complete file includes."""
    return BESIDE


@pytest.fixture(scope="session")
def minimal() -> str:
    return MINIMAL


@pytest.fixture(scope="session")
def complaints() -> Complaints:
    """What is said about a file: for each error the word it points at, and what is said."""

    def of(text: str) -> list[str]:
        try:
            load_configuration(text, "f.yaml", BESIDE)
        except ConfigurationError as error:
            return [_told(diagnostic, lines(text)) for diagnostic in error.diagnostics]
        return []

    return of


def _told(diagnostic: Diagnostic, text: list[str]) -> str:
    word = re.match(r'"[^"]*"|[^\s,:\]}]+|', text[diagnostic.line - 1][diagnostic.column - 1 :])
    assert word is not None
    return f"{word[0]}> {str(diagnostic).partition(' error: ')[2]}"


@pytest.fixture(scope="session")
def changed(complete: str, complaints: Complaints) -> Callable[..., list[str]]:
    """What is said about the complete file with some text replaced by other text."""

    def of(*changes: tuple[str, str]) -> list[str]:
        text = complete
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return complaints(text)

    return of
