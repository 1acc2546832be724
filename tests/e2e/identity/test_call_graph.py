"""Services that call each other: only along the edges of the file, and only with tokens that were given to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import Gateway, end, start
from issuer import Issuer
from mesh import CHECKOUT, INVENTORY, Mesh, call
from upstream import Upstream

from portcullis.testing.certificates import Issued
from portcullis.testing.tokens import Signer

BILLING = "spiffe://example.internal/ns/prod/sa/billing"
STRANGER = "spiffe://example.internal/ns/prod/sa/stranger"
SPEC = """\
openapi: 3.1.0
info: {title: A service, version: "1"}
servers: [{url: /NAME}]
paths:
  /items:
    get: {responses: {default: {description: Whatever the service says.}}}
    post: {responses: {default: {description: Whatever the service says.}}}
  /mine:
    get: {responses: {default: {description: Whatever the service says.}}}
  /status:
    get: {responses: {default: {description: Whatever the service says.}}}
"""
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: server.pem, key: server.key, client_ca: mesh.pem, client_certificate: request}
  admin: {bind: "127.0.0.1:0"}
identities:
  mesh: {mtls: {trust_domain: example.internal}}
  users: {jwt: {issuer: "ISSUER", audience: orders, jwks: auto}}
services:
  checkout: {subjects: "CHECKOUT", may_call: [orders, "payments:POST /items"]}
  billing: {subjects: "BILLING", may_call: [payments]}
  inventory: {subjects: "INVENTORY", may_call: []}
apis:
  orders:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: orders.yaml}}
    authenticate: [users, mesh]
    validate: {response: {mode: "off"}}
    operations:
      "GET /mine": {authenticate: [{all_of: [users, mesh]}], authorize: {services: {delegation: required}}}
      "GET /status": {public: true}
  payments:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: payments.yaml}}
    authenticate: [mesh, users]
    authorize: {services: {only: true}}
    validate: {response: {mode: "off"}}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""


@pytest.fixture
def service() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


@pytest.fixture
def gateway(tmp_path: Path, mesh: Mesh, issuer: Issuer, service: Upstream) -> Iterator[Gateway]:
    assert mesh.directory == tmp_path
    issuer.audience = "orders"
    for name in ("orders", "payments"):
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace("NAME", name))
    text = CONFIGURATION.replace("ISSUER", issuer.url).replace("UPSTREAM", service.url)
    text = text.replace("CHECKOUT", CHECKOUT).replace("BILLING", BILLING).replace("INVENTORY", INVENTORY)
    (tmp_path / "portcullis.yaml").write_text(text)
    running = start(tmp_path)
    yield running
    end(running)


def refusal(gateway: Gateway, request_id: str) -> dict[str, Any]:
    """The verdict that decided."""
    record = gateway.record_of(request_id)
    return next(each for each in record["verdicts"] if each.get("code") == record["code"])


def test_services_call_along_the_edges_of_the_file_and_nowhere_else(
    gateway: Gateway, mesh: Mesh, service: Upstream
) -> None:
    edges = {
        CHECKOUT: {("GET", "orders"), ("POST", "orders"), ("POST", "payments")},
        BILLING: {("GET", "payments"), ("POST", "payments")},
        INVENTORY: set(),
        STRANGER: set(),
    }
    for workload, allowed in edges.items():
        context = mesh.client(mesh.workload(workload))
        for method, api in (("GET", "orders"), ("POST", "orders"), ("GET", "payments"), ("POST", "payments")):
            reached = len(service.seen)
            status, body, request_id = call(gateway, context, f"/{api}/items", method)
            if (method, api) in allowed:
                assert (status, len(service.seen)) == (200, reached + 1), (workload, method, api)
                continue
            assert (status, len(service.seen)) == (403, reached), (workload, method, api)
            problem = json.loads(body)
            assert problem["code"] == "authorize.service_not_allowed"
            assert "checkout" not in body
            verdict = refusal(gateway, request_id)
            assert (verdict["policy"], verdict["code"]) == ("authorize.services", "authorize.lateral_movement")
            assert workload in verdict["finding"]["found"]


def test_people_are_no_services(gateway: Gateway, mesh: Mesh, issuer: Issuer) -> None:
    nobody = mesh.client(None)
    fields = [f"Authorization: Bearer {issuer.token('alice')}"]
    assert call(gateway, nobody, "/orders/items", fields=fields)[0] == 200
    status, _, request_id = call(gateway, nobody, "/payments/items", fields=fields)
    assert status == 403
    assert refusal(gateway, request_id)["finding"]["found"] == "alice, proven by users"
    assert call(gateway, mesh.client(mesh.workload(INVENTORY)), "/orders/status")[0] == 200  # which is public


def mine(gateway: Gateway, mesh: Mesh, workload: str, token: str | None) -> tuple[int, str]:
    """Status and code of a call that a service makes for a user."""
    fields = [] if token is None else [f"Authorization: Bearer {token}"]
    status, _, request_id = call(gateway, mesh.client(mesh.workload(workload)), "/orders/mine", fields=fields)
    return status, gateway.record_of(request_id).get("code", "")


def test_a_service_is_no_deputy_for_what_was_given_to_another(gateway: Gateway, mesh: Mesh, issuer: Issuer) -> None:
    exchanged = issuer.token("alice", act={"sub": CHECKOUT})
    assert mine(gateway, mesh, CHECKOUT, exchanged) == (200, "")
    # Billing gets hold of it, or checkout of what was given to billing.
    assert mine(gateway, mesh, BILLING, exchanged) == (403, "authorize.lateral_movement")
    for_billing = issuer.token("alice", act={"sub": BILLING})
    assert mine(gateway, mesh, CHECKOUT, for_billing) == (403, "authorize.wrong_actor")
    # Who acted before acts no more.
    chained = issuer.token("alice", act={"sub": BILLING, "act": {"sub": CHECKOUT}})
    assert mine(gateway, mesh, CHECKOUT, chained) == (403, "authorize.wrong_actor")
    # The user's own token was given to checkout for another audience, or to nobody in particular.
    assert mine(gateway, mesh, CHECKOUT, issuer.token("alice", aud="checkout", act={"sub": CHECKOUT}))[0] == 401
    assert mine(gateway, mesh, CHECKOUT, issuer.token("alice")) == (403, "authorize.wrong_actor")
    assert mine(gateway, mesh, CHECKOUT, None)[0] == 401
    forged = Signer("ES256", "first").token({"iss": issuer.url, "sub": "alice", "aud": "orders", "exp": 2**40})
    assert mine(gateway, mesh, CHECKOUT, forged)[0] == 401


def test_the_chain_of_actors_has_an_end(gateway: Gateway, mesh: Mesh, issuer: Issuer) -> None:
    act: dict[str, Any] = {"sub": "the first"}
    for name in ("the second", "the third", CHECKOUT):
        act = {"sub": name, "act": act}
    assert mine(gateway, mesh, CHECKOUT, issuer.token("alice", act=act)) == (200, "")
    longer = {"sub": CHECKOUT, "act": act}
    assert mine(gateway, mesh, CHECKOUT, issuer.token("alice", act=longer)) == (403, "authorize.too_many_actors")
    for _ in range(20):
        longer = {"sub": CHECKOUT, "act": longer}
    assert mine(gateway, mesh, CHECKOUT, issuer.token("alice", act=longer)) == (401, "authenticate.invalid_claims")


def bound(issuer: Issuer, issued: Issued, **more: str) -> str:
    """A token for the holder of a certificate."""
    from portcullis.engine.peer_certificate import PeerCertificate

    return issuer.token("alice", cnf={"x5t#S256": PeerCertificate(issued.der).thumbprint, **more})


def test_a_bound_token_is_worth_nothing_without_its_certificate(gateway: Gateway, mesh: Mesh, issuer: Issuer) -> None:
    own, others = mesh.workload(STRANGER), mesh.workload(STRANGER)
    token = bound(issuer, own)
    fields = [f"Authorization: Bearer {token}"]
    for client, status, found in (
        (own, 200, ""),
        (others, 401, "another client certificate"),
        (None, 401, "no client certificate"),
        (own, 200, ""),
    ):
        got, _, request_id = call(gateway, mesh.client(client), "/orders/items", fields=fields)
        assert got == status
        if found:
            verdict = refusal(gateway, request_id)
            assert (verdict["code"], verdict["finding"]["found"]) == ("authenticate.bound_token", found)
    also = [f"Authorization: Bearer {bound(issuer, own, jkt='another key')}"]
    assert call(gateway, mesh.client(own), "/orders/items", fields=also)[0] == 401
