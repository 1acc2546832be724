from __future__ import annotations

from typing import Any

import httpx
from token_services import Service

from portcullis.control.api import create_control_api
from portcullis.control.token_service.routes import token_routes


async def ask(service: Service, method: str, path: str, order: Any = None) -> httpx.Response:
    nothing: Any = None
    app = create_control_api(nothing, token_routes(service.parts.service))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        return await client.request(method, path, json=order)


async def test_a_secret_is_shown_when_it_is_made_and_never_again(service: Service) -> None:
    made = await ask(service, "POST", "/v1/token-clients", {"id": "checkout", "audiences": ["shop"]})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    listed = await ask(service, "GET", "/v1/token-clients")
    assert [each["id"] for each in listed.json()["clients"]] == ["checkout"]
    assert made.json()["secret"] not in listed.text


async def test_what_is_misspelt_is_refused(service: Service) -> None:
    for path, order in (
        ("/v1/token-clients", {"id": "a", "audience": "shop"}),
        ("/v1/tokens", {"client": "a", "scope": "x"}),
        ("/v1/tokens/inspect", {}),
        ("/v1/tokens/revoke", {"token": 1}),
        ("/v1/tokens/revoke-by-id", {"jti": "x"}),
        ("/v1/token-clients/a/rotate", {"overlap": "1h"}),
    ):
        answer = await ask(service, "POST", path, order)
        assert (answer.status_code, answer.json()["code"]) == (422, "tokens.invalid"), path


async def test_an_unknown_client_is_told(service: Service) -> None:
    for action in ("rotate", "remove"):
        answer = await ask(service, "POST", f"/v1/token-clients/nobody/{action}", {} if action == "rotate" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "tokens.unknown_client")
