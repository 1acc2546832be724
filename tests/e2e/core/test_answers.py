"""Answers of the service over sockets: checked, stripped, decoded, masked, and with the fields a browser wants."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest
from gateway import Gateway, client_of
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      responses:
        "200":
          description: The order.
          content:
            application/json: {schema: {$ref: "#/components/schemas/Order"}}
            application/octet-stream: {}
        "404": {description: No such order.}
components:
  schemas:
    Order:
      type: object
      required: [id]
      properties: {id: {type: integer}, note: {type: string}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: 127.0.0.1:0}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    public: true
    max_response: 64KiB
    guard: {cors: {origins: ["https://app.example.com"]}}
    versions: {v1: {spec: shop.yaml}}
observe: {access_log: {path: access.jsonl}}
"""


def says(body: bytes, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> Callable[..., None]:
    def respond(exchange: Exchange) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        exchange.send(head.encode() + body)

    return respond


def test_what_the_document_does_not_name_is_taken_out(gateway: Gateway, service: Upstream) -> None:
    service.behaviours["/orders/strip"] = says(b'{"id": 1, "card": "4111111111111111"}')
    with client_of(gateway) as client:
        answer = client.get("/orders/strip")
    assert answer.json() == {"id": 1}
    assert int(answer.headers["content-length"]) == len(answer.content)
    record = gateway.record_of(answer.headers["x-request-id"])
    assert [(v["policy"], v["outcome"]) for v in record["verdicts"] if "code" in v] == [("validate.response", "modify")]


def test_an_encoded_answer_is_looked_into(gateway: Gateway, service: Upstream) -> None:
    body = gzip.compress(b'{"id": 1, "card": "4111111111111111"}')
    service.behaviours["/orders/gzip"] = says(body, extra="Content-Encoding: gzip\r\n")
    with client_of(gateway) as client:
        answer = client.get("/orders/gzip")
    assert answer.json() == {"id": 1}
    assert "content-encoding" not in answer.headers
    assert service.seen[-1].field("accept-encoding") is None


def test_a_bomb_of_the_service_does_not_go_off(gateway: Gateway, service: Upstream) -> None:
    service.behaviours["/orders/bomb"] = says(gzip.compress(b" " * 50_000_000), extra="Content-Encoding: gzip\r\n")
    with client_of(gateway) as client:
        answer = client.get("/orders/bomb")
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream.answer_too_large")


def test_what_is_too_large_to_be_checked_does_not_pass(gateway: Gateway, service: Upstream) -> None:
    body = json.dumps({"id": 1, "note": "x" * 70_000}).encode()
    service.behaviours["/orders/large"] = says(body)
    with client_of(gateway) as client:
        answer = client.get("/orders/large")
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream.answer_too_large")


def test_what_is_not_json_streams_through_however_large(gateway: Gateway, service: Upstream) -> None:
    body = b"\0" * 5_000_000
    service.behaviours["/orders/file"] = says(body, kind="application/octet-stream")
    with client_of(gateway) as client:
        assert client.get("/orders/file").content == body


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [("500 Oops", b'{"inner": "detail"}', 500), ("302 Found", b"{}", 502), ("200 OK", b'{"id": "1"}', 502)],
)
def test_what_is_not_declared_is_masked(
    gateway: Gateway, service: Upstream, status: str, body: bytes, expected: int
) -> None:
    service.behaviours["/orders/other"] = says(body, status=status)
    with client_of(gateway) as client:
        answer = client.get("/orders/other")
        again = client.get("/orders/fine")
    assert answer.status_code == expected
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"inner" not in answer.content
    assert again.status_code == 502  # the service says {"ok": true} there, which lacks the id


def test_a_stack_trace_stays_inside(gateway: Gateway, service: Upstream) -> None:
    trace = b'{"error": "Traceback (most recent call last): ..."}'
    service.behaviours["/orders/trace"] = says(trace, status="404 Not Found")
    with client_of(gateway) as client:
        answer = client.get("/orders/trace")
    assert (answer.status_code, answer.json()["code"]) == (404, "protect.stack_trace")


def test_every_answer_tells_a_browser_what_it_should_know(gateway: Gateway, service: Upstream) -> None:
    service.behaviours["/orders/1"] = says(b'{"id": 1}', extra="Server: old\r\nX-Runtime: 1\r\n")
    with client_of(gateway) as client:
        answer = client.get("/orders/1", headers={"Origin": "https://app.example.com"})
        missing = client.get("/nothing", headers={"Origin": "https://app.example.com"})
        other_method = client.delete("/orders/1")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert {"server", "x-runtime"}.isdisjoint(answer.headers)
    assert (missing.status_code, other_method.status_code) == (404, 405)
    for refused in (missing, other_method):
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert refused.headers["x-frame-options"] == "DENY"
    assert missing.headers["access-control-allow-origin"] == "https://app.example.com"


def test_what_is_no_request_is_answered_as_every_other(gateway: Gateway) -> None:
    for broken in (
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /%2e%2e/ HTTP/1.0\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ):
        answer = gateway.exchange(broken)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"\r\nx-content-type-options: nosniff\r\n" in answer
        assert b"\r\nx-frame-options: DENY\r\n" in answer


def test_a_preflight_never_reaches_the_service(gateway: Gateway, service: Upstream) -> None:
    before = len(service.seen)
    with client_of(gateway) as client:
        answer = client.options(
            "/orders/1", headers={"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
        )
        denied = client.options(
            "/orders/1", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        )
    assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (204, "GET")
    assert denied.status_code == 403
    assert len(service.seen) == before
