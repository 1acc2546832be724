from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.facts import Facts
from portcullis.engine.origins import Origins
from portcullis.engine.policies.guard.cors import CorsConfig, compile_cors
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

FILE = cases_of("guard/cors")


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], play_case: Callable[..., Any]) -> None:
    play_case(FILE["document"], case)


@rows(
    "config",
    [
        {},
        {"origins": []},
        {"origins": ["app.example.com"]},
        {"origins": ["https://app.example.com/"]},
        {"origins": ["https://App.example.com"]},
        {"origins": ["https://app.*.com"]},
        {"origins": ["https://a.example\n"]},
        {"origins": ["null"]},
        {"origins": ["*"], "credentials": True},
    ],
    ids=str,
)
def test_what_allows_nothing_or_too_much_is_an_error_of_the_file(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CorsConfig.model_validate(config)


def test_origins_that_are_remembered_are_bounded(play_case: Callable[..., Any]) -> None:
    origins = Origins(["https://*.example.com"])
    assert all(origins.allow(f"https://{number}.example.com") for number in range(100))
    config = CorsConfig.model_validate({"origins": ["https://*.example.com"]})
    _, tell = compile_cors(config, None)  # type: ignore[arg-type]
    for number in range(200):
        request = RequestView("GET", "/", (), {b"origin": b"https://%d.example.com" % number})
        change = tell.run(ResponseView(request, 200, (), {}), Facts())
        assert dict(change.set_fields)[b"access-control-allow-origin"] == b"https://%d.example.com" % number
