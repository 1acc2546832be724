"""Tables of tests that are written in YAML; libyaml reads them ten times as fast as Python would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).resolve().parents[1] / "cases"


def read_yaml(path: Path) -> Any:
    """What the file holds, as ``yaml.safe_load`` would give it."""
    return yaml.load(path.read_bytes(), yaml.CSafeLoader)


def cases_of(policy: str) -> Any:
    """What is written of a policy, ``"validate/request"``, that it must do and must not."""
    return read_yaml(CASES / f"{policy}.yaml")
