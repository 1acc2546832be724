"""What the file may say of the gateway as a program."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from rows import rows

from portcullis.engine.config.running import (
    AccessLogConfig,
    KeysConfig,
    OutgoingConfig,
    PasswordsConfig,
    ProcessConfig,
    StateConfig,
)


def test_nothing_has_to_be_said() -> None:
    assert ProcessConfig().workers == "auto"
    assert StateConfig().directory == ".portcullis"
    assert OutgoingConfig().proxy is None


@rows(
    ("model", "values"),
    [
        (AccessLogConfig, {}),
        (AccessLogConfig, {"path": "a.log", "keep": 1001}),
        (OutgoingConfig, {"proxy": "socks5://proxy.internal"}),
        (OutgoingConfig, {"timeout": "0s"}),
        (PasswordsConfig, {"min_length": 7}),
        (KeysConfig, {"expiring": "59m"}),
        (KeysConfig, {"rotate_every": "23h"}),
        (StateConfig, {"records": "mysql://a/b"}),
        (StateConfig, {"counters": "memory"}),
        (StateConfig, {"counter_slots": 1000}),
        (ProcessConfig, {"workers": 129}),
        (ProcessConfig, {"workers": "all"}),
    ],
)
def test_what_makes_no_sense_is_refused(model: type[BaseModel], values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(values)
