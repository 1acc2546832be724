from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from token_services import Service

from portcullis.control.token_service.measuring import TokenCollector


def test_what_was_asked_and_what_was_revoked_is_shown(service: Service) -> None:
    client = service.add()
    token = service.call("token", client, grant_type="client_credentials")[1]["access_token"]
    service.call("token", client, grant_type="password")
    service.call("revoke", client, token=token)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(TokenCollector(service.endpoints, service.parts.refresh_tokens, service.parts.revoked))
    shown = generate_latest(registry).decode()
    for line in (
        'portcullis_token_requests_total{endpoint="token",outcome="ok"} 1.0',
        'portcullis_token_requests_total{endpoint="token",outcome="unsupported_grant_type"} 1.0',
        "portcullis_refresh_tokens_reused_total 0.0",
        "portcullis_token_revocations 1.0",
    ):
        assert line in shown
