"""Origins that another one of their list lets in anyway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rows import rows
from yaml_files import read_yaml

CASES = read_yaml(Path(__file__).with_name("origins.yaml"))


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], check: Callable[[dict[str, Any]], None]) -> None:
    check(case)
