"""Certificates and keys, loaded once for a whole gateway."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from portcullis.control.tls_contexts import TlsContexts, load_contexts
from portcullis.engine.config.load import load_configuration
from portcullis.stores.files import ConfigurationFiles

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
