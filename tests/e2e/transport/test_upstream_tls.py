"""Services under https: whom the gateway takes for the service, and how it says that it does not."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway import serving
from items_shop import SPEC
from tls_service import context_of, service

from portcullis.engine.public_key_pins import pin_of, written_pin
from portcullis.testing.certificates import Authority, Issued

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"], timeouts: {connect: 2s}, SETTINGS}
    versions: {v1: {spec: shop.yaml}}
    public: true
observe: {access_log: {path: access.jsonl}}
"""
ROOT = Authority("root")
SHOP = ROOT.issue("CN=shop", dns=["shop.internal"])
BACKUP = ROOT.issue("CN=backup", dns=["shop.internal"])
STRANGER = Authority("stranger").issue("CN=stranger", dns=["shop.internal"])
GATEWAY = ROOT.issue("CN=gateway")


Try = Callable[..., tuple[httpx.Response, list[dict[str, Any]], str, str]]


@pytest.fixture
def attempt(tmp_path: Path) -> Try:
    """Call a service through a gateway: the answer, what the service saw, what the record says, what was logged."""

    def call(
        settings: str, issued: Issued = SHOP, change: Callable[[ssl.SSLContext], None] = lambda _: None
    ) -> tuple[httpx.Response, list[dict[str, Any]], str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "ca.pem").write_bytes(ROOT.pem)
        GATEWAY.write(folder / "gateway.pem", folder / "gateway.key")
        context = context_of(folder, issued)
        change(context)
        with (
            service(context) as (url, calls),
            serving(folder, SPEC, CONFIGURATION.replace("SETTINGS", settings), url) as gateway,
        ):
            answer = httpx.get(f"{gateway.url}/items", timeout=10)
            (line,) = gateway.records()
            return answer, calls, json.dumps(line), gateway.errors()

    return call


def pin(issued: Issued) -> str:
    return f'"{written_pin(pin_of(issued.certificate))}"'


def test_a_service_is_known_by_its_name_and_its_authority(attempt: Try) -> None:
    answer, (call,), _, _ = attempt("ca: ca.pem, tls: {server_name: shop.internal}")
    assert answer.status_code == 200
    assert call["version"] == "TLSv1.3"


@pytest.mark.parametrize(
    ("settings", "issued", "told"),
    [
        ("ca: ca.pem", SHOP, "IP address mismatch"),
        ("ca: ca.pem, tls: {server_name: orders.internal}", SHOP, "Hostname mismatch"),
        ("ca: ca.pem, tls: {server_name: shop.internal}", STRANGER, "certificate"),
        ("tls: {server_name: shop.internal}", SHOP, "certificate"),
    ],
)
def test_anybody_else_is_refused(attempt: Try, settings: str, issued: Issued, told: str) -> None:
    answer, calls, record, _ = attempt(settings, issued)
    assert answer.status_code == 502
    assert answer.json()["code"] == "upstream.unreachable"
    assert "certificate" not in answer.json().get("detail", "")
    assert "its certificate is not accepted" in record
    assert told in record
    assert calls == []


def test_a_pinned_key_is_taken_and_its_backup_is_told_of(attempt: Try) -> None:
    pins = f"ca: ca.pem, tls: {{server_name: shop.internal, pins: [{pin(SHOP)}, {pin(BACKUP)}]}}"
    answer, _, _, errors = attempt(pins)
    assert answer.status_code == 200
    assert "backup" not in errors
    answer, _, _, errors = attempt(pins, BACKUP)
    assert answer.status_code == 200
    assert "the service of API shop shows the key of pin" in errors


def test_a_key_that_is_not_pinned_is_refused_whoever_signed_for_it(attempt: Try) -> None:
    pins = f"ca: ca.pem, tls: {{server_name: shop.internal, pins: [{pin(SHOP)}, {pin(BACKUP)}]}}"
    other = ROOT.issue("CN=other", dns=["shop.internal"])
    answer, calls, record, _ = attempt(pins, other)
    assert answer.status_code == 502
    assert "none of its keys is pinned" in record
    assert calls == []


def test_without_verification_only_a_pin_says_who_it_is(attempt: Try) -> None:
    reason = 'unverified: "an appliance that makes its own certificate"'
    assert attempt(f"tls: {{{reason}}}", STRANGER)[0].status_code == 200
    assert attempt(f"tls: {{{reason}, pins: [{pin(STRANGER)}, {pin(SHOP)}]}}", STRANGER)[0].status_code == 200
    assert attempt(f"tls: {{{reason}, pins: [{pin(BACKUP)}, {pin(SHOP)}]}}", STRANGER)[0].status_code == 502


def test_the_gateway_proves_itself_where_the_service_asks(attempt: Try) -> None:
    def ask(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ROOT.pem.decode())

    shown = "ca: ca.pem, tls: {server_name: shop.internal, certificate: gateway.pem, key: gateway.key}"
    answer, (call,), _, _ = attempt(shown, SHOP, ask)
    assert answer.status_code == 200
    assert call["certificate"]["subject"] == ((("commonName", "gateway"),),)
    answer, calls, _, _ = attempt("ca: ca.pem, tls: {server_name: shop.internal}", SHOP, ask)
    assert answer.status_code == 502
    assert calls == []


def test_a_service_that_only_speaks_an_older_version_is_refused(attempt: Try) -> None:
    def age(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    answer, (call,), _, _ = attempt("ca: ca.pem, tls: {server_name: shop.internal}", SHOP, age)
    assert answer.status_code == 200
    assert call["version"] == "TLSv1.2"
    answer, calls, _, _ = attempt('ca: ca.pem, tls: {server_name: shop.internal, min_version: "1.3"}', SHOP, age)
    assert answer.status_code == 502
    assert calls == []
