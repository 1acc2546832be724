"""The benchmark is a package at the root of the checkout, and is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bench.peers import Ground  # noqa: E402 - only found from here on


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Somewhere to write a setup to."""
    return Ground(folder=tmp_path, binary=Path("/nowhere/proxy"), port=18080, upstream=18081)
