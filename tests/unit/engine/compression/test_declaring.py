"""Compression as the file may say it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.compression.declaring import CompressConfig


def test_nothing_more_need_be_said() -> None:
    config = CompressConfig.model_validate({})
    assert config.codings == ["zstd", "br", "gzip"]
    assert config.min_bytes == 1024
    assert not config.authenticated
    assert "text/event-stream" not in config.types


@rows(
    "values",
    [
        {"codings": []},
        {"codings": ["deflate"]},
        {"types": ["json"]},
        {"types": ["*/*"]},
        {"types": ["application/JSON"]},
        {"types": ["text/plain; charset=utf-8"]},
        {"min_bytes": -1},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CompressConfig.model_validate(values)
