"""Certificates and keys, loaded once for a whole gateway."""

from __future__ import annotations

import contextlib
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.control.tls_contexts import TlsContexts, load_contexts, names_of
from portcullis.engine.config.load import load_configuration
from portcullis.mounts.client_certificates import ClientCertificates, ListenerContext
from portcullis.mounts.upstream_tls import UpstreamContext
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority, pem_of

CONFIGURATION = """\
listeners:
  public: {bind: "0.0.0.0:8443", tls: {certificate: public.pem, key: public.key}}
  local: {bind: "127.0.0.1:8080"}
apis:
  plain:
    {hosts: [a], upstream: {targets: ["http://127.0.0.1:9000"]}, versions: {v1: {spec: a.yaml}}, public: true}
  one:
    {hosts: [b], upstream: {targets: ["https://b:9000"], ca: ca.pem}, versions: {v1: {spec: a.yaml}}, public: true}
  two:
    {hosts: [c], upstream: {targets: ["https://c:9000"], ca: ca.pem}, versions: {v1: {spec: a.yaml}}, public: true}
  three:
    {hosts: [d], upstream: {targets: ["https://d:9000"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    certificate = authority.issue_cert("api.shop.example")
    certificate.private_key_pem.write_to_path(tmp_path / "public.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "public.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def load(folder: Path, text: str = CONFIGURATION) -> TlsContexts:
    return load_contexts(load_configuration(text, "p.yaml"), ConfigurationFiles(folder / "p.yaml"))


def test_listeners_with_tls_and_apis_with_https_have_contexts(folder: Path) -> None:
    contexts = load(folder)
    assert contexts.errors == []
    assert contexts.listeners.keys() == {"public"}
    assert contexts.upstreams.keys() == {"one", "two", "three"}
    for context in contexts.upstreams.values():
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_apis_that_trust_the_same_authorities_share_a_context(folder: Path) -> None:
    upstreams = load(folder).upstreams
    assert upstreams["one"] is upstreams["two"]
    assert upstreams["one"] is not upstreams["three"]


def with_certificates(folder: Path, authority: trustme.CA, *names: tuple[str, ...]) -> TlsContexts:
    """The contexts of a listener that has further certificates for these names."""
    listed = []
    for number, each in enumerate(names):
        issued = authority.issue_cert(*each)
        issued.private_key_pem.write_to_path(folder / f"{number}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{number}.pem")
        listed.append(f"{{certificate: {number}.pem, key: {number}.key}}")
    more = f"key: public.key, certificates: [{', '.join(listed)}]"
    return load(folder, CONFIGURATION.replace("key: public.key", more, 1))


def shown_to(context: ssl.SSLContext, name: str | None) -> list[str]:
    """The names of the certificate that a client gets who asks for ``name``."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours, theirs = client.wrap_bio(down, up, server_hostname=name), context.wrap_bio(up, down, server_side=True)
    for each in (ours, theirs, ours):
        with contextlib.suppress(ssl.SSLWantReadError):
            each.do_handshake()
    der = ours.getpeercert(binary_form=True)
    assert der is not None
    return names_of(ssl.DER_cert_to_PEM_cert(der).encode())


def test_a_client_gets_the_certificate_of_the_name_that_it_asks_for(folder: Path, authority: trustme.CA) -> None:
    contexts = with_certificates(folder, authority, ("partner.example",), ("*.shop.example", "shop.example"))
    assert contexts.errors == []
    context = contexts.listeners["public"]
    assert shown_to(context, None) == ["api.shop.example"]
    assert shown_to(context, "api.shop.example") == ["api.shop.example"]
    assert shown_to(context, "partner.example") == ["partner.example"]
    assert shown_to(context, "www.shop.example") == ["*.shop.example", "shop.example"]
    with pytest.raises(ssl.SSLError, match="callback failed"):
        shown_to(context, "other.example")


def test_certificates_for_the_same_name_are_told(folder: Path, authority: trustme.CA) -> None:
    (told,) = with_certificates(folder, authority, ("partner.example",), ("b.example", "partner.example")).errors
    assert told.pointer == "listeners.public.tls.certificates[1].certificate"
    assert told.message == "another certificate of this listener is for partner.example, too"


def test_what_is_asked_of_a_service_is_in_its_context(folder: Path) -> None:
    asked = """tls: {pins: [sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=], min_version: "1.3",
      certificate: public.pem, key: public.key}"""
    contexts = load(folder, CONFIGURATION.replace("ca: ca.pem", f"ca: ca.pem, {asked}", 1))
    assert contexts.errors == []
    context = contexts.upstreams["one"]
    assert isinstance(context, UpstreamContext)
    assert context.judges
    assert context.asked.pins == (bytes(range(32)),)
    assert context.asked.service == "the service of API one"
    assert context.asked.certificate == str(folder / "public.pem")
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_client_certificate_that_can_not_be_used_is_told_at_its_place(folder: Path) -> None:
    text = CONFIGURATION.replace("ca: ca.pem", "ca: ca.pem, tls: {certificate: ca.pem, key: public.key}", 1)
    (told,) = load(folder, text).errors
    assert told.pointer == "apis.one.upstream.tls"
    assert told.message == "certificate and key can't be used: key values mismatch"


def test_a_file_that_can_not_be_read_is_told_at_the_key_that_names_it(folder: Path) -> None:
    (folder / "public.key").unlink()
    (folder / "ca.pem").unlink()
    (folder / "ca.pem").mkdir()
    told = sorted(load(folder).errors)
    assert [(each.line, each.pointer, each.message) for each in told] == [
        (2, "listeners.public.tls.key", "public.key can't be read: No such file or directory"),
        (8, "apis.one.upstream.ca", "ca.pem can't be read: Is a directory"),
        (10, "apis.two.upstream.ca", "ca.pem can't be read: Is a directory"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nothing of the kind", "can't be used: "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can't be used: "),
    ],
)
def test_a_file_that_holds_something_else_is_told(folder: Path, content: str, reason: str) -> None:
    (folder / "public.pem").write_text(content)
    contexts = load(folder)
    (error,) = contexts.errors
    assert error.pointer == "listeners.public.tls"
    assert "certificate and key " + reason in error.message
    assert "two PEM files that belong together" in error.hint
    assert contexts.listeners == {}


def test_a_key_of_another_certificate_is_told(folder: Path, authority: trustme.CA) -> None:
    authority.issue_cert("other.example").private_key_pem.write_to_path(folder / "public.key")
    (error,) = load(folder).errors
    assert error.message == "certificate and key can't be used: key values mismatch"


def test_no_part_of_a_key_is_told(folder: Path) -> None:
    (folder / "public.key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    (error,) = load(folder).errors
    assert "c2VjcmV0" not in str(error)


# Client certificates.

MESH = Authority("mesh")
CLIENTS = CONFIGURATION.replace("key: public.key}", "key: public.key, client_ca: mesh.pem, MORE}")


def clients(folder: Path, more: str = "client_certificate: require") -> TlsContexts:
    (folder / "mesh.pem").write_bytes(MESH.pem)
    return load(folder, CLIENTS.replace("MORE", more))


def asked(contexts: TlsContexts) -> ClientCertificates:
    assert contexts.errors == []
    context = contexts.listeners["public"]
    assert isinstance(context, ListenerContext)
    assert context.asked is not None
    return context.asked


def test_a_listener_asks_for_client_certificates(folder: Path) -> None:
    for more, mode in (("request", ssl.CERT_OPTIONAL), ("require", ssl.CERT_REQUIRED)):
        contexts = clients(folder, f"client_certificate: {more}")
        assert contexts.listeners["public"].verify_mode is mode
        assert (asked(contexts).required, asked(contexts).revocations) == (more == "require", None)
        assert not contexts.listeners["public"].verify_flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    assert load(folder).listeners["public"].verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_revocation_lists_are_loaded_in_either_form(folder: Path, encoding: Encoding) -> None:
    (folder / "mesh.crl").write_bytes(MESH.revoked().public_bytes(encoding))
    contexts = clients(folder, "crl: [mesh.crl]")
    assert asked(contexts).complete
    assert asked(contexts).revocations is not None
    assert contexts.listeners["public"].verify_flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


def test_lists_of_some_of_the_authorities_are_for_those_that_they_issued(folder: Path) -> None:
    (folder / "below.crl").write_bytes(pem_of(Authority("below", MESH).revoked()))
    contexts = clients(folder, "crl: [below.crl]")
    assert not asked(contexts).complete
    flags = contexts.listeners["public"].verify_flags
    assert flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    assert flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN != ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


@pytest.mark.parametrize(
    ("file", "content", "pointer", "message"),
    [
        ("mesh.crl", None, "listeners.public.tls.crl[0]", "mesh.crl can't be read: No such file"),
        ("mesh.crl", b"nothing", "listeners.public.tls.crl[0]", "mesh.crl can't be used: it is no revocation list"),
        ("mesh.crl", MESH.pem, "listeners.public.tls.crl[0]", "mesh.crl can't be used: it is no revocation list"),
        (
            "mesh.crl",
            pem_of(MESH.revoked(starts=timedelta(days=-2), ends=timedelta(days=-1))),
            "listeners.public.tls.crl[0]",
            "mesh.crl can't be used: the list of CN=mesh has expired at",
        ),
        ("mesh.pem", b"", "listeners.public.tls.client_ca", "mesh.pem can't be used: there is no certificate in it"),
        (
            "mesh.pem",
            MESH.issue("CN=leaf").pem,
            "listeners.public.tls.client_ca",
            "mesh.pem can't be used: CN=leaf is no certificate authority",
        ),
    ],
)
def test_what_can_not_be_used_keeps_the_listener_from_serving(
    folder: Path, file: str, content: bytes | None, pointer: str, message: str
) -> None:
    (folder / "mesh.crl").write_bytes(pem_of(MESH.revoked()))
    (folder / "mesh.pem").write_bytes(MESH.pem)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    contexts = load(folder, CLIENTS.replace("MORE", "crl: [mesh.crl]"))
    (error,) = contexts.errors
    assert error.pointer == pointer
    assert error.message.startswith(message)
    assert contexts.listeners == {}


@pytest.mark.parametrize(
    ("protocols", "agreed"), [("", "h2"), ("protocols: [http/1.1], ", "http/1.1"), ("protocols: [h2], ", "h2")]
)
@pytest.mark.parametrize("name", ["api.shop.example", "other.example"])
def test_a_listener_offers_what_it_speaks_whichever_certificate_it_shows(
    folder: Path, authority: trustme.CA, protocols: str, agreed: str, name: str
) -> None:
    issued = authority.issue_cert("other.example")
    issued.private_key_pem.write_to_path(folder / "other.key")
    issued.cert_chain_pems[0].write_to_path(folder / "other.pem")
    more = "key: public.key, certificates: [{certificate: other.pem, key: other.key}]"
    text = CONFIGURATION.replace("public: {bind", f"public: {{{protocols}bind").replace("key: public.key", more)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_alpn_protocols(["http/1.1", "h2"])
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = load(folder, text).listeners["public"].wrap_bio(theirs, ours, server_side=True)
    client_side = client.wrap_bio(ours, theirs, server_hostname=name)
    for side in (client_side, server_side, client_side, server_side):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client_side.selected_alpn_protocol() == agreed


MANAGED = CONFIGURATION.replace(
    "tls: {certificate: public.pem, key: public.key}",
    "tls: {managed: shop, certificates: [{certificate: public.pem, key: public.key}]}",
).replace(
    "apis:\n",
    'certificate_authorities: {x: {acme: {directory: "https://a/dir", terms_agreed: true}}}\n'
    "certificates: {shop: {names: [shop.example], authorities: [x]}}\napis:\n",
    1,
)


def test_a_managed_certificate_need_not_be_there_yet(folder: Path) -> None:
    contexts = load(folder, MANAGED)
    assert contexts.errors == []
    assert contexts.listeners["public"].get_ciphers()


def test_a_managed_certificate_is_taken_where_it_is_kept(folder: Path, authority: trustme.CA) -> None:
    kept = folder / ".portcullis" / "certificates"
    kept.mkdir(parents=True)
    issued = authority.issue_cert("shop.example")
    (kept / "shop.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    contexts = load(folder, MANAGED)
    assert contexts.errors == []
    (kept / "shop.pem").write_bytes(authority.issue_cert("api.shop.example").private_key_and_cert_chain_pem.bytes())
    assert "another certificate of this listener is for api.shop.example" in load(folder, MANAGED).errors[0].message
