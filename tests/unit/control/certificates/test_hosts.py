from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.control.certificates.hosts import HostError, check_host, split_host
from portcullis.mounts.tls import server_context
from portcullis.testing.certificates import Authority

ROOT = Authority("root")
Serve = Callable[[ssl.SSLContext], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves handshakes with a context, on a port of its own."""
    sockets = []

    def run(listening: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as client:
                    client.recv(1)
            except OSError:
                connection.close()

    def start(context: ssl.SSLContext) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)
        threading.Thread(target=run, args=(listening, context), daemon=True).start()
        return int(listening.getsockname()[1])

    yield start
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.fixture
def port(serve: Serve, tmp_path: Path) -> int:
    below = Authority("below", ROOT)
    issued = below.issue(dns=["shop.example"], ends=timedelta(days=90))
    issued.write(tmp_path / "a.pem", tmp_path / "a.key")
    (tmp_path / "ca.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    return serve(server_context(str(tmp_path / "a.pem"), str(tmp_path / "a.key")))


def test_what_a_host_shows_is_told(port: int, tmp_path: Path) -> None:
    report = check_host("127.0.0.1", port, time.time(), tmp_path / "ca.pem", "shop.example")
    assert (report.trusted, report.version, report.problems) == (True, "TLSv1.3", [])
    assert [each.subject for each in report.chain] == ["CN=workload", "CN=below"]


def test_who_is_not_trusted_is_shown_with_the_reason(port: int, tmp_path: Path) -> None:
    report = check_host("127.0.0.1", port, time.time(), tmp_path / "ca.pem", "other.example")
    assert not report.trusted
    assert "Hostname mismatch" in report.why_not
    assert [each.kind for each in report.problems] == ["wrong_name"]


def test_hosts_that_can_not_be_asked_are_told(serve: Serve) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(HostError, match="can't be reached: Connection refused"):
        check_host("127.0.0.1", port, 0.0)
    with pytest.raises(HostError, match="refused the handshake"):
        check_host("127.0.0.1", serve(server_context(None, None)), 0.0)


def test_authorities_that_can_not_be_read_are_told(port: int, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"none\.pem can't be used: No such file"):
        check_host("127.0.0.1", port, time.time(), tmp_path / "none.pem", "shop.example")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shop.example", ("shop.example", 443)),
        ("shop.example:8443", ("shop.example", 8443)),
        ("[2001:db8::7]:8443", ("2001:db8::7", 8443)),
        ("[2001:db8::7]", ("2001:db8::7", 443)),
        ("2001:db8::7", ("2001:db8::7", 443)),
    ],
)
def test_hosts_and_ports(text: str, found: tuple[str, int]) -> None:
    assert split_host(text) == found


@pytest.mark.parametrize("text", ["", ":443", "a:x", "a:0", "a:65536", "a:", "a:٣"])
def test_what_is_no_host_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="a host, with a port"):
        split_host(text)
