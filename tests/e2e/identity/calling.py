"""The files of a gateway that goes by an issuer, and calls of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
from gateway import Gateway, read_response
from issuer import Issuer
from token_mutations import Fields
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {"200": {description: Orders, content: {application/json: {}}}}}
    post: {responses: {"200": {description: An order, content: {application/json: {}}}}}
  /open:
    get: {responses: {"200": {description: Anything, content: {application/json: {}}}}}
"""

# ISSUER and UPSTREAM stand for their URLs. JWT: what one identity says besides its issuer and its audience.
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
  admin: {bind: "127.0.0.1:0"}
identities:
  staff:
    jwt: {issuer: "ISSUER", audience: shop, JWT}
plans:
  free: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [staff]
    limit: {plan: free}
    validate: {response: {mode: "off"}}
    operations:
      "GET /open": {public: true}
outgoing: {timeout: 1s}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
JWT = "jwks: auto, keys: {refresh: 500ms, refetch: 200ms, keep: 1h}"


def write_configuration(
    directory: Path,
    issuer: Issuer,
    service: Upstream,
    jwt: str = JWT,
    change: Callable[[str], str] = lambda text: text,
) -> None:
    """The files of a gateway that has not been started."""
    (directory / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("ISSUER", issuer.url).replace("UPSTREAM", service.url).replace("JWT", jwt)
    (directory / "portcullis.yaml").write_text(change(text))


# A connection for each call, so that calls spread over the workers; without the certificates that nobody needs here.
_CLIENT = httpx.Client(verify=False, timeout=15, limits=httpx.Limits(max_keepalive_connections=0))


def call(gateway: Gateway, token: str | None = None, path: str = "/shop/orders") -> httpx.Response:
    """One call, on a connection of its own."""
    fields = {} if token is None else {"authorization": f"Bearer {token}"}
    return _CLIENT.get(f"{gateway.url}{path}", headers=fields)


class Connection:
    """A kept connection, made anew where the gateway closed it. ``status``: of one call with these fields."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._socket = gateway.connect()

    def status(self, fields: Fields) -> int:
        lines = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in fields)
        request = b"GET /shop/orders HTTP/1.1\r\nHost: shop\r\n%b\r\n" % lines
        try:
            self._socket.sendall(request)
            return read_response(self._socket)[0]
        except (AssertionError, OSError):
            self._socket.close()
            self._socket = self._gateway.connect()
        if len(request) > 16 * 1024:
            return 431  # refused before it was read; the answer may be lost with the rest of it
        self._socket.sendall(request)
        return read_response(self._socket)[0]

    def close(self) -> None:
        self._socket.close()
