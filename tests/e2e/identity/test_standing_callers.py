"""WebSockets end with whoever opened them, also where others have to be asked about him."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, create_key, serving
from issuer import Issuer, send
from logging_in import BACK_CHANNEL, LOGOUT_PATH, SESSION, Site, logged_in
from provider import SECRET
from websocket_service import WebSocketService
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

LIVE = """\
openapi: 3.1.0
info: {title: Live, version: "1"}
servers: [{url: /live}]
paths: {/feed: {get: {responses: {"101": {description: Frames.}}}}}
"""
API = """\
  live:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [WHO]
    operations: {"GET /feed": {websocket: {}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {WHO: IDENTITY}
apis:
APIobserve: {access_log: {path: access.jsonl}}
process: {drain: 1s}
"""
PASSWORD = "correct horse battery"


@pytest.fixture
def live() -> Iterator[WebSocketService]:
    running = WebSocketService()
    yield running
    running.stop()


@contextmanager
def opened(gateway: Gateway, **fields: str) -> Iterator[ClientConnection]:
    url = gateway.url.replace("http://", "ws://") + "/live/feed"
    with connect(url, additional_headers=fields, open_timeout=10) as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"
        yield client


def basic(name: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{PASSWORD}".encode()).decode()}


def seconds_until_closed(client: ClientConnection) -> float:
    """How long it takes until the gateway ends the session, as one whose caller does not stand."""
    begun = time.monotonic()
    with pytest.raises(ConnectionClosed) as caught:
        client.recv(timeout=10)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
    return time.monotonic() - begun


def written(who: str, identity: str) -> str:
    return CONFIGURATION.replace("API", API).replace("WHO", who).replace("IDENTITY", identity)


def found_at_the_end(gateway: Gateway) -> str:
    def ends() -> list[dict[str, object]]:
        records = [json.loads(line) for line in (gateway.directory / "access.jsonl").read_text().splitlines()]
        return [record for record in records if record.get("session") == "end"]

    deadline = time.monotonic() + 5
    while not ends() and time.monotonic() < deadline:
        time.sleep(0.02)
    [record] = ends()
    assert record["code"] == "authenticate.no_longer_valid"
    return str(record["verdicts"][-1]["finding"]["found"])  # type: ignore[index]


@pytest.mark.parametrize("change", [("remove", "alice"), ("disable", "alice")])
def test_a_user_that_changes_loses_its_sessions_and_no_other_does(
    tmp_path: Path, live: WebSocketService, change: tuple[str, ...]
) -> None:
    with serving(tmp_path, LIVE, written("staff", "{basic: {}}"), live.url) as gateway:
        for name in ("alice", "carol"):
            done = portcullis(tmp_path, "users", "add", name, "--password-stdin", "-c", "portcullis.yaml", say=PASSWORD)
            assert done.returncode == 0, done.stderr
        with opened(gateway, **basic("alice")) as alice, opened(gateway, **basic("carol")) as carol:
            done = portcullis(tmp_path, "users", *change, "-c", "portcullis.yaml")
            assert done.returncode == 0, done.stderr
            assert seconds_until_closed(alice) < 3
            assert found_at_the_end(gateway) == "authenticate.changed_user"
            carol.send("still here")
            assert carol.recv(timeout=5) == "still here"


def test_a_revoked_key_ends_its_session_where_signatures_are_accepted_too(
    tmp_path: Path, live: WebSocketService
) -> None:
    (tmp_path / "secret.txt").write_text("s3cret" * 8)
    written_for_both = written("signed, keyed", "").replace(
        "identities: {signed, keyed: }",
        'identities: {signed: {hmac: {keys: {acme: {secret: "file:secret.txt"}}}}, keyed: {api_key: {}}}',
    )
    with serving(tmp_path, LIVE, written_for_both, live.url) as gateway:
        key = create_key(tmp_path, "acme")
        with opened(gateway, **{"X-API-Key": key}) as client:
            done = portcullis(tmp_path, "keys", "revoke", key.split("_")[1], "-c", "portcullis.yaml")
            assert done.returncode == 0, done.stderr
            assert seconds_until_closed(client) < 3


def test_the_issuer_is_asked_again_about_the_token_of_a_session(
    tmp_path: Path, live: WebSocketService, issuer: Issuer
) -> None:
    active, asked = [True], []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(time.monotonic())
        said = {"active": True, "sub": "alice", "aud": "shop"} if active[0] else {"active": False}
        send(handler, json.dumps(said).encode())

    issuer.behaviours["/introspect"] = answer
    (tmp_path / "secret.txt").write_text("s3cret")
    identity = (
        '{introspection: {endpoint: "ISSUER/introspect", client: {id: gateway, secret: "file:secret.txt"}, '
        "audience: shop, cache: {active: 0s}, recheck: 2s}}"
    ).replace("ISSUER", issuer.url)
    with (
        serving(tmp_path, LIVE, written("partners", identity), live.url) as gateway,
        opened(gateway, Authorization="Bearer good") as client,
    ):
        deadline = time.monotonic() + 8
        while len(asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(asked) == 2
        assert asked[1] - asked[0] >= 1.9
        active[0] = False
        assert seconds_until_closed(client) < 5
        assert found_at_the_end(gateway) == "authenticate.inactive_token"
        assert len(asked) == 3


@pytest.fixture
def site(tmp_path: Path, live: WebSocketService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """People log in, and a second API is a WebSocket."""

    def change(text: str) -> str:
        api = API.replace("UPSTREAM", live.url).replace("WHO", "people").replace("shop.yaml", "live.yaml")
        return text.replace("outgoing:", f"{api}outgoing:", 1)

    monkeypatch.setenv("OIDC_SECRET", SECRET)
    (tmp_path / "live.yaml").write_text(LIVE)
    running = Site(tmp_path, change=change)
    yield running
    running.stop()


@pytest.mark.parametrize("how", ["here", "at the provider"])
def test_a_session_ends_with_the_log_out(site: Site, how: str) -> None:
    site.provider.user = "ada"
    browser = logged_in(site.gateway)
    fields = {"Cookie": f"{SESSION}={browser.cookies[SESSION]}", "Origin": site.gateway.url.rstrip("/")}
    with opened(site.gateway, **fields) as client:
        if how == "here":
            browser.fetch(LOGOUT_PATH, "POST")
        else:
            token = site.provider.logout_token(sub="ada")
            told = httpx.post(f"{site.gateway.url}{BACK_CHANNEL}", data={"logout_token": token})
            assert told.status_code == 200
        assert seconds_until_closed(client) < 3
