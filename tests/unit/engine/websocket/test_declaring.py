"""WebSockets as the file may declare them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.websocket.declaring import StreamConfig, WebSocketConfig


def test_nothing_more_need_be_said() -> None:
    config = WebSocketConfig.model_validate({})
    assert (config.idle, config.lifetime, config.messages.max_size) == (60, 3600, 1024 * 1024)
    assert (config.origins, config.without_origin, config.compression) == ([], "without_cookies", "refuse")
    assert not config.messages.looks_inside
    assert StreamConfig.model_validate({}).max_bytes is None


@rows(
    "values",
    [
        {"origins": ["a.example"]},
        {"subprotocols": []},
        {"subprotocols": ["a b"]},
        {"idle": "0s"},
        {"messages": {"max_size": 0}},
        {"messages": {"per_second": 0}},
        {"compression": "allow", "messages": {"inspect": True}},
        {"compression": "allow", "messages": {"from_service": "a.yaml"}},
        {"compression": "allow", "messages": {"binary": "refuse"}},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebSocketConfig.model_validate(values)
