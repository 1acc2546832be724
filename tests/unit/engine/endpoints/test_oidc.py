from __future__ import annotations

from typing import Any

import pytest
from phase_site import Site
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.endpoints.endpoint import Endpoint, EndpointContext
from portcullis.engine.endpoints.oidc import find

BASE = {"issuer": "https://id.example.com", "client_id": "shop", "origin": "https://shop.example.com:8443"}


def found(**identities: dict[str, Any]) -> list[Endpoint]:
    site = Site({name: {"oidc": {**BASE, **said}} for name, said in identities.items()})
    return list(find(EndpointContext(site.configuration, site.ports, site.shared)))


def test_each_identity_has_its_paths_at_its_host() -> None:
    endpoints = found(people={"login_path": "/in"})
    assert {endpoint.host for endpoint in endpoints} == {"shop.example.com"}
    assert [f"{endpoint.method} {endpoint.path}" for endpoint in endpoints] == [
        "GET /in",
        "GET /.portcullis/callback",
        "POST /.portcullis/logout",
        "POST /.portcullis/backchannel-logout",
        "GET /.portcullis/session",
    ]
    bodies = [endpoint.path for endpoint in endpoints if endpoint.operation.max_body]
    assert bodies == ["/.portcullis/logout", "/.portcullis/backchannel-logout"]


def test_files_without_it_have_none() -> None:
    assert found() == []


@rows(
    "second",
    [
        {},
        {"session": {"cookie": "__Host-b"}},
        {"session": {"cookie": "__Host-b"}, "login_path": "/b/in", "logout_path": "/b/out", "session_path": "/b/me"},
    ],
)
def test_two_identities_at_one_origin_must_not_collide(second: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match='"people" has the same at'):
        found(people={}, staff=second)


def test_two_identities_may_be_at_origins_of_their_own() -> None:
    assert len(found(people={}, staff={"origin": "https://staff.example.com"})) == 10
