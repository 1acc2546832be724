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

BYTECODE = Path(__file__).resolve().parents[2] / "build" / "bytecode"


def pytest_configure() -> None:
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))


@pytest.fixture(scope="session", autouse=True)
def _commands() -> Iterator[None]:
    yield
    COMMANDS.stop()
