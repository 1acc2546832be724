"""Listeners as the file may say them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.config.listeners import ListenerConfig


def test_an_address_is_enough() -> None:
    listener = ListenerConfig.model_validate({"bind": "127.0.0.1:8080"})
    assert listener.bind == ("127.0.0.1", 8080)
    assert listener.tls is None
    assert listener.timeouts.header == 10.0


@rows(
    ("given", "spoken"),
    [
        ({}, ("http/1.1",)),
        ({"tls": {"certificate": "a.pem", "key": "a.key"}}, ("h2", "http/1.1")),
        ({"protocols": ["http/1.1", "h2"]}, ("http/1.1", "h2")),
    ],
)
def test_http2_is_spoken_by_itself_with_tls_only(given: dict[str, Any], spoken: tuple[str, ...]) -> None:
    assert ListenerConfig.model_validate({"bind": "127.0.0.1:8080", **given}).spoken == spoken


@rows(
    ("key", "value"),
    [
        ("bind", "8080"),
        ("redirect", "http"),
        ("redirect_port", 0),
        ("allow", []),
        ("trusted_proxies", ["everybody"]),
        ("client_certificate_header", "X-Forwarded-Client-Cert"),
        ("timeouts", {"header": "0s"}),
        ("max_header_bytes", 100),
        ("max_connections", 0),
        ("protocols", []),
        ("protocols", ["h2c"]),
        ("http2", {"max_concurrent_streams": 0}),
        ("tls", {"certificate": 1}),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        ListenerConfig.model_validate({"bind": "127.0.0.1:8080", key: value})
    assert {each["loc"][0] for each in error.value.errors()} == {key}
