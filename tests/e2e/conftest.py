"""What all suites share: each process that a test starts finds the program compiled.

Suites start hundreds. Where Python is told to write no bytecode beside the sources, each of them would compile all
modules anew, a quarter of its start; so they keep it below ``build/``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import COMMANDS

# What takes longest is begun first, so that no core is left alone with it at the end.
LONGEST = (
    "test_acme",
    "test_many_logins",
    "test_tls_scanners",
    "test_jwt",
    "test_basic",
    "test_pages",
    "test_token_service",
    "test_relations",
    "test_client_certificates",
)
BYTECODE = Path(__file__).resolve().parents[2] / "build" / "bytecode"


def pytest_configure() -> None:
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _commands() -> Iterator[None]:
    yield
    COMMANDS.stop()
