"""Credentials that are sent in clear: never forwarded, told of, and revoked where the file says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway import Gateway, create_key, serving, wait_for
from items_shop import SPEC
from upstream import Upstream

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
  plain: {bind: "127.0.0.1:0", redirect: https, redirect_port: 8443}
identities: {partners: {api_key: {}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
observe: {access_log: {path: access.jsonl}}
keys: {revoke_leaked: REVOKE}
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


def send(gateway: Gateway, key: str, listener: str = "plain") -> httpx.Response:
    return httpx.get(f"{gateway.urls[listener]}/items", headers={"X-API-Key": key}, follow_redirects=False)


def test_a_key_that_is_sent_in_clear_is_told_of_and_not_forwarded(tmp_path: Path, upstream: Upstream) -> None:
    with serving(tmp_path, SPEC, CONFIGURATION.replace("REVOKE", "false"), upstream.url) as gateway:
        key = create_key(tmp_path, "acme")
        wait_for(lambda: send(gateway, key, "public").status_code == 200, "the key to work")
        seen = len(upstream.seen)
        answer = send(gateway, key)
        assert answer.status_code == 308
        assert answer.headers["location"] == "https://127.0.0.1:8443/items"
        assert answer.json()["code"] == "guard.https_required"
        record = gateway.record_of(answer.headers["x-request-id"])
        assert record["code"] == "guard.key_in_clear"
        assert record["consumer"] == "acme"
        assert record["credential"] == key[4:12]
        assert key not in (tmp_path / "access.jsonl").read_text()
        wait_for(lambda: f"API key {key[4:12]} of acme was sent in clear" in gateway.errors(), "a line in the log")
        assert key not in gateway.errors()
        assert send(gateway, key, "public").status_code == 200
        assert len(upstream.seen) == seen + 1
        forged = key[:20] + ("0" if key[20] != "0" else "1") + key[21:]
        assert gateway.record_of(send(gateway, forged).headers["x-request-id"])["code"] == "guard.https_required"


def test_a_key_that_was_sent_in_clear_is_revoked_where_the_file_says_so(tmp_path: Path, upstream: Upstream) -> None:
    with serving(tmp_path, SPEC, CONFIGURATION.replace("REVOKE", "true"), upstream.url) as gateway:
        key, other = create_key(tmp_path, "acme"), create_key(tmp_path, "acme")
        wait_for(lambda: send(gateway, other, "public").status_code == 200, "the keys to work")
        assert send(gateway, key).status_code == 308
        wait_for(lambda: send(gateway, key, "public").status_code == 401, "the key to be refused")
        assert send(gateway, other, "public").status_code == 200
