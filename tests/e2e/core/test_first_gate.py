"""What the document declares passes; what it does not is refused, and the record says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway import Gateway, client_of
from upstream import Upstream


def test_a_declared_call_reaches_the_service_and_its_answer_comes_back(
    gateway: Gateway, key: str, service: Upstream
) -> None:
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        answer = client.post("/shop/items", json={"name": "pen", "qty": 2})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    seen = service.seen[-1]
    assert seen.line == "POST /shop/items HTTP/1.1"
    assert json.loads(seen.body) == {"name": "pen", "qty": 2}
    assert seen.field("x-forwarded-for") == "127.0.0.1"
    assert seen.field("x-api-key") is None
    assert seen.field("x-request-id") == answer.headers["x-request-id"]
    assert "server" not in answer.headers


JSON = {"content-type": "application/json"}
REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/shop/nothing", {}, 404, "guard.unknown_path"),
    ("GET", "/else/items", {}, 404, "guard.unknown_path"),
    ("PATCH", "/shop/items", {}, 405, "guard.method_not_allowed"),
    ("GET", "/shop/items?limit=five", {}, 400, "validate.bad_parameter"),
    ("GET", "/shop/items?limit=5&debug=1", {}, 400, "validate.undeclared_query"),
    ("GET", "/shop/items/abc", {}, 400, "validate.bad_parameter"),
    ("GET", "/shop/items/%2e%2e", {}, 400, "guard.malformed_target"),
    ("POST", "/shop/items", {"json": {"name": "pen", "qty": 1, "admin": True}}, 400, "validate.undeclared_field"),
    ("POST", "/shop/items", {"json": {"name": "pen", "qty": "1"}}, 400, "validate.wrong_type"),
    ("POST", "/shop/items", {"json": {"name": "pen"}}, 400, "validate.missing_field"),
    ("POST", "/shop/items", {"content": "{", "headers": JSON}, 400, "validate.malformed_json"),
    (
        "POST",
        "/shop/items",
        {"content": '{"name":"a","name":"b","qty":1}', "headers": JSON},
        400,
        "validate.duplicate_key",
    ),
    ("POST", "/shop/items", {"content": "name=pen"}, 415, "validate.media_type"),
]


@pytest.mark.parametrize(("method", "target", "options", "status", "code"), REFUSED)
def test_an_undeclared_call_is_refused_with_a_problem_document(
    gateway: Gateway,
    key: str,
    service: Upstream,
    method: str,
    target: str,
    options: dict[str, Any],
    status: int,
    code: str,
) -> None:
    before = len(service.seen)
    options = {**options, "headers": {"X-API-Key": key, **options.get("headers", {})}}
    with client_of(gateway) as client:
        answer = client.request(method, target, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert len(service.seen) == before
    record = gateway.record_of(answer.json()["request_id"])
    assert (record["decision"], record["code"], record["status"]) == ("refuse", code, status)


def test_without_a_key_nothing_is_told_but_that_authentication_failed(gateway: Gateway, key: str) -> None:
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    answers, codes = [], []
    with client_of(gateway) as client:
        for headers in ({}, {"X-API-Key": wrong}, {"X-API-Key": "nonsense"}):
            answer = client.post("/shop/items", json={"nonsense": 1}, headers=headers)
            answers.append((answer.status_code, answer.json()["code"], answer.headers.get("www-authenticate")))
            codes.append(gateway.record_of(answer.json()["request_id"])["code"])
    assert len(set(answers)) == 1
    assert answers[0][:2] == (401, "authenticate.failed")
    assert codes[0] == "authenticate.missing"
    assert "authenticate.malformed_key" in codes
    assert key not in (gateway.directory / "access.jsonl").read_text()


def test_the_record_of_an_allowed_call_tells_who_what_and_how_long(gateway: Gateway, key: str) -> None:
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        answer = client.get("/shop/items?limit=5", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    record = gateway.record_of(answer.headers["x-request-id"])
    assert record["trace_id"] == "a" * 32
    assert (record["api"], record["version"], record["operation"]) == ("shop", "v1", "GET /items")
    assert (record["consumer"], record["decision"], record["status"]) == ("alice", "allow", 200)
    assert record["upstream_status"] == 200
    assert record["us_total"] >= record["us_upstream"] > 0
    assert {verdict["policy"] for verdict in record["verdicts"]} >= {
        "authenticate.api_key",
        "limit.rate",
        "validate.request",
    }


def test_the_pointer_and_the_place_in_the_document_are_recorded(gateway: Gateway, key: str) -> None:
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        answer = client.post("/shop/items", json={"name": "pen", "qty": "many"})
    verdict = gateway.record_of(answer.headers["x-request-id"])["verdicts"][-1]
    assert verdict["finding"]["pointer"] == "/body/qty"
    assert verdict["finding"]["source"].startswith("shop.yaml#/paths/~1items/post/requestBody")


def test_monitor_mode_records_what_it_would_have_refused_and_lets_it_pass(
    start_gateway: Any, upstream: Upstream
) -> None:
    gateway = start_gateway(
        lambda text: (
            text.replace(
                "    limit: {plan: {of: consumer}",
                "    validate: {request: {mode: monitor}}\n    limit: {plan: {of: consumer}",
            )
            .replace("authenticate: [partners]", "authenticate: {any_of: [partners], mode: monitor}")
            .replace("default_plan: gold}", "default_plan: gold, by: address}")
        )
    )
    with client_of(gateway) as client:
        answer = client.post("/shop/items", json={"name": "pen", "qty": 0, "more": 1})
    assert answer.status_code == 200
    assert len(upstream.seen) == 1
    record = gateway.records(1)[0]
    outcomes = {verdict["policy"]: verdict["outcome"] for verdict in record["verdicts"]}
    assert outcomes["authenticate.api_key"] == "would_refuse"
    assert outcomes["validate.request"] == "would_refuse"
    assert record["decision"] == "allow"
