"""A balancer in front that says by the PROXY protocol who its clients are."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from debian import debian_program
from gateway import Gateway, read_all, serving
from items_shop import SPEC
from ports import free_port
from upstream import Upstream

CONFIGURATION = """\
listeners:
  public:
    bind: 127.0.0.1:0
    proxy_protocol: [127.0.0.0/8]
    timeouts: {header: 1s}
    SETTINGS
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
REQUEST = b"GET /items HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
V1 = b"PROXY TCP4 198.51.100.9 192.0.2.1 56324 443\r\n"
V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
    + socket.inet_aton("198.51.100.9")
    + socket.inet_aton("192.0.2.1")
    + bytes([0xDC, 4, 1, 0xBB])
)


def what_is_left(client: socket.socket) -> bytes:
    """What still comes of a connection that the gateway ends, by a reset too."""
    try:
        return read_all(client)
    except ConnectionError:
        return b""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@contextmanager
def behind(tmp_path: Path, upstream: Upstream, settings: str = "") -> Iterator[Gateway]:
    with serving(tmp_path, SPEC, CONFIGURATION.replace("SETTINGS", settings), upstream.url) as gateway:
        yield gateway


@pytest.fixture
def gateway(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    with behind(tmp_path, upstream) as running:
        yield running


@pytest.mark.parametrize("header", [V1, V2])
def test_services_and_records_know_the_client(gateway: Gateway, upstream: Upstream, header: bytes) -> None:
    assert gateway.exchange(header + REQUEST).startswith(b"HTTP/1.1 200")
    assert upstream.seen[0].field("x-forwarded-for") == "198.51.100.9"
    assert gateway.records()[0]["client"] == "198.51.100.9"


def test_a_header_in_pieces_is_put_together(gateway: Gateway) -> None:
    with gateway.connect() as client:
        for byte in V2 + REQUEST:
            client.sendall(bytes([byte]))
        assert read_all(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("data", [REQUEST, b"PROXY TCP4 198.51.100.999 192.0.2.1 1 1\r\n" + REQUEST, b"\x16\x03\x01"])
def test_without_a_header_there_is_no_answer(gateway: Gateway, upstream: Upstream, data: bytes) -> None:
    with gateway.connect() as client:
        client.sendall(data)
        assert what_is_left(client) == b""
    assert upstream.seen == []
    assert "listener public closed a connection of 127.0.0.1" in gateway.errors()


def test_a_header_that_does_not_come_is_not_waited_for(gateway: Gateway) -> None:
    began = time.monotonic()
    with gateway.connect() as client:
        client.sendall(V1[:10])
        assert what_is_left(client) == b""
    assert 0.5 < time.monotonic() - began < 5


def test_address_lists_and_caps_are_about_the_client(tmp_path: Path, upstream: Upstream) -> None:
    settings = "deny: [198.51.100.0/24]\n    max_connections_per_address: 1"
    other = V1.replace(b"198.51.100.9", b"203.0.113.5")
    with behind(tmp_path, upstream, settings) as gateway:
        with gateway.connect() as client:
            client.sendall(V1 + REQUEST)
            assert what_is_left(client) == b""
        with gateway.connect() as held, gateway.connect() as second:
            held.sendall(other)
            time.sleep(0.2)
            second.sendall(other + REQUEST)
            assert what_is_left(second) == b""
            held.sendall(REQUEST)
            assert read_all(held).startswith(b"HTTP/1.1 200")


def test_a_connection_that_waits_for_its_header_survives_a_reload(gateway: Gateway) -> None:
    with gateway.connect() as client:
        time.sleep(0.2)  # accepted by the workers that are about to go
        gateway.reload()
        time.sleep(0.5)
        client.sendall(V1 + REQUEST)
        assert read_all(client).startswith(b"HTTP/1.1 200")


def test_haproxy_passes_connections_on(tmp_path: Path, upstream: Upstream) -> None:
    haproxy = debian_program("haproxy", "haproxy")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with behind(tmp_path, upstream, "tls: {certificate: chain.pem, key: key.pem}") as gateway:
        port = free_port()
        target = f"{gateway.address[0]}:{gateway.address[1]}"
        (tmp_path / "haproxy.cfg").write_text(
            "defaults\n mode tcp\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
            f"listen passing\n bind 127.0.0.1:{port}\n server gateway {target} send-proxy-v2\n"
        )
        process = subprocess.Popen([haproxy, "-q", "-f", str(tmp_path / "haproxy.cfg")])
        try:
            answer = None
            for _ in range(50):
                try:
                    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
                    answer = httpx.get(f"https://localhost:{port}/items", verify=context)
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            assert answer is not None
            assert answer.status_code == 200
            assert upstream.seen[0].field("x-forwarded-for") == "127.0.0.1"
        finally:
            process.terminate()
            process.wait(10)
