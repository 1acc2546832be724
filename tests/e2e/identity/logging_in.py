"""The files of a gateway that people log in at, and steps of a login."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
from gateway import Gateway, end, start
from ports import free_port
from provider import CLIENT, Browser, Provider, one_each
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get:
      parameters: [{name: page, in: query, schema: {type: integer}}]
      responses: {default: {description: Whatever the service says.}}
    post: {responses: {default: {description: Whatever the service says.}}}
  /clerks:
    get: {responses: {default: {description: Whatever the service says.}}}
  /open:
    get: {responses: {default: {description: Whatever the service says.}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:PORT"}
  admin: {bind: "127.0.0.1:0"}
identities:
  people:
    oidc:
      issuer: "ISSUER"
      client_id: CLIENT
      client_secret: "env:OIDC_SECRET"
      origin: "ORIGIN"
      csrf: {origins: ["https://app.example"]}
      session: {SESSION}
      roles: {claim: groups, map: {clerks: clerk}}
      logins_per_address: 10000
roles: {clerk: ["orders:read"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [people]
    validate: {response: {mode: "off"}}
    operations:
      "GET /clerks": {authorize: {permissions: ["orders:read"]}}
      "GET /open": {public: true}
outgoing: {timeout: 1s}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
SESSION, LOGIN = "__Host-portcullis", "__Host-portcullis-login"
CALLBACK = "/.portcullis/callback"
LOGIN_PATH, LOGOUT_PATH = "/.portcullis/login", "/.portcullis/logout"
BACK_CHANNEL = "/.portcullis/backchannel-logout"


def write_files(
    directory: Path,
    provider: Provider,
    service: Upstream,
    port: int,
    session: str = "idle: 30m",
    change: Callable[[str], str] = lambda text: text,
) -> None:
    (directory / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("ISSUER", provider.url).replace("UPSTREAM", service.url).replace("CLIENT", CLIENT)
    text = text.replace("ORIGIN", f"http://127.0.0.1:{port}").replace("PORT", str(port)).replace("SESSION", session)
    (directory / "portcullis.yaml").write_text(change(text))


class Site:
    """A provider, a service, and a gateway between them."""

    def __init__(
        self,
        directory: Path,
        session: str = "idle: 30m",
        workers: int = 1,
        change: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.provider = Provider(claims={"groups": ["clerks"], "name": "Alice"})
        self.service = Upstream()
        self.directory = directory
        write_files(directory, self.provider, self.service, free_port(), session, change)
        self.gateway = start(directory, workers)

    def restart(self) -> None:
        """Stop the gateway, and start it again with what it kept."""
        self.gateway.stop()
        end(self.gateway)
        self.gateway = start(self.directory)

    def stop(self) -> None:
        """End all three."""
        end(self.gateway)
        self.provider.stop()
        self.service.stop()


def logged_in(gateway: Gateway) -> Browser:
    """A browser with a session."""
    browser = Browser(gateway.url)
    assert browser.navigate("/shop/orders").status_code == 200
    assert list(browser.cookies) == [SESSION]
    return browser


def begun(browser: Browser, return_to: str = "/shop/orders") -> str:
    """The authorization request that a login begins with."""
    response = browser.navigate(f"{LOGIN_PATH}?{urlencode({'return_to': return_to})}", follow=False)
    assert response.status_code == 303
    return str(response.headers["location"])


def answered(provider: Provider, begun_at: str, **changes: str | None) -> str:
    """Where the provider sends the browser back to; ``changes`` to its answer, ``None`` takes one out."""
    answer = {**provider.authorization(begun_at), **changes}
    kept = {name: value for name, value in answer.items() if value is not None}
    return f"{CALLBACK}?{urlencode(kept)}"


def state_of(begun_at: str) -> str:
    return one_each(urlsplit(begun_at).query)["state"]


def code_of(response: httpx.Response) -> str:
    """The code of a refusal, as the caller is told it."""
    return str(response.json()["code"])


def reason_of(gateway: Gateway, response: httpx.Response) -> tuple[str, str]:
    """The code of a refusal, as the record has it, and what was found."""
    [verdict] = [each for each in gateway.record_of(response.headers["x-request-id"])["verdicts"] if each.get("code")]
    return verdict["code"], verdict["finding"].get("found", "")


def unguessable() -> str:
    return secrets.token_urlsafe(32)
