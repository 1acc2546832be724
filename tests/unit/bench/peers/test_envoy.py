from __future__ import annotations

import json

import pytest
from bench.peers import Ground, envoy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setup", "filters"),
    [
        (envoy.passthrough, ["router"]),
        (envoy.token, ["jwt_authn", "rbac", "router"]),
        (envoy.policy, ["jwt_authn", "rbac", "local_ratelimit", "router"]),
        (envoy.policy_uncached, ["jwt_authn", "rbac", "local_ratelimit", "router"]),
    ],
)
def test_each_setup_logs_and_has_its_filters(setup: object, filters: list[str], ground: Ground) -> None:
    assert callable(setup)
    made = setup(ground)
    config = json.loads((ground.folder / "envoy.json").read_text())
    (listener,) = config["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]

    assert [each["name"].rpartition(".")[2] for each in manager["http_filters"]] == filters
    assert manager["access_log"][0]["typed_config"]["path"] == str(made.access_log)
    assert bool(made.credential) == ("jwt_authn" in filters)
    assert ("--concurrency", "1") in zip(made.argv, made.argv[1:], strict=False)
    provider = manager["http_filters"][0]["typed_config"].get("providers", {}).get("shop", {})
    assert ("jwt_cache_config" in provider) == (setup in (envoy.policy, envoy.token))


def test_http2_is_offered_where_it_is_measured(ground: Ground) -> None:
    for setup, offered in ((envoy.secure, ["http/1.1"]), (envoy.http2, ["h2", "http/1.1"])):
        setup(ground)
        config = json.loads((ground.folder / "envoy.json").read_text())
        chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
        assert chain["transport_socket"]["typed_config"]["common_tls_context"]["alpn_protocols"] == offered
