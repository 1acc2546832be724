"""The record of an exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import rows

from portcullis.engine.codes import CLIENT_ABORTED, Code
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView
from portcullis.testing import make_request

MILLISECOND = 1_000_000


def step(run: Callable[..., Any], *, policy: str = "test.step", monitor: bool = False, needs: Any = "head") -> Step:
    return Step(policy, needs, run, monitor, allowed(policy))


def says(decision: object) -> Callable[[RequestView, Facts], Any]:
    return lambda _request, _facts: decision


def exchange(*head: Step, body: tuple[Step, ...] = (), request: RequestView | None = None) -> Exchange:
    made = Exchange(request or make_request("GET", "/orders"), "a" * 32, "b" * 32, 1000 * MILLISECOND, 1764000000.25)
    made.request.operation = Operation("shop", "v1", "GET /orders", head, body, 1024, "shop", str)
    return made


def test_an_exchange_that_was_not_routed_decides_nothing_and_is_recorded_without_an_operation() -> None:
    made = Exchange(make_request(), "a" * 32, "b" * 32, 0, 0.0)
    assert made.request.operation is UNROUTED
    assert made.decide_head() is None
    record = record_of(made, 0)
    assert (record.api, record.version, record.operation) == ("", "", "")


def test_the_record_of_an_allowed_exchange() -> None:
    consumer = Consumer("acme", "gold")
    made = exchange(step(says(None)))
    made.facts.identify(Identity("api_key", "acme", "k1", frozenset(), consumer))
    made.decide_head()
    made.status = made.upstream_status = 200
    made.upstream, made.upstream_ns = "http://127.0.0.1:9000", 3 * MILLISECOND
    made.bytes_in, made.bytes_out = 10, 20
    record = record_of(made, 1005 * MILLISECOND)
    assert (record.time, record.decision, record.code) == ("2025-11-24T16:00:00.250000Z", "allow", "")
    assert (record.request_id, record.trace_id, record.client) == ("a" * 32, "b" * 32, "192.0.2.1")
    assert (record.api, record.version, record.operation) == ("shop", "v1", "GET /orders")
    assert (record.consumer, record.identity, record.credential) == ("acme", "acme", "k1")
    assert (record.status, record.upstream_status, record.bytes_in, record.bytes_out) == (200, 200, 10, 20)
    assert (record.us_total, record.us_upstream, record.us_gateway) == (5000, 3000, 2000)
    assert list(record.verdicts) == [allowed("test.step")]


def test_the_record_of_a_refused_exchange_names_the_exact_code() -> None:
    exact = Code("authenticate.expired", 401, "Expired", Code("authenticate.failed", 401, "Failed"))
    made = exchange(step(says(Refuse(exact, "No.", Finding("/header/x-api-key", "key k1")))))
    made.decide_head()
    record = record_of(made, 1000 * MILLISECOND)
    assert (record.decision, record.code, record.consumer) == ("refuse", "authenticate.expired", "")
    assert record.verdicts[0].finding == Finding("/header/x-api-key", "key k1")


def test_the_record_of_an_exchange_whose_client_went_away() -> None:
    made = exchange()
    made.refuse(Refuse(CLIENT_ABORTED))
    assert record_of(made, 1000 * MILLISECOND).decision == "abort"


def test_the_record_holds_no_credential_of_the_target() -> None:
    made = exchange(request=make_request("GET", "/orders?api_key=topsecret"))
    assert record_of(made, 1000 * MILLISECOND).target == "/orders?api_key=***"


@rows(("ended", "upstream"), [(1005, 9), (990, 0), (1000, 3)])
def test_no_duration_in_a_record_is_negative(ended: int, upstream: int) -> None:
    made = exchange()
    made.upstream_ns = upstream * MILLISECOND
    record = record_of(made, ended * MILLISECOND)
    assert min(record.us_total, record.us_upstream, record.us_gateway) >= 0
    assert record.us_upstream + record.us_gateway == record.us_total


def test_a_record_says_who_else_was_proven_and_who_acts() -> None:
    made = exchange()
    other = Identity("mtls", "spiffe://a/b", consumer=Consumer("mesh:spiffe://a/b"), name="mesh")
    nameless = Identity("api_key", "acme")
    made.facts.identify(Identity("jwt", "alice", name="users", actors=("b", "c"), also=(other, nameless)))
    record = record_of(made, 0)
    assert (record.also, record.actors) == (("mesh:spiffe://a/b", "acme"), ("b", "c"))


def test_a_record_of_one_caller_says_nothing_of_others() -> None:
    made = exchange()
    made.facts.identify(Identity("jwt", "alice", name="users"))
    record = record_of(made, 0)
    assert (record.also, record.actors) == ((), ())
