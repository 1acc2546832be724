"""Commands as they are tested: made once, and with databases that are copied rather than migrated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from unittest import mock

import pytest
from typer import testing


@pytest.fixture(autouse=True, scope="session")
def commands_are_made_once() -> Iterator[None]:
    """Typer makes all commands anew for each call: that takes longer than most of what is called."""
    with mock.patch.object(testing, "_get_command", cache(testing._get_command)):
        yield


@pytest.fixture(autouse=True)
def quick_databases(copied_databases: None) -> None:
    """Migrations have tests of their own."""
