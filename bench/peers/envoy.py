"""Envoy: pass-through, and its nearest counterpart to our policies.

Envoy has no API keys with consumers of its own, and no JSON schema check. Its counterpart here is what its users run:
JWT (RS256, keys given locally), RBAC on a claim of the token, a local rate limit, and the JSON access log. The token is
the same in every request.
"""

from __future__ import annotations

import json
from typing import Any

from bench.certificates import make_certificate
from bench.load import HOST, Request
from bench.orders import order
from bench.peers import Ground, Probe, Setup
from bench.tokens import AUDIENCE, ISSUER, Issuer, bearer, forged

_EXTENSIONS = "type.googleapis.com/envoy.extensions"

_LOG_FIELDS = {
    "time": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%REQ(:PATH)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESPONSE_DURATION%",
    "upstream": "%UPSTREAM_HOST%",
    "flags": "%RESPONSE_FLAGS%",
    "user_agent": "%REQ(USER-AGENT)%",
    "traceparent": "%REQ(TRACEPARENT)%",
}


def passthrough(ground: Ground) -> Setup:
    """A reverse proxy with the JSON access log."""
    return _setup(ground, [])


def secure(ground: Ground) -> Setup:
    """The same as pass-through, over TLS; sessions are resumed by tickets."""
    return _setup(ground, [], secure=True)


def http2(ground: Ground) -> Setup:
    """The same by HTTP/2."""
    return _setup(ground, [], secure=True, protocols=("h2", "http/1.1"))


def websocket(ground: Ground) -> Setup:
    """The same as pass-through, and upgrades to WebSocket are let through; bytes of one are not looked at."""
    return _setup(ground, [], upgrades=("websocket",))


def policy(ground: Ground) -> Setup:
    """JWT, RBAC, local rate limit and JSON access log; verified tokens are kept (``jwt_cache_config``)."""
    return _policy(ground, cache=True)


def policy_uncached(ground: Ground) -> Setup:
    """The same as Envoy comes by default: the signature is verified in every request."""
    return _policy(ground, cache=False)


def token(ground: Ground) -> Setup:
    """JWT, RBAC and JSON access log; verified tokens are kept."""
    return _policy(ground, cache=True, limit=False)


def _policy(ground: Ground, *, cache: bool, limit: bool = True) -> Setup:
    issuer = Issuer()
    gold_token = issuer.token("gold")
    provider: dict[str, Any] = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": issuer.key_set()},
        "payload_in_metadata": "jwt",
    }
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "shop"}}
    gold = {
        "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "jwt"}, {"key": "plan"}],
            "value": {"string_match": {"exact": "gold"}},
        }
    }
    paths = [
        {"and_rules": {"rules": [{"header": {"name": ":method", "string_match": {"exact": method}}}, _path(path)]}}
        for method, path in (("GET", "/items"), ("POST", "/orders"), ("POST", "/checkouts"))
    ]
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    filters = [
        _filter("jwt_authn", "JwtAuthentication", providers={"shop": provider}, rules=[rule]),
        _filter(
            "rbac",
            "RBAC",
            rules={"action": "ALLOW", "policies": {"gold": {"permissions": paths, "principals": [gold]}}},
        ),
    ]
    if limit:
        bucket = {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"}
        filters.append(
            _filter(
                "local_ratelimit",
                "LocalRateLimit",
                stat_prefix="limit",
                token_bucket=bucket,
                filter_enabled=always,
                filter_enforced=always,
            )
        )
    place = Request("POST", "/orders", {"Content-Type": "application/json"}, order())
    credential = bearer(gold_token)
    probes = (
        Probe("no token", place, 401),
        Probe("a forged token", place.with_headers(bearer(forged(gold_token))), 401),
        Probe("a token without the claim", place.with_headers(bearer(issuer.token("none"))), 403),
        Probe("a path that is not allowed", Request("GET", "/else", credential), 403),
    )
    return _setup(ground, filters, credential, probes)


def _path(path: str) -> dict[str, Any]:
    return {"url_path": {"path": {"exact": path}}}


def _filter(name: str, message: str, **config: Any) -> dict[str, Any]:
    kind = f"{_EXTENSIONS}.filters.http.{name}.v3.{message}"
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": kind, **config}}


def _setup(
    ground: Ground,
    filters: list[dict[str, Any]],
    credential: dict[str, str] | None = None,
    probes: tuple[Probe, ...] = (),
    *,
    secure: bool = False,
    protocols: tuple[str, ...] = ("http/1.1",),
    upgrades: tuple[str, ...] = (),
) -> Setup:
    log = ground.folder / "access.jsonl"
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "upgrade_configs": [{"upgrade_type": each} for each in upgrades],
        "access_log": [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": f"{_EXTENSIONS}.access_loggers.file.v3.FileAccessLog",
                    "path": str(log),
                    "log_format": {"json_format": _LOG_FIELDS},
                },
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "shop",
                    "domains": [HOST],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "shop"}}],
                }
            ]
        },
        "http_filters": [*filters, _filter("router", "Router")],
    }
    config = {
        "static_resources": {
            "listeners": [
                {
                    "address": _address(ground.port),
                    "filter_chains": [
                        {
                            "filters": [
                                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
                            ],
                            **(_tls(ground, protocols) if secure else {}),
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "shop",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "shop",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(ground.upstream)}}]}],
                    },
                }
            ],
        }
    }
    file = ground.folder / "envoy.json"
    file.write_text(json.dumps(config, indent=1))
    argv = [str(ground.binary), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
    return Setup(argv, credential=credential or {}, access_log=log, probes=probes, secure=secure)


def _tls(ground: Ground, protocols: tuple[str, ...]) -> dict[str, Any]:
    certificate, key = make_certificate(ground.folder)
    pair = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    parameters = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
    common = {"tls_certificates": [pair], "tls_params": parameters, "alpn_protocols": list(protocols)}
    context = {
        "@type": f"{_EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": common,
    }
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
