"""An authority of one's own: certificates for services, issued, delivered, rotated and revoked by a running gateway."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from gateway import Gateway, read_response, serving, wait_for
from items_shop import SPEC
from upstream import Upstream

from portcullis.testing.certificates import Authority

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", tls: {managed: gateway}}
  admin: {bind: "127.0.0.1:0"}
  mesh:
    bind: "127.0.0.1:0"
    tls:
      managed: gateway
      client_ca: ca/mesh-clients.pem
      revocation: {lists: [ca/mesh.crl, ca/root.crl]}
certificate_authorities:
  mesh:
    private: {certificate: ca/mesh.pem, key: ca/mesh.key, bundle: [ca/root.pem], lifetime: 1h}
certificates:
  gateway: {names: [gateway.shop.internal], authorities: [mesh]}
  orders: {spiffe_id: "spiffe://shop.internal/orders", authorities: [mesh], folder: certs/orders}
  bought: {names: [shop.example]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
ACME = "{directory: 'https://a.example/', terms_agreed: true}"
REQUEST = b"GET /items HTTP/1.1\r\nHost: gateway.shop.internal\r\n\r\n"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


def made(folder: Path) -> None:
    """The authority, as a user makes it."""
    argv = ["certs", "authority", "init", "mesh", "--root", "offline", "--out", "ca", "--domain", "shop.internal"]
    done = portcullis(folder, *argv)
    assert done.returncode == 0, done.stderr
    assert "Take offline/root.key offline" in done.stdout


@contextmanager
def running(folder: Path, upstream: Upstream, text: str = CONFIGURATION) -> Iterator[Gateway]:
    made(folder)
    with serving(folder, SPEC, text, upstream.url) as gateway:
        wait_for((folder / "certs/orders/current/certificate.pem").exists, "the delivery")
        yield gateway


def serial_of(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def call(
    gateway: Gateway, folder: Path, *, listener: str = "public", client: Path | None = None, root: Path | None = None
) -> int:
    """The status that a client gets who trusts the ``root``, and shows what is in ``client``."""
    context = ssl.create_default_context(cafile=str(root or folder / "offline" / "root.pem"))
    if client is not None:
        context.load_cert_chain(client / "certificate.pem", client / "key.pem")
    host, _, port = gateway.urls[listener].rpartition("/")[2].rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="gateway.shop.internal") as connection,
    ):
        connection.sendall(REQUEST)
        return read_response(connection)[0]


def test_listeners_and_services_get_certificates_that_the_root_vouches_for(tmp_path: Path, upstream: Upstream) -> None:
    with running(tmp_path, upstream) as gateway:
        wait_for(lambda: answers(gateway, tmp_path), "the gateway's own certificate")
        current = tmp_path / "certs/orders/current"
        assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
        assert (current / "bundle.pem").read_bytes() == (tmp_path / "ca/root.pem").read_bytes()
        certificate = x509.load_pem_x509_certificate((current / "certificate.pem").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://shop.internal/orders"]
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert life <= timedelta(hours=1, minutes=6)
        trusting = ["-CAfile", "offline/root.pem", "-untrusted", "ca/mesh.pem"]
        argv = ["openssl", "verify", *trusting, str(current / "certificate.pem")]
        verified = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert verified.stdout.endswith(": OK\n")
        assert call(gateway, tmp_path, listener="mesh", client=current) == 200
        status = portcullis(tmp_path, "certs", "status", "--format", "json")
        found = {each["certificate"]: each for each in json.loads(status.stdout)}
        assert {name: each["used_by"] for name, each in found.items()} == {
            "gateway": ["listener public", "listener mesh"],
            "orders": ["folder certs/orders"],
            "bought": ["no listener"],
            "ca/mesh.pem": ["authority mesh"],
        }
        assert found["orders"]["facts"]["names"] == ["spiffe://shop.internal/orders"]
        assert [each["kind"] for each in found["bought"]["problems"]] == ["not_issued"]
        assert found["ca/mesh.pem"]["problems"] == []
        left = 'portcullis_certificate_days_left{certificate="orders"}'
        wait_for(lambda: left in httpx.get(f"{gateway.urls['admin']}/metrics").text, "the metric of what is delivered")


def answers(gateway: Gateway, folder: Path) -> bool:
    try:
        return call(gateway, folder) == 200
    except (ssl.SSLError, ConnectionError):
        return False


def test_a_renewed_one_is_delivered_whole_and_the_old_one_goes(tmp_path: Path, upstream: Upstream) -> None:
    with running(tmp_path, upstream):
        current = tmp_path / "certs/orders/current"
        seen = {serial_of(current / "certificate.pem")}
        for _ in range(3):
            before = current.readlink()
            done = portcullis(tmp_path, "certs", "renew", "orders")
            assert done.returncode == 0, done.stderr
            wait_for(lambda before=before: current.readlink() != before, "the delivery")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_cert_chain(current / "certificate.pem", current / "key.pem")  # they belong together
            seen.add(serial_of(current / "certificate.pem"))
        assert len(seen) == 4
        folder = tmp_path / "certs/orders"
        wait_for(lambda: len([each for each in folder.iterdir() if not each.is_symlink()]) == 2, "the old ones to go")


def test_one_that_is_revoked_is_refused_and_replaced(tmp_path: Path, upstream: Upstream) -> None:
    with running(tmp_path, upstream) as gateway:
        wait_for(lambda: answers(gateway, tmp_path), "the gateway's own certificate")
        current = tmp_path / "certs/orders/current"
        old = tmp_path / "old"
        old.mkdir()
        for name in ("certificate.pem", "key.pem"):
            (old / name).write_bytes((current / name).read_bytes())
        assert call(gateway, tmp_path, listener="mesh", client=old) == 200
        done = portcullis(tmp_path, "certs", "revoke", "orders", "--reason", "keyCompromise")
        assert done.returncode == 0, done.stderr
        listed = x509.load_pem_x509_crl((tmp_path / "ca/mesh.crl").read_bytes())
        assert listed.get_revoked_certificate_by_serial_number(serial_of(old / "certificate.pem")) is not None
        wait_for(lambda: not lets_in(gateway, tmp_path, old), "the list to be read")
        wait_for(lambda: lets_in(gateway, tmp_path, current), "the new one")


def lets_in(gateway: Gateway, folder: Path, client: Path) -> bool:
    try:
        return call(gateway, folder, listener="mesh", client=client) == 200
    except (ssl.SSLError, ConnectionError, AssertionError, OSError):
        return False


def reloaded(gateway: Gateway, old: str, new: str) -> None:
    """Change the file, and have it taken over."""
    file = gateway.directory / "portcullis.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    before = gateway.workers()
    gateway.reload()
    wait_for(lambda: gateway.workers() and not set(before) & set(gateway.workers()), "the next generation", 20)


def test_a_root_is_rolled_over_without_a_moment_in_which_nobody_is_trusted(tmp_path: Path, upstream: Upstream) -> None:
    without_clients = (
        CONFIGURATION[: CONFIGURATION.index("  mesh:")] + CONFIGURATION[CONFIGURATION.index("certificate_a") :]
    )
    with running(tmp_path, upstream, without_clients) as gateway:
        wait_for(lambda: answers(gateway, tmp_path), "the gateway's own certificate")
        current = tmp_path / "certs/orders/current"
        # 1. The next root is made, and trusted beside the first.
        argv = ["certs", "authority", "init", "mesh", "--root", "offline2", "--out", "ca2", "--domain", "shop.internal"]
        assert portcullis(tmp_path, *argv).returncode == 0
        reloaded(gateway, "bundle: [ca/root.pem]", "bundle: [ca/root.pem, ca2/root.pem]")
        wait_for(lambda: (current / "bundle.pem").read_bytes().count(b"BEGIN") == 2, "both roots")
        assert answers(gateway, tmp_path)
        # 2. It issues; whoever has read the bundle trusts what is issued before and after.
        bundle = current / "bundle.pem"
        reloaded(gateway, "certificate: ca/mesh.pem, key: ca/mesh.key", "certificate: ca2/mesh.pem, key: ca2/mesh.key")
        assert call(gateway, tmp_path, root=bundle) == 200
        for name in ("orders", "gateway"):
            assert portcullis(tmp_path, "certs", "renew", name).returncode == 0
        wait_for(lambda: not answers(gateway, tmp_path), "a certificate below the next root")
        assert call(gateway, tmp_path, root=bundle) == 200
        # 3. The first one goes.
        reloaded(gateway, "[ca/root.pem, ca2/root.pem]", "[ca2/root.pem]")
        wait_for(lambda: bundle.read_bytes().count(b"BEGIN") == 1, "the next root alone")
        assert call(gateway, tmp_path, root=bundle) == 200


def test_what_is_in_the_way_of_issuing_is_told(tmp_path: Path, upstream: Upstream) -> None:
    made(tmp_path)
    Authority("other").write(tmp_path / "x.pem", tmp_path / "ca" / "mesh.key")
    with serving(tmp_path, SPEC, CONFIGURATION, upstream.url) as gateway:
        wait_for(lambda: "is not the key of" in gateway.errors(), "the log")
        assert "Traceback" not in gateway.errors()


# By hand.


def test_a_request_is_signed_by_hand(tmp_path: Path) -> None:
    made(tmp_path)
    argv = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "r.csr", "-subj", "/CN=x"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    by = ["--certificate", "ca/mesh.pem", "--key", "ca/mesh.key"]
    done = portcullis(tmp_path, "certs", "issue", "r.csr", *by, "--name", "a.shop.internal", "--hours", "2")
    (certificate, *chain) = x509.load_pem_x509_certificates(done.stdout.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.shop.internal"]
    assert len(chain) == 1
    for options, told in (
        (["--name", "shop.example"], "may not issue for shop.example"),
        (["--spiffe-id", "spiffe://other/a"], "may not issue for the trust domain other"),
        ([], "for whom?"),
    ):
        done = portcullis(tmp_path, "certs", "issue", "r.csr", *by, *options)
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    (tmp_path / "r.csr").write_text("garbage")
    done = portcullis(tmp_path, "certs", "issue", "r.csr", *by, "--name", "a.shop.internal")
    assert (done.returncode, "no certificate signing request" in done.stderr) == (1, True)


# Imported.


def test_a_certificate_that_was_bought_is_shown(tmp_path: Path, upstream: Upstream) -> None:
    text = CONFIGURATION.replace(
        'public: {bind: "127.0.0.1:0", tls: {managed: gateway}}',
        'public: {bind: "127.0.0.1:0", tls: {managed: bought}}',
    )
    bought = Authority("public").issue("CN=shop", dns=["shop.example"])
    other = Authority("public").issue("CN=other", dns=["other.example"])
    bought.write(tmp_path / "b.pem", tmp_path / "b.key")
    other.write(tmp_path / "o.pem", tmp_path / "o.key")
    key: Any = rsa.generate_private_key(65537, 2048)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (tmp_path / "secret.key").write_bytes(secret)
    with running(tmp_path, upstream, text) as gateway:
        for name, certificate, key_file, told in (
            ("bought", "b.pem", "o.key", "o.key is not its key"),
            ("bought", "o.pem", "o.key", "it is not for shop.example"),
            ("bought", "b.pem", "secret.key", "it is encrypted"),
            ("bought", "nothing.pem", "b.key", "No such file"),
            ("bought", "b.key", "b.key", "no PEM certificate"),
            ("orders", "b.pem", "b.key", "it is got from mesh"),
            ("nobody", "b.pem", "b.key", "no such certificate"),
        ):
            done = portcullis(tmp_path, "certs", "import", name, "--certificate", certificate, "--key", key_file)
            assert (done.returncode, told in done.stderr) == (1, True), done.stderr
        done = portcullis(tmp_path, "certs", "import", "bought", "--certificate", "b.pem", "--key", "b.key")
        assert done.returncode == 0, done.stderr
        assert f"{bought.certificate.serial_number:x}, for shop.example" in done.stdout
        wait_for(lambda: shown_by(gateway) == bought.der, "it to be shown")


def shown_by(gateway: Gateway) -> bytes | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(gateway.connect(), server_hostname="shop.example") as connection:
            return connection.getpeercert(binary_form=True)
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("names: [shop.example]", "key: ec-256", "nobody could show it"),
        ("names: [shop.example]", "names: [shop.example], folder: a", "shown by the gateway only"),
        (
            "authorities: [mesh]}\n  orders",
            "authorities: [mesh], challenge: dns-01}\n  orders",
            "nothing has to be proven",
        ),
        ('"spiffe://shop.internal/orders"', '"spiffe://Shop/../a"', "spiffe://, a trust domain"),
        (", lifetime: 1h", ", lifetime: 1s", "lifetime"),
        (
            "    private: {",
            f"    acme: {ACME}\n    private: {{",
            "either acme or private",
        ),
    ],
)
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    made(tmp_path)
    (tmp_path / "shop.yaml").write_text(SPEC)
    assert old in CONFIGURATION
    (tmp_path / "portcullis.yaml").write_text(CONFIGURATION.replace("UPSTREAM", "http://127.0.0.1:9").replace(old, new))
    done = portcullis(tmp_path, "check", "portcullis.yaml")
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
