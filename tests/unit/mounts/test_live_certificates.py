from __future__ import annotations

import contextlib
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.engine.certificates.messages import CertificateId, CurrentCertificate, digest_of, encode
from portcullis.mounts.client_certificates import ClientCertificates
from portcullis.mounts.live_certificates import CertificatePlace, LiveCertificates
from portcullis.mounts.server_names import ServerNames
from portcullis.mounts.tls import server_context
from portcullis.testing.certificates import Authority, Issued

ROOT = Authority("root")
ID = CertificateId("a.pem", "a.key")


def issue(folder: Path, stem: str, *names: str) -> Issued:
    issued = ROOT.issue(dns=names or ("a.example",), ends=timedelta(days=9))
    issued.write(folder / f"{stem}.pem", folder / f"{stem}.key")
    return issued


def told(folder: Path, stem: str = "a", *names: str, digest: str = "") -> bytes:
    certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
    found = digest or digest_of(certificate.read_bytes(), key.read_bytes())
    return encode([CurrentCertificate(ID, str(certificate), str(key), found, list(names or ("a.example",)))])


def load(folder: Path, stem: str) -> ssl.SSLContext:
    return server_context(str(folder / f"{stem}.pem"), str(folder / f"{stem}.key"))


def from_one(path: str) -> ssl.SSLContext:
    return server_context(path, path)


def live(first: ssl.SSLContext, names: ServerNames | None = None, context: ssl.SSLContext | None = None):  # type: ignore[no-untyped-def]
    made = LiveCertificates(lambda path: Path(path).read_bytes())
    made.add(ID, "", CertificatePlace(first, names, context or first, from_one))
    return made


def shown(first: ssl.SSLContext, name: str | None) -> bytes:
    """The certificate that a client gets which asks for ``name``."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=name)
    server = first.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert(binary_form=True) or b""


def test_a_listener_shows_the_new_one_to_everybody(tmp_path: Path) -> None:
    issue(tmp_path, "a")
    first = load(tmp_path, "a")
    certificates = live(first)
    for _ in range(2):
        new = issue(tmp_path, "a")
        certificates.apply(told(tmp_path))
        assert shown(first, "a.example") == shown(first, None) == new.der


def test_a_listener_without_any_certificate_gets_its_first(tmp_path: Path) -> None:
    first = server_context(None, None)
    certificates = live(first)
    with pytest.raises(ssl.SSLError):
        shown(first, "a.example")
    new = issue(tmp_path, "a")
    certificates.apply(told(tmp_path))
    assert shown(first, "a.example") == new.der


def test_among_several_only_its_names_change(tmp_path: Path) -> None:
    issue(tmp_path, "a")
    other = issue(tmp_path, "b", "b.example")
    first, second = load(tmp_path, "a"), load(tmp_path, "b")
    names = ServerNames()
    names.add(["a.example"], first)
    names.add(["b.example"], second)
    first.sni_callback = names.choose
    certificates = live(first, names)
    new = issue(tmp_path, "a", "a.example", "c.example")
    certificates.apply(told(tmp_path, "a", "a.example", "c.example"))
    assert shown(first, "c.example") == shown(first, "a.example") == shown(first, None) == new.der
    assert shown(first, "b.example") == other.der
    newer = issue(tmp_path, "a", "a.example")
    certificates.apply(told(tmp_path))
    assert shown(first, None) == newer.der
    assert names.find("c.example") is None


def test_files_that_are_not_those_that_were_looked_at_are_left(tmp_path: Path) -> None:
    before = issue(tmp_path, "a")
    first = load(tmp_path, "a")
    live(first).apply(told(tmp_path, digest="another"))
    assert shown(first, "a.example") == before.der


def test_a_pair_that_can_not_be_loaded_is_told_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = issue(tmp_path, "a")
    first = load(tmp_path, "a")
    certificates = live(first)
    (tmp_path / "a.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    certificates.apply(told(tmp_path))
    assert "can't be taken into use" in caplog.text
    assert shown(first, "a.example") == before.der


def test_what_nobody_shows_here_is_passed_over(tmp_path: Path) -> None:
    issue(tmp_path, "a")
    LiveCertificates(pytest.fail).apply(told(tmp_path))


def test_clients_are_verified_by_what_the_new_one_asks(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    asked = ClientCertificates(str(tmp_path / "ca.pem"))
    issue(tmp_path, "a")
    first = server_context(str(tmp_path / "a.pem"), str(tmp_path / "a.key"), asked)
    certificates = LiveCertificates(lambda path: Path(path).read_bytes())
    place = CertificatePlace(first, None, first, lambda path: server_context(path, path, asked))
    certificates.add(ID, "", place)
    issue(tmp_path, "a")
    certificates.apply(told(tmp_path))
    issue(tmp_path, "client")
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client_context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname="a.example")
    server = first.wrap_bio(up, down, server_side=True)
    for side in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    server.do_handshake()
    assert server.getpeercert(binary_form=True)
