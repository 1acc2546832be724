from __future__ import annotations

import json
from typing import Any

from portcullis.engine.token_service.declaring import TokenServiceConfig
from portcullis.engine.token_service.metadata import key_set_age, metadata, token_endpoint


def service(**settings: Any) -> TokenServiceConfig:
    return TokenServiceConfig.model_validate({"issuer": "https://id.shop.example", "audiences": ["shop"], **settings})


def test_it_names_its_endpoints_below_the_issuer() -> None:
    said = json.loads(metadata(service(path="/tokens")))
    assert said["token_endpoint"] == "https://id.shop.example/tokens/token"
    assert said["jwks_uri"] == "https://id.shop.example/tokens/jwks"
    assert said["response_types_supported"] == []
    assert json.loads(metadata(service(path="/")))["token_endpoint"] == "https://id.shop.example/token"


def test_it_says_how_clients_authenticate() -> None:
    said = json.loads(metadata(service()))
    assert said["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "private_key_jwt"]
    algorithms = said["token_endpoint_auth_signing_alg_values_supported"]
    assert {"ES256", "PS256"} <= set(algorithms)
    assert not {"none", "HS256"} & set(algorithms)
    said = json.loads(metadata(service(client_secret_post=True)))
    assert "client_secret_post" in said["introspection_endpoint_auth_methods_supported"]


def test_tokens_are_asked_for_below_the_issuer() -> None:
    assert token_endpoint(service()) == "https://id.shop.example/oauth2/token"
    assert token_endpoint(service(path="/")) == "https://id.shop.example/token"


def test_a_key_set_is_kept_no_longer_than_a_key_is_published_before_it_signs() -> None:
    assert key_set_age(service()) == 300
    assert key_set_age(service(signing={"rotate_every": "1h", "publish_before": "1m"})) == 30
    assert key_set_age(service(signing={"rotate_every": "1m", "publish_before": "500ms"}, token_lifetime="1m")) == 0
