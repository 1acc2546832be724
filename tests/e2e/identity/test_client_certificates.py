"""Client certificates over real TLS sockets: who gets through the handshake, and who is proven by it."""

from __future__ import annotations

import base64
import gc
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from gateway import Gateway, end, private_bytes, read_all, start, wait_for
from mesh import CHECKOUT, INVENTORY, Mesh, call, connect, read, request
from upstream import Upstream

from portcullis.testing.certificates import Authority, Issued

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {default: {description: Whatever the service says.}}}
  /open:
    get: {responses: {default: {description: Whatever the service says.}}}
  /hosts:
    get: {responses: {default: {description: Whatever the service says.}}}
"""
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: server.pem, key: server.key, client_ca: mesh.pem, client_certificate: request}
  admin: {bind: "127.0.0.1:0"}
identities:
  services: {mtls: {trust_domain: example.internal, spiffe: [/ns/prod/**], roles: {/ns/*/sa/checkout: [clerk]}}}
  hosts: {mtls: {dns: ["*.mesh.example"]}}
roles: {clerk: ["orders:read"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [services]
    validate: {response: {mode: "off"}}
    operations:
      "GET /open": {public: true}
      "GET /hosts": {authenticate: [hosts]}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
REQUIRED = CONFIGURATION.replace("client_certificate: request", "client_certificate: require")
REVOKING = CONFIGURATION.replace("client_certificate: request", "crl: [issuing.crl, root.crl]")


@pytest.fixture
def service() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


@pytest.fixture
def begin(tmp_path: Path, service: Upstream) -> Iterator[Callable[..., Gateway]]:
    running: list[Gateway] = []

    def start_it(text: str = CONFIGURATION) -> Gateway:
        (tmp_path / "shop.yaml").write_text(SPEC)
        (tmp_path / "portcullis.yaml").write_text(text.replace("UPSTREAM", service.url))
        running.append(start(tmp_path))
        return running[-1]

    yield start_it
    for gateway in running:
        end(gateway)


def verdict(gateway: Gateway, request_id: str) -> tuple[str, str]:
    """The code that the record has, and what was found."""
    for each in gateway.record_of(request_id)["verdicts"]:
        if each.get("code"):
            return each["code"], each["finding"]["found"]
    raise AssertionError("nothing was refused")


def test_a_workload_is_proven_by_its_certificate(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin(REQUIRED)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        status, _, request_id = call(gateway, mesh.client(mesh.workload(CHECKOUT), version))
        assert status == 200
        record = gateway.record_of(request_id)
        assert record["identity"] == CHECKOUT
        assert record["consumer"] == f"services:{CHECKOUT}"


def test_without_a_certificate_what_is_required_is_refused_in_the_handshake(
    mesh: Mesh, begin: Callable[..., Gateway]
) -> None:
    gateway = begin(REQUIRED)
    assert call(gateway, mesh.client(None)) == (0, "", "")
    wait_for(lambda: "listener public refused a client certificate: there is none" in gateway.errors(), "the log")


def test_where_a_certificate_is_requested_the_others_call_what_needs_none(
    mesh: Mesh, begin: Callable[..., Gateway]
) -> None:
    gateway = begin()
    nobody = mesh.client(None)
    assert call(gateway, nobody, "/shop/open")[0] == 200
    status, body, request_id = call(gateway, nobody)
    assert status == 401
    assert "authenticate.failed" in body
    assert gateway.record_of(request_id)["code"] == "authenticate.missing"


def test_certificates_that_the_handshake_refuses(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin()
    wrong = Authority("mesh root")  # of the same name
    for issued in (
        wrong.issue(uris=[CHECKOUT]),
        Authority("mesh issuing", wrong).issue(uris=[CHECKOUT]),
        mesh.workload(CHECKOUT, ends=timedelta(minutes=-1)),
        mesh.workload(CHECKOUT, starts=timedelta(minutes=30)),
        mesh.workload(CHECKOUT, purposes=[ssl_server_only()]),
    ):
        assert call(gateway, mesh.client(issued), "/shop/open") == (0, "", "")
    assert call(gateway, mesh.client(mesh.workload(CHECKOUT)))[0] == 200


def ssl_server_only() -> object:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    return ExtendedKeyUsageOID.SERVER_AUTH


TRICKS = {
    "another trust domain": ["spiffe://other.internal/ns/prod/sa/checkout"],
    "a path that is not listed": ["spiffe://example.internal/ns/test/sa/checkout"],
    "two workloads": [CHECKOUT, INVENTORY],
    "a workload and another URI": [CHECKOUT, "https://example.internal/"],
    "a trust domain in mixed case": ["spiffe://Example.internal/ns/prod/sa/checkout"],
    "a scheme in capitals": ["SPIFFE://example.internal/ns/prod/sa/checkout"],
    "a NUL": ["spiffe://example.internal/ns/prod/sa/checkout\0.evil"],
    "a way up": ["spiffe://example.internal/ns/prod/../test/sa/checkout"],
    "an encoded segment": ["spiffe://example.internal/ns/prod/sa%2Fcheckout"],
    "an empty segment": ["spiffe://example.internal/ns/prod//checkout"],
    "a query": [CHECKOUT + "?x"],
    "a user": ["spiffe://u@example.internal/ns/prod/sa/checkout"],
    "a port": ["spiffe://example.internal:443/ns/prod/sa/checkout"],
    "a trust domain alone": ["spiffe://example.internal"],
    "no name": [],
}


def test_names_that_are_no_workload_of_ours(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin()
    for what, uris in TRICKS.items():
        status, body, request_id = call(gateway, mesh.client(mesh.workload(*uris)))
        assert (status, "authenticate.failed" in body) == (401, True), what
        assert verdict(gateway, request_id)[0] == "authenticate.certificate_not_accepted", what


def test_host_names(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin()
    good = [["checkout.mesh.example"], ["Checkout.MESH.example"], ["checkout.mesh.example", "elsewhere.example"]]
    bad = [
        ["*.mesh.example"],
        ["checkout.mesh.example\0.evil.example"],
        ["evil.example\0.mesh.example"],
        ["a.b.mesh.example"],
        [".mesh.example"],
        ["mesh.example"],
        ["a b.mesh.example"],
        ["checkout.mesh.example."],
        ["a.mesh.example", "b.mesh.example"],
        [],
    ]
    for names in good:
        status, _, request_id = call(gateway, mesh.client(mesh.workload(dns=names)), "/shop/hosts")
        assert status == 200, names
        assert gateway.record_of(request_id)["identity"] == "checkout.mesh.example"
    for names in bad:
        issued = mesh.workload(dns=names, subject="CN=checkout.mesh.example")
        assert call(gateway, mesh.client(issued), "/shop/hosts")[0] == 401, names


def test_a_revoked_certificate_is_refused_from_the_reload_on(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    mesh.revoke()
    gateway = begin(REVOKING)
    stolen, fine = mesh.workload(CHECKOUT), mesh.workload(INVENTORY)
    context = mesh.client(stolen)
    sessions = {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        contexts = mesh.client(stolen, version)
        with closing(connect(gateway, contexts)) as secure:
            secure.sendall(request("/shop/orders"))
            assert read(read_all(secure))[0] == 200
            sessions[version] = contexts, secure.session
    mesh.revoke(stolen)
    gateway.reload()
    wait_for(lambda: call(gateway, context)[0] == 0, "the revoked certificate to be refused")
    for contexts, session in sessions.values():
        assert session is None or resumed(gateway, contexts, session)[0] == 0
    assert call(gateway, mesh.client(fine))[0] == 200
    wait_for(lambda: "certificate revoked" in gateway.errors(), "the log")


def resumed(gateway: Gateway, context: ssl.SSLContext, session: ssl.SSLSession) -> tuple[int, str, str]:
    try:
        with closing(connect(gateway, context, session)) as secure:
            assert not secure.session_reused
            secure.sendall(request("/shop/orders"))
            return read(read_all(secure))
    except (ssl.SSLError, ConnectionError):
        return 0, "", ""


def test_a_list_that_has_run_out_keeps_the_gateway_from_starting(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    from portcullis.testing.certificates import pem_of

    mesh.revoke()
    expired = mesh.issuing.revoked(starts=timedelta(days=-2), ends=timedelta(days=-1))
    (mesh.directory / "issuing.crl").write_bytes(pem_of(expired))
    with pytest.raises(AssertionError, match=r"issuing\.crl can't be used: the list of CN=mesh issuing has expired at"):
        begin(REVOKING)


def test_a_field_proves_nothing_and_does_not_cross(
    mesh: Mesh, begin: Callable[..., Gateway], service: Upstream
) -> None:
    gateway = begin()
    encoded = base64.b64encode(mesh.workload(CHECKOUT).der).decode()
    field = f"Client-Cert: :{encoded}:"
    assert call(gateway, mesh.client(None), fields=[field])[0] == 401
    assert call(gateway, mesh.client(None), "/shop/open", fields=[field])[0] == 200
    assert service.seen[-1].field("client-cert") is None
    status, _, request_id = call(gateway, mesh.client(mesh.workload(INVENTORY)), fields=[field])
    assert (status, gateway.record_of(request_id)["identity"]) == (200, INVENTORY)


BEHIND = CONFIGURATION.replace(
    "tls: {certificate: server.pem, key: server.key, client_ca: mesh.pem, client_certificate: request}",
    "trusted_proxies: [TRUSTED], client_certificate_header: Client-Cert",
)


def behind(trusted: str) -> str:
    lines = f'trusted_proxies: ["{trusted}"]\n    client_certificate_header: Client-Cert'
    text = BEHIND.replace("trusted_proxies: [TRUSTED], client_certificate_header: Client-Cert", lines)
    return text.replace("trust_domain: example.internal,", "trust_domain: example.internal, ca: mesh.pem,")


def plain(gateway: Gateway, *fields: str) -> tuple[int, str, str]:
    return read(gateway.exchange(request("/shop/orders", fields=fields)))


def test_a_trusted_proxy_names_the_certificate(mesh: Mesh, begin: Callable[..., Gateway], service: Upstream) -> None:
    gateway = begin(behind("127.0.0.1"))
    issued = mesh.workload(CHECKOUT)
    field = f"Client-Cert: :{base64.b64encode(issued.der).decode()}:"
    chain = ", ".join(f":{base64.b64encode(der).decode()}:" for der in issued.chain_der[1:])
    status, _, request_id = plain(gateway, field, f"Client-Cert-Chain: {chain}")
    assert (status, gateway.record_of(request_id)["identity"]) == (200, CHECKOUT)
    assert service.seen[-1].field("client-cert") is None
    assert service.seen[-1].field("client-cert-chain") is None
    foreign = Authority("mesh issuing").issue(uris=[CHECKOUT])
    for wrong in (
        field,  # without the chain it leads nowhere
        field.replace(":M", ": M"),
        f"{field}\r\n{field}",
        "Client-Cert: ::",
        f"Client-Cert: :{base64.b64encode(foreign.der).decode()}:",
    ):
        status, _, request_id = plain(gateway, wrong)
        assert (status, verdict(gateway, request_id)[0]) == (401, "authenticate.certificate_not_accepted"), wrong
    assert plain(gateway)[0] == 401


def test_anybody_else_names_none(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin(behind("192.0.2.1"))
    field = f"Client-Cert: :{base64.b64encode(mesh.workload(CHECKOUT).der).decode()}:"
    status, _, request_id = plain(gateway, field)
    assert (status, gateway.record_of(request_id)["code"]) == (401, "authenticate.missing")


def test_many_handshakes_leave_nothing_behind(mesh: Mesh, begin: Callable[..., Gateway]) -> None:
    gateway = begin()
    contexts = [mesh.client(mesh.workload(CHECKOUT), version) for version in (None, ssl.TLSVersion.TLSv1_2)]

    def shake(times: int) -> None:
        for count in range(times):
            assert call(gateway, contexts[count % 2])[0] == 200

    shake(300)
    (worker,) = gateway.workers()
    before = private_bytes(worker)
    shake(700)
    gc.collect()
    grown = private_bytes(worker) - before
    assert grown < 8 * 1024**2, f"{grown} bytes more"


@pytest.mark.parametrize("issued", ["leaf", "authority"])
def test_a_certificate_that_may_sign_others_proves_nobody(
    issued: str, mesh: Mesh, begin: Callable[..., Gateway]
) -> None:
    gateway = begin()
    who: Issued = mesh.workload(CHECKOUT) if issued == "leaf" else mesh.issuing
    assert call(gateway, mesh.client(who))[0] == (200 if issued == "leaf" else 401)
