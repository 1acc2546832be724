from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authorization.call_graph import CallGraph, caller_of, check_call
from portcullis.engine.config.callers import ServiceConfig
from portcullis.engine.identity import Identity

SERVICES = {
    "checkout": ServiceConfig(subjects=["c", "c2"], may_call=["orders", "payments:POST /v1/charges"]),
    "billing": ServiceConfig(subjects=["b"], proven_by=["tokens"], may_call=["orders:GET /v1/orders"]),
}
GRAPH = CallGraph(SERVICES, ["mesh", "partners"])


def test_a_service_is_proven_by_its_identities() -> None:
    assert set(GRAPH.proofs("checkout")) == {("mesh", "c"), ("mesh", "c2"), ("partners", "c"), ("partners", "c2")}
    assert list(GRAPH.proofs("billing")) == [("tokens", "b")]
    assert GRAPH.provers == {"mesh", "partners", "tokens"}
    assert GRAPH.is_known_as("checkout", "c2")
    assert not GRAPH.is_known_as("checkout", "b")


@rows(
    ("identity", "service"),
    [
        (Identity("mtls", "c", name="mesh"), "checkout"),
        (Identity("mtls", "c2", name="partners"), "checkout"),
        (Identity("mtls", "b", name="mesh"), None),
        (Identity("jwt", "b", name="tokens"), "billing"),
        (Identity("jwt", "alice", name="tokens", actors=("b", "x")), "billing"),
        (Identity("jwt", "b", name="tokens", actors=("x", "b")), None),
        (Identity("jwt", "c", name="users"), None),
    ],
)
def test_a_caller_is_a_service_by_what_was_proven(identity: Identity, service: str | None) -> None:
    assert GRAPH.service_of(identity) == service


def test_who_acts_is_who_calls() -> None:
    assert caller_of(Identity("jwt", "alice")) == "alice"
    assert caller_of(Identity("jwt", "alice", actors=("b", "c"))) == "b"


@rows(
    ("api", "operation", "callers"),
    [
        ("orders", "GET /v1/orders", {"checkout", "billing"}),
        ("orders", "POST /v1/orders", {"checkout"}),
        ("payments", "POST /v1/charges", {"checkout"}),
        ("payments", "GET /v1/charges", set()),
        ("mail", "POST /v1/charges", set()),
    ],
)
def test_edges(api: str, operation: str, callers: set[str]) -> None:
    assert GRAPH.callers(api, operation) == callers


@rows("value", ["orders", "orders:GET /", "a.b-c:DELETE /v1/{id}"])
def test_what_may_be_called(value: str) -> None:
    assert check_call(value) == value


@rows("value", ["", ":", "orders:", "orders: GET /", "orders:get /", "orders:GET", "a b", "*", "orders:*"])
def test_what_is_no_call(value: str) -> None:
    with pytest.raises(ValueError, match="the name of an API"):
        check_call(value)


@rows(
    ("service", "api", "operation", "edge"),
    [
        ("checkout", "orders", "GET /v1/orders", "orders"),
        ("checkout", "payments", "POST /v1/charges", "payments:POST /v1/charges"),
        ("checkout", "payments", "GET /v1/charges", None),
        ("billing", "orders", "GET /v1/orders", "orders:GET /v1/orders"),
    ],
)
def test_the_edge_that_lets_a_service_call(service: str, api: str, operation: str, edge: str | None) -> None:
    assert GRAPH.edge(service, api, operation) == edge
