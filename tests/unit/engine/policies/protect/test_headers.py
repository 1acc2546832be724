from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.policies.protect.headers import HeadersConfig

FILE = cases_of("protect/headers")


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], play_case: Callable[..., Any]) -> None:
    play_case(FILE["document"], case)


@rows(
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
