"""A gateway with a token service of its own, and ways to ask it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from gateway import Gateway, end, start
from upstream import Upstream

from portcullis.control.token_service.client import RemoteTokens
from portcullis.control.token_service.orders import IssuedTokens, NewClient, NewToken

ISSUER = "http://127.0.0.1"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {"200": {description: Orders, content: {application/json: {}}}}}
  /open:
    get: {responses: {"200": {description: Anything, content: {application/json: {}}}}}
"""
# SERVICE: what the token service says besides its issuer and its audiences.
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
token_service: {issuer: "http://127.0.0.1", audiences: [shop, payments, ledger], calls_per_address: 1000000, SERVICE}
identities:
  apps: {token: {audience: shop}}
roles:
  clerk: ["orders:read"]
plans:
  free: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [apps]
    limit: {plan: free}
    transform: {identity: {token: {audience: shop, lifetime: 4s}, headers: {X-User: subject, X-Roles: roles}}}
    validate: {response: {mode: "off"}}
    operations:
      "GET /open": {public: true}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
QUIET = "calls_per_client: 1000000"


class Site:
    """A running gateway, and what its operator may do."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.tokens = RemoteTokens(gateway.directory / ".portcullis" / "control.sock")
        self._client = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    def close(self) -> None:
        self.tokens.close()
        self._client.close()

    def add(self, name: str = "checkout", **order: Any) -> tuple[str, str]:
        """A client and its secret."""
        usual: dict[str, Any] = {"audiences": ("shop",), "scopes": ("orders:read", "orders:write")}
        return name, self.tokens.add_client(NewClient(name, **{**usual, **order})).secret

    def issue(self, client: str, **order: Any) -> IssuedTokens:
        """Tokens by word of the operator."""
        return self.tokens.issue(NewToken(client, **order))

    def post(self, endpoint: str, client: tuple[str, str] | None, **parameters: str) -> httpx.Response:
        """A request to an endpoint of the token service."""
        auth = None if client is None else httpx.BasicAuth(*client)
        url = f"{self.gateway.url}/oauth2/{endpoint}"
        return self._client.post(url, data=parameters, auth=auth or httpx.USE_CLIENT_DEFAULT)

    def token(self, client: tuple[str, str], **parameters: str) -> str:
        """An access token by client credentials."""
        answer = self.post("token", client, grant_type="client_credentials", **parameters)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def refresh(self, client: tuple[str, str] | str, token: str) -> httpx.Response:
        """Use a refresh token; a public client has only its name."""
        if isinstance(client, str):
            return self.post("token", None, grant_type="refresh_token", refresh_token=token, client_id=client)
        return self.post("token", client, grant_type="refresh_token", refresh_token=token)

    def exchange(self, client: tuple[str, str], token: str, audience: str, **parameters: str) -> httpx.Response:
        """Exchange a token for one for ``audience``."""
        usual = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "audience": audience}
        return self.post("token", client, grant_type=EXCHANGE, **{**usual, **parameters})

    def call(self, token: str | None, path: str = "/shop/orders", **fields: str) -> httpx.Response:
        """A call of the API, on a connection of its own."""
        headers = {**fields, **({} if token is None else {"authorization": f"Bearer {token}"})}
        return self._client.get(f"{self.gateway.url}{path}", headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self._client.get(f"{self.gateway.url}{path}")


@contextmanager
def token_site(
    directory: Path,
    service: Upstream,
    settings: str = QUIET,
    workers: int = 1,
    change: Callable[[str], str] = lambda text: text,
) -> Iterator[Site]:
    """A gateway with a token service, until the block ends; in the same directory it has the state it had."""
    (directory / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("UPSTREAM", service.url).replace("SERVICE", settings)
    (directory / "portcullis.yaml").write_text(change(text))
    gateway = start(directory, workers)
    site = Site(gateway)
    try:
        yield site
    finally:
        site.close()
        end(gateway)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
