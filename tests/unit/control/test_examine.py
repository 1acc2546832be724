"""Compiling everything without serving."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from portcullis.control.examine import Served, examine
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.stores.files import ConfigurationFiles

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {"200": {description: ok}}}
    post: {responses: {"200": {description: ok}}}
  /status:
    get: {responses: {"200": {description: ok}}}
"""

CONFIGURATION = """\
listeners:
  public: {bind: "0.0.0.0:8443", tls: {certificate: public.pem, key: public.key}}
  plain: {bind: "[::]:8080", redirect: https}
  admin: {bind: "127.0.0.1:9901"}
identities:
  partners: {api_key: {header: X-API-Key}}
plans:
  free: {rate: {requests: 60, per: minute}}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["https://shop:9000"], ca: ca.pem}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    limit: {plan: free}
    operations:
      "GET /status": {public: true}
      "POST /orders": {limit: {mode: monitor}}
"""


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    certificate = authority.issue_cert("api.shop.example")
    certificate.private_key_pem.write_to_path(tmp_path / "public.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "public.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "shop.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def examined(folder: Path, text: str = CONFIGURATION) -> Served:
    return examine(load_configuration(text, "p.yaml"), ConfigurationFiles(folder / "p.yaml")).served


def errors(folder: Path, text: str = CONFIGURATION) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        examined(folder, text)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def test_it_tells_what_would_be_served(folder: Path) -> None:
    served = examined(folder)
    assert [(listener.url, listener.purpose) for listener in served.listeners] == [
        ("https://0.0.0.0:8443", "APIs"),
        ("http://[::]:8080", "redirects to https"),
        ("http://127.0.0.1:9901", "health and metrics"),
    ]
    (version,) = served.versions
    assert (version.api, version.version, version.operations, version.public) == ("shop", "v1", 3, 1)
    assert version.policies["authenticate.api_key"] == 2
    assert version.policies["limit.rate"] == 3
    assert version.monitored == {"limit.rate": 1}


def test_policies_come_in_the_order_of_the_phases(folder: Path) -> None:
    (version,) = examined(folder).versions
    assert list(version.policies) == [
        "authenticate.api_key",
        "limit.rate",
        "validate.request",
        "validate.response",
        "protect.errors",
        "protect.headers",
    ]


def test_every_error_of_every_file_is_told(folder: Path) -> None:
    (folder / "public.key").unlink()
    (folder / "ca.pem").write_text("nothing", encoding="utf-8")
    (folder / "shop.yaml").unlink()
    assert [error.partition("error: ")[2].partition(":")[0] for error in errors(folder)] == [
        "listeners.public.tls.key",
        "apis.shop.upstream.ca",
        "apis.shop.versions.v1.spec",
    ]


def test_a_key_of_another_certificate_is_refused(folder: Path, authority: trustme.CA) -> None:
    authority.issue_cert("other.example").private_key_pem.write_to_path(folder / "public.key")
    (error,) = errors(folder)
    assert error.startswith("p.yaml:2:34: error: listeners.public.tls: certificate and key can't be used: key values")


def test_errors_of_policies_have_their_place(folder: Path) -> None:
    found = errors(folder, CONFIGURATION.replace("    authenticate: [partners]\n", ""))
    assert found[0].startswith("p.yaml:13:16: error: apis.shop.versions.v1: ")
    assert found[-1].startswith('p.yaml:17:7: error: apis.shop.operations."POST /orders": ')


def test_errors_of_documents_name_the_document(folder: Path) -> None:
    (folder / "shop.yaml").write_text(SPEC.replace("responses:", "requestBdy: {}, responses:", 1), encoding="utf-8")
    (error,) = errors(folder)
    assert error.startswith("shop.yaml:6:")


def test_what_the_gateway_serves_itself_is_no_api(folder: Path) -> None:
    service = 'token_service: {issuer: "https://api.shop.example", audiences: [shop]}\n'
    with_it, without = examined(folder, CONFIGURATION + service), examined(folder)
    assert with_it == without
