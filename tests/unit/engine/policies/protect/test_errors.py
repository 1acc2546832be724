from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = yaml.safe_load((Path(__file__).parents[4] / "cases/protect/errors.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], play_case: Callable[..., Any]) -> None:
    play_case(FILE["document"], case)
