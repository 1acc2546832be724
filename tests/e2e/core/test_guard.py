"""Addresses that may call, over sockets: of a whole listener, and of operations behind a trusted proxy."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest
import trustme
from gateway import Gateway, client_of, read_all, wait_for
from upstream import Upstream

OPERATIONS = """\
    guard: {addresses: {deny: [203.0.113.0/24]}}
    operations:
      "GET /items": {public: true, limit: {plan: gold}, guard: {addresses: {allow: [10.0.0.0/8, "2001:db8::/32"]}}}
"""


def behind_a_proxy(text: str) -> str:
    trusted = text.replace("    bind: 127.0.0.1:0\n", "    bind: 127.0.0.1:0\n    trusted_proxies: [127.0.0.1]\n", 1)
    return trusted.replace("    operations:\n", OPERATIONS)


@pytest.fixture
def guarded(start_gateway) -> Gateway:
    return start_gateway(behind_a_proxy)


def call(gateway: Gateway, path: str, client: str) -> httpx.Response:
    return httpx.get(f"{gateway.url}{path}", headers={"x-forwarded-for": client})


def test_who_may_call_an_operation_is_decided_by_the_reported_address(guarded: Gateway) -> None:
    for client, items, open_ in (
        ("10.1.2.3", 200, 200),
        ("2001:db8::7", 200, 200),
        ("192.0.2.7", 403, 200),
        ("::ffff:10.1.2.3", 200, 200),
        ("203.0.113.9", 403, 403),
    ):
        assert (call(guarded, "/shop/items", client).status_code, client) == (items, client)
        assert (call(guarded, "/shop/open/x", client).status_code, client) == (open_, client)


def test_a_refusal_tells_the_caller_nothing_and_the_record_everything(guarded: Gateway, upstream: Upstream) -> None:
    refused = call(guarded, "/shop/open/x", "203.0.113.9")
    problem = refused.json()
    assert (problem["code"], problem.get("detail", "")) == ("guard.address_denied", "")
    assert "203.0.113" not in refused.text
    record = guarded.record_of(problem["request_id"])
    [verdict] = record["verdicts"]
    assert (verdict["policy"], verdict["outcome"]) == ("guard.addresses", "refuse")
    assert verdict["finding"] == {
        "pointer": "/client",
        "found": "203.0.113.9",
        "allowed": "an address outside 203.0.113.0/24",
        "source": "#/apis/shop/guard/addresses/deny/0",
    }
    assert upstream.seen == []


def test_nobody_is_asked_for_a_credential_who_may_not_call(guarded: Gateway) -> None:
    refused = call(guarded, "/shop/items/1", "203.0.113.9")
    assert (refused.status_code, "www-authenticate" in refused.headers) == (403, False)


def test_in_monitor_mode_a_foreign_address_passes_and_is_recorded(start_gateway) -> None:
    gateway = start_gateway(
        lambda text: behind_a_proxy(text).replace("203.0.113.0/24]", "203.0.113.0/24], mode: monitor")
    )
    answer = call(gateway, "/shop/open/x", "203.0.113.9")
    assert answer.status_code == 200
    [record] = gateway.records()
    outcomes = {verdict["policy"]: verdict["outcome"] for verdict in record["verdicts"]}
    assert outcomes["guard.addresses"] == "would_refuse"


def metric(gateway: Gateway, name: str) -> float:
    lines = httpx.get(f"{gateway.urls['admin']}/metrics").text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), -1.0)


def test_a_connection_from_a_denied_address_is_closed_at_once_and_counted(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(
        lambda text: text.replace(
            "    bind: 127.0.0.1:0\n", "    bind: 127.0.0.1:0\n    deny: [127.0.0.2, 127.0.0.3]\n", 1
        )
    )
    with client_of(gateway) as client:
        assert client.get("/shop/open/x").status_code == 200
    for source in ("127.0.0.2", "127.0.0.3"):
        with socket.create_connection(gateway.address, timeout=5, source_address=(source, 0)) as denied:
            assert read_all(denied) == b""
    wait_for(lambda: metric(gateway, "portcullis_connections_denied_total") == 2, "the count")
    assert metric(gateway, "portcullis_connections_refused_total") == 0
    assert len(upstream.seen) == 1


def test_an_allow_list_of_a_tls_listener_closes_others_before_the_handshake(start_gateway, tmp_path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
    gateway = start_gateway(
        lambda text: text.replace(
            "    bind: 127.0.0.1:0\n",
            "    bind: 127.0.0.1:0\n    allow: [127.0.0.1]\n    tls: {certificate: pair.pem, key: pair.pem}\n",
            1,
        )
    )
    context = ssl.create_default_context()
    authority.configure_trust(context)
    assert httpx.get(f"{gateway.url}/shop/open/x", verify=context).status_code == 200
    with (
        socket.create_connection(gateway.address, timeout=5, source_address=("127.0.0.2", 0)) as denied,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(denied, server_hostname="127.0.0.1")
