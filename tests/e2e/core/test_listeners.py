"""TLS, the redirector and the admin listener."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trustme
from gateway import Gateway, client_of, read_all, wait_for
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    ca = trustme.CA()
    issued = ca.issue_cert("shop.example", "127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for number, pem in enumerate(issued.cert_chain_pems):
        pem.write_to_path(tmp_path / "chain.pem", append=number > 0)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return ca


def with_tls(text: str) -> str:
    return text.replace(
        "listeners:\n  public:\n    bind: 127.0.0.1:0\n",
        "listeners:\n  plain: {bind: '127.0.0.1:0', redirect: https, redirect_port: 8443}\n"
        "  public:\n    bind: 127.0.0.1:0\n    tls: {certificate: chain.pem, key: key.pem}\n",
    )


@pytest.fixture
def secure(start_gateway, authority: trustme.CA) -> Gateway:
    return start_gateway(with_tls)


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


def test_calls_over_tls_are_served_and_the_service_is_told(secure: Gateway, context, upstream) -> None:
    with httpx.Client(base_url=secure.url, verify=context) as client:
        for _ in range(3):
            assert client.get("/shop/open/x").status_code == 200
    assert upstream.seen[-1].field("x-forwarded-proto") == "https"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(secure: Gateway, context, version) -> None:
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(secure.address) as raw,
        context.wrap_socket(raw, server_hostname="shop.example") as client,
    ):
        assert client.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
        client.sendall(b"GET /shop/open/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        received = b""
        while data := client.recv(4096):
            received += data
    assert received.startswith(b"HTTP/1.1 200")


def test_a_session_is_resumed_whichever_worker_takes_the_connection(start_gateway, authority, context) -> None:
    gateway = start_gateway(with_tls, workers=2)
    session = None
    reused = []
    for _ in range(12):
        with (
            socket.create_connection(gateway.address) as raw,
            context.wrap_socket(raw, server_hostname="shop.example", session=session) as client,
        ):
            client.sendall(b"GET /shop/open/x HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            assert client.recv(4096)
            reused.append(client.session_reused)
            session = client.session
    assert reused == [False] + [True] * 11


def test_large_bodies_pass_through_tls_both_ways(secure: Gateway, context, upstream) -> None:
    body = bytes(range(256)) * 40_000
    upstream.behaviours["/shop/upload"] = lambda exchange: exchange.answer(exchange.body)
    with httpx.Client(base_url=secure.url, verify=context, timeout=20) as client:
        answer = client.post("/shop/upload", content=body, headers={"content-type": "application/octet-stream"})
    assert answer.content == body


def test_plain_http_on_a_tls_listener_is_told_what_is_wrong_and_reaches_nobody(secure: Gateway, upstream) -> None:
    seen = len(upstream.seen)
    with secure.connect() as client:
        client.sendall(b"GET /shop/open/x HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'"title":"This port speaks TLS: use https","status":400}')
    assert len(upstream.seen) == seen


def test_a_silent_handshake_is_closed_at_its_deadline(secure: Gateway) -> None:
    with secure.connect() as client:
        client.sendall(b"\x16\x03\x01")
        assert read_all(client) == b""


def test_the_redirector_points_to_https_and_serves_nothing(secure: Gateway) -> None:
    with httpx.Client(base_url=secure.urls["plain"]) as client:
        answer = client.post("/shop/items?x=1", headers={"Host": "shop.example:80"}, json={})
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://shop.example:8443/shop/items?x=1"


def test_an_upstream_over_tls_is_verified(start_gateway, authority: trustme.CA, tmp_path: Path) -> None:
    back = start_gateway(with_tls)
    front = tmp_path / "front"
    front.mkdir()
    for name in ("shop.yaml", "ca.pem"):
        (front / name).write_text((tmp_path / name).read_text())
    text = (tmp_path / "portcullis.yaml").read_text()
    plain = text.replace("tls: {certificate: chain.pem, key: key.pem}", "")
    plain = plain.replace("  plain: {bind: '127.0.0.1:0', redirect: https, redirect_port: 8443}\n", "")
    start = plain.index('targets: ["') + len('targets: ["')
    plain = plain[:start] + back.url + plain[plain.index('"]', start) :]
    from gateway import end
    from gateway import start as start_in

    (front / "portcullis.yaml").write_text(plain)
    untrusting = start_in(front)
    try:
        with client_of(untrusting) as client:
            answer = client.get("/shop/open/x")
        assert (answer.status_code, answer.json()["code"]) == (502, "upstream.unreachable")
        finding = untrusting.record_of(answer.json()["request_id"])["verdicts"][-1]["finding"]
        assert "certificate" in finding["found"]
    finally:
        end(untrusting)
    (front / "portcullis.yaml").write_text(
        plain.replace("      timeouts: {connect", "      ca: ca.pem\n      timeouts: {connect")
    )
    trusting = start_in(front)
    try:
        with client_of(trusting) as client:
            assert client.get("/shop/open/x").status_code == 200
    finally:
        end(trusting)


def test_health_readiness_and_metrics(gateway: Gateway) -> None:
    with client_of(gateway) as client:
        for _ in range(3):
            client.get("/shop/open/x")
        client.get("/shop/nothing")
    with httpx.Client(base_url=gateway.urls["admin"]) as admin:
        assert admin.get("/healthz").json() == {"status": "ok"}
        assert admin.get("/readyz").json() == {"status": "ready"}

        def counted() -> bool:
            families = {family.name: family for family in text_string_to_metric_families(admin.get("/metrics").text)}
            exchanges = {
                (sample.labels["operation"], sample.labels["status"], sample.labels["code"]): sample.value
                for sample in families["portcullis_exchanges"].samples
            }
            return (
                exchanges.get(("GET /open/{name}", "200", ""), 0) >= 3
                and exchanges.get(("", "404", "guard.unknown_path"), 0) >= 1
                and families["portcullis_workers"].samples[0].value == 1
            )

        wait_for(counted, "the counts", 5)
        assert admin.get("/else").status_code == 404


def test_a_port_that_is_taken_is_an_error_with_file_and_line(tmp_path: Path, gateway: Gateway) -> None:
    (tmp_path / "shop.yaml").write_text((gateway.directory / "shop.yaml").read_text())
    text = (gateway.directory / "portcullis.yaml").read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "portcullis.yaml").write_text(text.replace("bind: 127.0.0.1:0", f"bind: 127.0.0.1:{port}"))
        done = subprocess.run(
            [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert "portcullis.yaml:3:" in done.stderr
    assert f"can't listen on 127.0.0.1:{port}: Address already in use" in done.stderr
