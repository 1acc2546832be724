from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import rows
from yaml_files import cases_of

FILE = cases_of("protect/errors")


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], play_case: Callable[..., Any]) -> None:
    play_case(FILE["document"], case)
