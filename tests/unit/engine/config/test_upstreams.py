"""Upstreams as the file may say them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.config.upstreams import UpstreamConfig


def test_a_target_is_enough() -> None:
    upstream = UpstreamConfig.model_validate({"targets": ["https://shop.internal:9000"]})
    assert upstream.targets == ["https://shop.internal:9000"]
    assert upstream.timeouts.whole == 120.0
    assert upstream.ejection.failures == 5


@rows(
    ("key", "value"),
    [
        ("targets", []),
        ("targets", ["ftp://shop.internal"]),
        ("path", "rewrite"),
        ("host", "shop.internal"),
        ("timeouts", {"connect": "0s"}),
        ("max_connections", 0),
        ("ejection", {"failures": 0}),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        UpstreamConfig.model_validate({"targets": ["http://127.0.0.1:1"], key: value})
    assert {each["loc"][0] for each in error.value.errors()} == {key}
