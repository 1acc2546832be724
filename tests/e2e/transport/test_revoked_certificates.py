"""The gateway's own certificates when they are revoked: found out, told, and replaced where it gets them itself."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from gateway import Gateway, serving, wait_for
from items_shop import SPEC
from ocsp_answers import GOOD, REVOKED, answer, naming, nonce_in
from pebble import running as running_pebble
from ports import free_port
from revocation_server import RevocationServer
from upstream import Upstream

from portcullis.control.acme.messages import Done
from portcullis.control.certificates.private_issuing import PrivateOrder, authority_at, carry_out
from portcullis.testing.certificates import Authority, Issued

ROOT = Authority("public root")
ISSUER = Authority("issuer", ROOT)
NAMES = ("asked", "listed", "fine", "away")
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls:
      certificate: asked.pem
      key: asked.key
      certificates:
        - {certificate: listed.pem, key: listed.key}
        - {certificate: fine.pem, key: fine.key}
        - {certificate: away.pem, key: away.key}
        - {managed: own}
  admin: {bind: "127.0.0.1:0"}
certificate_authorities:
  mesh: {private: {certificate: ca/mesh.pem, key: ca/mesh.key, bundle: [ca/root.pem], lifetime: 1h}}
certificates:
  own: {names: [own.shop.internal], authorities: [mesh]}
  orders: {names: [orders.shop.internal], authorities: [mesh], folder: certs/orders}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
BY_ACME = """\
listeners:
  public: {bind: "127.0.0.1:TLS", tls: {managed: shop}}
certificate_authorities:
  first: {acme: {directory: "DIRECTORY", terms_agreed: true, ca: "CA"}}
certificates:
  shop: {names: [shop.example], authorities: [first], challenge: tls-alpn-01}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""


class Statuses:
    """What the authority says of those it has issued, by serial number: revoked, or else good."""

    def __init__(self, issuer: Any) -> None:
        self.issuer = issuer
        self.issued: dict[int, Any] = {}
        self.revoked: set[int] = set()

    def behave(self, request: bytes) -> bytes:
        serial = ocsp.load_der_ocsp_request(request).serial_number
        status = REVOKED if serial in self.revoked else GOOD
        return answer(self.issued[serial], self.issuer, status, nonce=nonce_in(request))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.stop()


@contextmanager
def responding() -> Iterator[RevocationServer]:
    made = RevocationServer()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def responder() -> Iterator[RevocationServer]:
    with responding() as made:
        yield made


@pytest.fixture(scope="module")
def statuses(responder: RevocationServer) -> Statuses:
    made = Statuses(ISSUER)
    responder.behave = made.behave
    return made


def put(folder: Path, name: str, statuses: Statuses, change: Any) -> Issued:
    """Have it issued, and put it where the gateway reads it."""
    issued = ISSUER.issue(dns=[f"{name}.example"], change=change)
    statuses.issued[issued.certificate.serial_number] = issued
    issued.write(folder / f"{name}.pem", folder / f"{name}.key")
    (folder / f"{name}.key").chmod(0o600)
    return issued


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, responder: RevocationServer, statuses: Statuses
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    argv = ["certs", "authority", "init", "mesh", "--root", "offline", "--out", "ca", "--domain", "shop.internal"]
    assert portcullis(folder, *argv).returncode == 0
    asked = put(folder, "asked", statuses, naming(f"{responder.url}/"))
    statuses.revoked.add(asked.certificate.serial_number)
    place = f"{responder.url}/1.crl"
    listed = put(folder, "listed", statuses, naming(list_url=place))
    # As large authorities do it: one list of several, which says for whom it decides.
    scope = x509.IssuingDistributionPoint(
        [x509.UniformResourceIdentifier(place)], None, True, False, None, False, False
    )
    responder.lists["/1.crl"] = ISSUER.revoked(listed, critical=scope).public_bytes(Encoding.DER)
    put(folder, "fine", statuses, naming(f"{responder.url}/"))
    put(folder, "away", statuses, naming(f"http://127.0.0.1:{free_port()}/"))
    with serving(folder, SPEC, CONFIGURATION, upstream.url) as running:
        wait_for(lambda: all(each["revocation"] for each in status(folder).values()), "answers about all", 30)
        yield running


def status(folder: Path) -> dict[str, Any]:
    done = portcullis(folder, "certs", "status", "--format", "json")
    return {each["certificate"]: each for each in json.loads(done.stdout)}


def kinds(found: dict[str, Any]) -> set[str]:
    return {each["kind"] for each in found["problems"]}


def shown(gateway: Gateway, name: str) -> x509.Certificate | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(gateway.connect(), server_hostname=name) as client:
            return x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
    except OSError:
        return None


def test_what_authorities_say_is_told_by_the_command_in_the_log_and_in_metrics(
    gateway: Gateway, responder: RevocationServer
) -> None:
    found = status(gateway.directory)
    assert {name: found[f"{name}.pem"]["revocation"]["status"] for name in NAMES} == {
        "asked": "revoked",
        "listed": "revoked",
        "fine": "good",
        "away": "unknown",
    }
    assert {name for name in NAMES if "revoked" in kinds(found[f"{name}.pem"])} == {"asked", "listed"}
    assert found["asked.pem"]["revocation"]["source"] == f"{responder.url}/"
    assert found["listed.pem"]["revocation"]["source"] == f"{responder.url}/1.crl"
    assert found["listed.pem"]["revocation"]["since"] > 0
    assert found["own"]["revocation"]["status"] == "good"
    text = portcullis(gateway.directory, "certs", "status")
    assert text.returncode == 1
    assert "revoked: revoked since " in text.stdout
    assert f"  revoked no, said {responder.url}/ at " in text.stdout
    for name in ("asked", "listed"):
        line = f"certificate {name}.pem of listener public: revoked since "
        wait_for(lambda line=line: line in gateway.errors(), "the log")
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert f'portcullis_certificate_problems{{certificate="{name}.pem",problem="revoked"}} 1.0' in metrics
        assert f'portcullis_certificate_revocation_answered_seconds{{certificate="{name}.pem"}} 1.' in metrics
    assert "Traceback" not in gateway.errors()


def test_that_nobody_answers_is_no_problem_of_the_certificate_and_told_once(gateway: Gateway) -> None:
    found = status(gateway.directory)["away.pem"]
    assert "revoked" not in kinds(found)
    assert found["revocation"]["answered_at"] is None
    assert "127.0.0.1" in found["revocation"]["why"]
    assert gateway.errors().count("certificate away.pem: nobody says whether it is revoked: http://127.0.0.1:") == 1
    assert "not known: http://127.0.0.1:" in portcullis(gateway.directory, "certs", "status").stdout


def test_a_certificate_of_an_own_authority_is_replaced_as_soon_as_its_list_names_it(gateway: Gateway) -> None:
    folder = gateway.directory
    first = wait_for(lambda: shown(gateway, "own.shop.internal"), "the first certificate")
    delivered = folder / "certs/orders/current"
    before = delivered.readlink()
    authority = authority_at("mesh", str(folder / "ca/mesh.pem"), str(folder / "ca/mesh.key"))
    for name in ("own", "orders"):  # by somebody else who has the authority's key
        order = PrivateOrder("revoke", authority, str(folder / f".portcullis/certificates/{name}.pem"), reason=1)
        assert carry_out(order) == Done()
    wait_for(lambda: shown(gateway, "own.shop.internal") not in (None, first), "the next certificate", 20)
    assert "certificate own: revoked since " in gateway.errors()
    assert "(keyCompromise), says " in gateway.errors()
    wait_for(lambda: delivered.readlink() != before, "the next delivery", 20)
    wait_for(lambda: status(folder)["own"]["revocation"], "what the list says of it", 20)
    assert status(folder)["own"]["revocation"]["status"] == "good"
    assert "revoked" not in kinds(status(folder)["own"])


def test_another_certificate_in_the_place_of_a_revoked_one_is_all_right(
    gateway: Gateway, responder: RevocationServer, statuses: Statuses
) -> None:
    put(gateway.directory, "asked", statuses, naming(f"{responder.url}/"))
    wait_for(lambda: "revoked" not in kinds(status(gateway.directory)["asked.pem"]), "the next certificate")
    metrics = f"{gateway.urls['admin']}/metrics"
    gone = 'portcullis_certificate_problems{certificate="asked.pem",problem="revoked"}'
    wait_for(lambda: gone not in httpx.get(metrics).text, "the metrics", 20)


def test_one_that_its_authority_calls_revoked_is_renewed_at_once(tmp_path: Path, upstream: Upstream) -> None:
    kept = tmp_path / ".portcullis/certificates/shop.pem"
    with responding() as responder, running_pebble(tmp_path / "pebble", responder=f"{responder.url}/") as pebble:
        issuer, key = pebble.issuer()
        statuses = Statuses(Issued(issuer, key))

        def behave(request: bytes) -> bytes:
            """The first that it is asked about is revoked."""
            serial = ocsp.load_der_ocsp_request(request).serial_number
            statuses.issued[serial] = Issued(x509.load_pem_x509_certificate(kept.read_bytes()), key)
            statuses.revoked = {next(iter(statuses.issued))}
            return statuses.behave(request)

        responder.behave = behave
        text = BY_ACME
        for name, value in (("TLS", pebble.tls_port), ("DIRECTORY", pebble.directory), ("CA", pebble.ca)):
            text = text.replace(name, str(value))
        with serving(tmp_path, SPEC, text, upstream.url) as gateway:
            first = wait_for(lambda: shown(gateway, "shop.example"), "a certificate", 60)
            wait_for(lambda: shown(gateway, "shop.example") not in (None, first), "another", 60)
            assert statuses.revoked == {first.serial_number}
            assert "; it is renewed now" in gateway.errors()
            wait_for(lambda: len(statuses.issued) == 2, "a question about the next one", 30)
            wait_for(lambda: status(tmp_path)["shop"]["revocation"], "its answer", 10)
            assert status(tmp_path)["shop"]["revocation"]["status"] == "good"
            assert gateway.errors().count("issued by first") == 2
