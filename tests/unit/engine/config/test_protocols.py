"""The protocols that the file may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.config.protocols import Protocol, check_offered

_ANY = TypeAdapter[Any](Protocol)
_ROOT = Path(__file__).resolve().parents[4]


@rows("name", ["h2", "http/1.1"])
def test_what_is_spoken_may_be_named(name: str) -> None:
    assert _ANY.validate_python(name) == name


@rows("name", ["h3", "H3", "h3-29", "http3", "HTTP/3", "quic"])
def test_who_asks_for_http3_is_told_which_page_says_why_not(name: str) -> None:
    with pytest.raises(ValueError, match="HTTP/3 is not offered") as error:
        check_offered(name)
    page = str(error.value).removeprefix("HTTP/3 is not offered: ").partition(" ")[0]
    assert (_ROOT / page).read_text(encoding="utf-8").startswith("# ")


@rows("value", ["h2c", "h33", "h3 ", "", 3, None, ["h3"]])
def test_whatever_else_is_just_not_allowed(value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        _ANY.validate_python(value)
    assert [each["type"] for each in error.value.errors()] == ["literal_error"]
