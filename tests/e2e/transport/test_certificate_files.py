"""Certificates from files: told of before they end, and taken up when they change, while the gateway serves."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from commands import portcullis
from cryptography.hazmat.primitives.serialization import Encoding
from gateway import Gateway, read_response, serving, wait_for
from items_shop import SPEC
from upstream import Upstream

from portcullis.testing.certificates import Authority

CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: shop.pem, key: shop.key, certificates: [{certificate: other.pem, key: other.key}]}
  single: {bind: "127.0.0.1:0", tls: {certificate: single.pem, key: single.key}}
  admin: {bind: "127.0.0.1:0"}
apis:
  shop:
    hosts: [shop.example, other.example, single.example]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
AUTHORITY = Authority("shop root")
REQUEST = b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n"


def replace(folder: Path, name: str, ends: timedelta = timedelta(days=90), rsa: bool = False) -> bytes:
    """Put a new pair in the place of ``name``, each file at once; the new certificate in DER."""
    if rsa:
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 90 -keyout new.key -out new.pem"
            f" -subj /CN=x -addext subjectAltName=DNS:{name}.example"
        )
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        der = ssl.PEM_cert_to_DER_cert((folder / "new.pem").read_text())
    else:
        issued = AUTHORITY.issue(dns=[f"{name}.example"], ends=ends)
        issued.write(folder / "new.pem", folder / "new.key")
        der = issued.der
    (folder / "new.key").chmod(0o600)
    (folder / "new.key").replace(folder / f"{name}.key")
    (folder / "new.pem").replace(folder / f"{name}.pem")
    return der


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    for name in ("shop", "other", "single"):
        replace(folder, name)
    upstream = Upstream()
    with serving(folder, SPEC, CONFIGURATION, upstream.url, workers=2) as running:
        yield running
    upstream.stop()


def shown(gateway: Gateway, name: str | None, listener: str = "public", version: ssl.TLSVersion | None = None) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    raw = socket.create_connection(address(gateway, listener), timeout=10)
    with context.wrap_socket(raw, server_hostname=name) as connection:
        connection.sendall(REQUEST)
        assert read_response(connection)[0] == 200
        return connection.getpeercert(binary_form=True) or b""


def address(gateway: Gateway, listener: str) -> tuple[str, int]:
    host, _, port = gateway.urls[listener].rpartition("/")[2].rpartition(":")
    return host, int(port)


def shown_by_all(gateway: Gateway, name: str | None, listener: str = "public") -> set[bytes]:
    return {shown(gateway, name, listener) for _ in range(12)}


@pytest.mark.parametrize(("name", "listener"), [("shop", "public"), ("other", "public"), ("single", "single")])
@pytest.mark.parametrize("rsa", [False, True])
def test_new_files_are_shown_by_all_workers_without_a_reload(
    gateway: Gateway, name: str, listener: str, rsa: bool
) -> None:
    workers = gateway.workers()
    new = replace(gateway.directory, name, rsa=rsa)
    asked = f"{name}.example"
    wait_for(lambda: shown_by_all(gateway, asked, listener) == {new}, "the new certificate", 20)
    # A certificate of another kind of key is gone, whatever the client prefers.
    assert shown(gateway, asked, listener, ssl.TLSVersion.TLSv1_2) == new
    assert gateway.workers() == workers


def test_who_asks_for_no_name_gets_the_new_one_of_the_first(gateway: Gateway) -> None:
    new = replace(gateway.directory, "shop")
    wait_for(lambda: shown_by_all(gateway, None) == {new}, "the new certificate", 20)


def test_no_call_fails_while_certificates_change(gateway: Gateway) -> None:
    context = ssl.create_default_context(cafile=str(gateway.directory / "ca.pem"))
    replaced = replace(gateway.directory, "shop")
    wait_for(lambda: shown_by_all(gateway, "shop.example") == {replaced}, "one of the authority's", 20)
    stop, results = threading.Event(), []
    kept = context.wrap_socket(gateway.connect(), server_hostname="shop.example")

    def call() -> None:
        while not stop.is_set():
            try:
                with context.wrap_socket(gateway.connect(), server_hostname="shop.example") as client:
                    client.sendall(REQUEST)
                    results.append(read_response(client)[0])
            except OSError as error:
                results.append(repr(error))

    thread = threading.Thread(target=call)
    thread.start()
    try:
        for _ in range(2):
            new = replace(gateway.directory, "shop")
            wait_for(lambda new=new: shown_by_all(gateway, "shop.example") == {new}, "the new certificate", 20)
    finally:
        stop.set()
        thread.join()
    assert len(results) > 20
    assert set(results) == {200}
    with kept:
        kept.sendall(REQUEST)
        assert read_response(kept)[0] == 200


def test_sessions_from_before_are_resumed_after_a_change(gateway: Gateway) -> None:
    context = ssl.create_default_context(cafile=str(gateway.directory / "ca.pem"))
    before = replace(gateway.directory, "other")
    wait_for(lambda: shown_by_all(gateway, "other.example") == {before}, "one of the authority's", 20)
    with context.wrap_socket(gateway.connect(), server_hostname="other.example") as client:
        client.sendall(REQUEST)
        read_response(client)
        session = client.session
    new = replace(gateway.directory, "other")
    wait_for(lambda: shown_by_all(gateway, "other.example") == {new}, "the new certificate", 20)
    with context.wrap_socket(gateway.connect(), server_hostname="other.example", session=session) as client:
        assert client.session_reused


def test_a_pair_that_does_not_belong_together_is_told_and_not_taken(gateway: Gateway) -> None:
    served = replace(gateway.directory, "single")
    wait_for(lambda: shown_by_all(gateway, "single.example", "single") == {served}, "the certificate", 20)
    other = AUTHORITY.issue(dns=["single.example"], ends=timedelta(days=90))
    (gateway.directory / "single.pem").write_bytes(other.pem)
    wait_for(lambda: "the private key is that of another certificate" in gateway.errors(), "a line in the log", 20)
    assert "(what was served before serves on)" in gateway.errors()
    assert shown_by_all(gateway, "single.example", "single") == {served}
    other.write(gateway.directory / "single.pem", gateway.directory / "single.key")
    (gateway.directory / "single.key").chmod(0o600)
    wait_for(lambda: shown_by_all(gateway, "single.example", "single") == {other.der}, "the pair", 20)


def test_a_worker_that_is_new_shows_what_is_in_force(gateway: Gateway) -> None:
    new = replace(gateway.directory, "shop")
    wait_for(lambda: shown_by_all(gateway, "shop.example") == {new}, "the new certificate", 20)
    before = gateway.workers()
    os.kill(before[0], 9)
    wait_for(lambda: len(gateway.workers()) == 2 and before[0] not in gateway.workers(), "another worker", 20)
    time.sleep(0.5)
    assert shown_by_all(gateway, "shop.example") == {new}


def test_the_end_of_a_certificate_is_told_in_log_and_metrics_and_by_the_command(gateway: Gateway) -> None:
    soon = AUTHORITY.issue(dns=["other.example"], starts=timedelta(days=-80), ends=timedelta(days=2.5))
    soon.write(gateway.directory / "other.pem", gateway.directory / "other.key")
    (gateway.directory / "other.key").chmod(0o644)
    wait_for(lambda: "certificate other.pem of listener public: expires in 2 days" in gateway.errors(), "the log", 20)
    metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
    assert 'portcullis_certificate_days_left{certificate="other.pem"} 2.' in metrics
    assert 'portcullis_certificate_problems{certificate="other.pem",problem="expires_soon"} 1.0' in metrics
    done = portcullis(gateway.directory, "certs", "status", "--format", "json")
    assert done.returncode == 1
    found = {each["certificate"]: each for each in json.loads(done.stdout)}
    kinds = {each["kind"] for each in found["other.pem"]["problems"]}
    assert kinds == {"expires_soon", "file_permissions"}
    assert found["shop.pem"]["facts"]["key"] == "EC 256"
    text = portcullis(gateway.directory, "certs", "status").stdout
    assert "expires soon: expires in 2 days (renew it" in text
    checked = portcullis(gateway.directory, "check", "portcullis.yaml")
    assert checked.returncode == 0
    assert "other.pem: expires in 2 days" in checked.stdout


def test_a_host_is_looked_at(gateway: Gateway) -> None:
    new = replace(gateway.directory, "shop")
    wait_for(lambda: shown_by_all(gateway, "shop.example") == {new}, "the new certificate", 20)
    host, port = gateway.address
    target = f"{host}:{port}"
    trusted = portcullis(gateway.directory, "certs", "check", target, "--ca", "ca.pem", "--name", "shop.example")
    assert trusted.returncode == 0, trusted.stdout + trusted.stderr
    assert "TLSv1.3" in trusted.stdout
    stranger = portcullis(gateway.directory, "certs", "check", target, "--name", "shop.example")
    assert stranger.returncode == 1
    assert "trusted no: unable to get local issuer certificate" in stranger.stdout
    away = portcullis(gateway.directory, "certs", "check", "127.0.0.1:1")
    assert away.returncode == 2
    assert away.stderr == "portcullis: 127.0.0.1:1 can't be reached: Connection refused\n"


def test_pins_are_printed_of_files_and_hosts(gateway: Gateway) -> None:
    new = replace(gateway.directory, "shop")
    wait_for(lambda: shown_by_all(gateway, "shop.example") == {new}, "the new certificate", 20)
    host, port = gateway.address
    of_file = portcullis(gateway.directory, "certs", "pin", "shop.pem").stdout
    of_host = portcullis(gateway.directory, "certs", "pin", f"{host}:{port}", "--name", "shop.example").stdout
    assert of_file == of_host
    assert of_file.startswith("sha256/")
    command = (
        "openssl x509 -in shop.pem -pubkey -noout | openssl pkey -pubin -outform der"
        " | openssl dgst -sha256 -binary | base64"
    )
    other = subprocess.run(["sh", "-c", command], cwd=gateway.directory, capture_output=True, check=True, text=True)
    assert of_file.split()[0] == f"sha256/{other.stdout.strip()}"
