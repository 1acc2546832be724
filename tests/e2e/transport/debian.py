"""Programs of Debian's that are on the other side of the wire: found, or installed where the tests may."""

from __future__ import annotations

import pytest
from bench.errors import InstallError
from bench.install import from_apt


def debian_program(program: str, *packages: str) -> str:
    """The path of ``program`` of ``packages``; who uses it is skipped where it is not there and can't be installed."""
    try:
        return str(from_apt(program, *packages))
    except InstallError as error:
        pytest.skip(str(error))
