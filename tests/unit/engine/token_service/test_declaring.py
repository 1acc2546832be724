from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.token_service.declaring import TokenServiceConfig


def service(**settings: Any) -> TokenServiceConfig:
    return TokenServiceConfig.model_validate({"issuer": "https://id.shop.example", "audiences": ["shop"], **settings})


def test_little_has_to_be_said() -> None:
    config = service()
    assert (config.path, config.token_lifetime, config.signing.algorithm) == ("/oauth2", 300.0, "ES256")
    assert config.refresh.grace == 0.0
    assert not config.client_secret_post


@rows(
    ("issuer", "host"),
    [
        ("https://id.shop.example", "id.shop.example"),
        ("https://id.shop.example:8443", "id.shop.example"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
    ],
)
def test_it_is_served_at_the_host_of_its_issuer(issuer: str, host: str) -> None:
    assert service(issuer=issuer).host == host


@rows(
    "settings",
    [
        {"issuer": "https://id.shop.example/"},
        {"issuer": "https://id.shop.example/tokens"},
        {"issuer": "https://ID.shop.example"},
        {"issuer": "http://id.shop.example"},
        {"issuer": "https://user@id.shop.example"},
        {"issuer": "https://id.shop.example\n"},
        {"audiences": []},
        {"audiences": [""]},
        {"audiences": ["two words"]},
        {"token_lifetime": "2h"},
        {"token_lifetime": "1h", "signing": {"rotate_every": "10s", "publish_before": "1s"}},
        {"signing": {"rotate_every": "1d", "publish_before": "13h"}},
        {"signing": {"algorithm": "none"}},
        {"signing": {"algorithm": "HS256"}},
        {"refresh": {"lifetime": "1d", "idle": "2d"}},
        {"refresh": {"grace": "2m"}},
        {"exchange": {"max_actors": 9}},
        {"exchange": {"max_actors": 0}},
        {"path": "oauth2"},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        service(**settings)
