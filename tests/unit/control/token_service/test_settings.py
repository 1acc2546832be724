from __future__ import annotations

from typing import Any

import msgspec

from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.config.model import Configuration


def configuration(**file: Any) -> Configuration:
    transform = {"identity": {"token": {"audience": "shop", "lifetime": "90s"}}}
    api = {
        "hosts": ["*"],
        "upstream": {"targets": ["http://127.0.0.1:1"]},
        "versions": {"v1": {"spec": "a.yaml", "operations": {"GET /a": {"transform": transform}}}},
    }
    listeners = {"a": {"bind": "127.0.0.1:0"}}
    return Configuration.model_validate({"listeners": listeners, "apis": {"shop": api}, **file})


def test_without_a_section_there_is_nothing_to_do() -> None:
    assert TokenServiceSettings.of(configuration()) == TokenServiceSettings()
    assert not TokenServiceSettings().issuer


def test_clients_sign_for_the_issuer_and_for_the_endpoint_only_if_the_file_says_so() -> None:
    for is_allowed, audiences in ((False, ("https://i",)), (True, ("https://i", "https://i/oauth2/token"))):
        service = {"issuer": "https://i", "audiences": ["shop"], "token_endpoint_audience": is_allowed}
        assert TokenServiceSettings.of(configuration(token_service=service)).assertion_audiences == audiences


def test_they_are_what_the_file_says_and_travel_as_text() -> None:
    service = {
        "issuer": "https://i",
        "audiences": ["shop"],
        "token_lifetime": "1m",
        "refresh": {"grace": "5s"},
        "exchange": {"max_actors": 2},
    }
    roles = {"clerk": ["a"], "auditor": {"permissions": ["b"], "exclusive_with": ["clerk"]}}
    settings = TokenServiceSettings.of(configuration(token_service=service, roles=roles))
    assert (settings.issuer, settings.audiences, settings.token_lifetime) == ("https://i", ("shop",), 60.0)
    assert (settings.refresh_grace, settings.max_actors, settings.identity_lifetime) == (5.0, 2, 90.0)
    assert (settings.roles, settings.exclusive) == (("clerk", "auditor"), (("auditor", "clerk"),))
    assert msgspec.json.decode(msgspec.json.encode(settings), type=TokenServiceSettings) == settings
