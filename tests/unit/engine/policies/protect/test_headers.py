from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from portcullis.engine.policies.protect.headers import HeadersConfig

FILE = yaml.safe_load((Path(__file__).parents[4] / "cases/protect/headers.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], play_case: Callable[..., Any]) -> None:
    play_case(FILE["document"], case)


@pytest.mark.parametrize(
    "config",
    [
        {"set": {"Content-Length": "1"}},
        {"set": {"X-Request-Id": "1"}},
        {"set": {"X-A": "a\r\nb"}},
        {"set": {"X-A": "é"}},
        {"set": {"X A": "1"}},
        {"remove": ["a b"]},
        {"hsts": "-1s"},
    ],
    ids=str,
)
def test_what_can_not_be_written_is_an_error_of_the_file(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HeadersConfig.model_validate(config)
