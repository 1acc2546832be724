"""Several certificates on a listener: each client gets that of the name it asks for, whichever worker it meets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme
from gateway import Gateway, read_response, serving
from items_shop import SPEC
from upstream import Upstream

CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls:
      certificate: shop.pem
      key: shop.key
      certificates: [{certificate: partner.pem, key: partner.key}, {certificate: all.pem, key: all.key}]
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    for name, names in (("shop", ["shop.example"]), ("partner", ["partner.example"]), ("all", ["*.shop.example"])):
        issued = AUTHORITY.issue_cert(*names)
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    upstream = Upstream()
    with serving(folder, SPEC, CONFIGURATION, upstream.url, workers=2) as running:
        yield running
    upstream.stop()


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.create_default_context()
    AUTHORITY.configure_trust(made)
    return made


def call(
    gateway: Gateway, context: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
) -> tuple[bool | None, ssl.SSLSession | None]:
    """A call by a client that asks for ``name``: whether the session was resumed, and the one to go on with."""
    raw = socket.create_connection(gateway.address, timeout=10)
    with context.wrap_socket(raw, server_hostname=name, session=session) as connection:
        connection.sendall(b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        assert read_response(connection)[0] == 200
        return connection.session_reused, connection.session


@pytest.mark.parametrize("name", ["shop.example", "partner.example", "www.shop.example", "WWW.shop.example"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_certificate_is_for_the_name(
    gateway: Gateway, context: ssl.SSLContext, name: str, version: ssl.TLSVersion
) -> None:
    context.minimum_version = context.maximum_version = version
    call(gateway, context, name)  # which verifies the name


@pytest.mark.parametrize("name", ["other.example", "a.b.shop.example", "127.0.0.1.example"])
def test_an_unknown_name_is_refused(gateway: Gateway, context: ssl.SSLContext, name: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        call(gateway, context, name)


def test_who_asks_for_no_name_gets_the_first(gateway: Gateway, context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(gateway.address, timeout=10)
    with context.wrap_socket(raw) as connection:
        assert connection.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(
            (gateway.directory / "shop.pem").read_text()
        )


def test_sessions_are_resumed_whichever_certificate_they_began_with(gateway: Gateway, context: ssl.SSLContext) -> None:
    _, session = call(gateway, context, "partner.example")
    for _ in range(6):
        reused, session = call(gateway, context, "partner.example", session)
        assert reused
