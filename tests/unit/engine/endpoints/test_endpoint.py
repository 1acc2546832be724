from __future__ import annotations

from collections.abc import Awaitable

from portcullis.engine.codes import INTERNAL
from portcullis.engine.decision import Answer, Refuse
from portcullis.engine.endpoints.endpoint import API, MAX_BODY, Endpoint, make_endpoint
from portcullis.engine.exchange import Exchange
from portcullis.engine.policy import Step
from portcullis.testing.requests import make_request

ANSWER = Answer(200, ((b"content-type", b"application/json"),), b"{}")


def run(endpoint: Endpoint, body: bytes | None = None) -> object:
    request = make_request(endpoint.method, endpoint.path, body=body)
    request.operation = endpoint.operation
    exchange = Exchange(request, "r", "t", 0, 0.0)
    decision = exchange.decide_head()
    assert not isinstance(decision, Awaitable)
    if decision is None and endpoint.operation.body_steps:
        exchange.begin_body()
        decision = exchange.decide_body(body or b"")
    return decision


def test_an_endpoint_answers_itself() -> None:
    endpoint = make_endpoint("id.example", "GET", "/keys", lambda *_: ANSWER, place=("tokens",), policy="tokens")
    assert run(endpoint) is ANSWER
    operation = endpoint.operation
    assert (operation.api, operation.name, operation.max_body) == (API, "GET /keys", 0)


def test_one_that_reads_the_body_gets_it_whole() -> None:
    bodies: list[bytes | None] = []

    def answer(request: object, _facts: object) -> Answer:
        bodies.append(getattr(request, "body", None))
        return ANSWER

    endpoint = make_endpoint("id.example", "POST", "/token", answer, place=("x",), policy="tokens", needs="body")
    assert run(endpoint, b"a=b") is ANSWER
    assert bodies == [b"a=b"]
    assert endpoint.operation.max_body == MAX_BODY


def test_what_stands_before_decides_first_and_what_nobody_answers_is_refused() -> None:
    refusal = Refuse(INTERNAL, "no")
    before = [Step("limit.rate", "head", lambda *_: refusal)]
    refusing = make_endpoint("h", "GET", "/a", lambda *_: ANSWER, place=("x",), policy="p", before=before)
    assert run(refusing) == refusal
    silent = make_endpoint("h", "GET", "/a", lambda *_: None, place=("x",), policy="p")
    decision = run(silent)
    assert isinstance(decision, Refuse)
    assert decision.code is INTERNAL
