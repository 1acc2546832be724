"""Rules in CEL over sockets: what they refuse and when, what the record says, and what is told where one is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import Gateway, client_of, create_key, serving
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {default: {description: Whatever.}}}
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, properties: {amount: {type: integer}}}}}
      responses: {default: {description: Whatever.}}
  /orders/{order_id}:
    parameters:
      - {name: order_id, in: path, required: true, schema: {type: string}}
    get: {responses: {default: {description: Whatever.}}}
  /reports/{region}:
    parameters:
      - {name: region, in: path, required: true, schema: {type: string}}
      - {name: pages, in: query, schema: {type: integer}}
    get: {responses: {default: {description: Whatever.}}}
  /always: {get: {responses: {default: {description: Whatever.}}}}
  /never: {get: {responses: {default: {description: Whatever.}}}}
  /watched: {get: {responses: {default: {description: Whatever.}}}}
"""

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
roles:
  clerk: ["orders:read"]
  boss: {inherits: [clerk]}
plans:
  free: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions:
      v1: {spec: shop.yaml}
    authenticate: [partners]
    limit: {plan: free}
    authorize:
      when: "'clerk' in identity.roles"
    operations:
      "POST /orders":
        authorize:
          when: |
            'clerk' in identity.roles &&
            request.body.amount <= 500
      "GET /orders/{order_id}":
        authorize:
          when: response.status >= 400 || response.body.owner == identity.subject
      "GET /reports/{region}":
        authorize:
          when: >-
            request.path_values.region.matches('^(eu|us)$') &&
            (request.headers['x-region'] == request.path_values.region || 'boss' in identity.roles) &&
            !('pages' in request.query && int(request.query.pages[0]) > 100)
      "GET /always":
        authorize:
          when: >-
            context.time > timestamp('2026-01-01T00:00:00Z') && ip_in(context.ip, '127.0.0.0/8') &&
            context.device.user_agent.startsWith('python-httpx/') && api.operation == 'GET /always'
      "GET /never":
        authorize: {when: context.time < timestamp('2026-01-01T00:00:00Z')}
      "GET /watched":
        authorize: {when: {rule: "identity.subject == 'nobody'", mode: monitor}}
observe:
  access_log: {path: access.jsonl}
process: {drain: 2s}
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    service = Upstream()
    service.behaviours["/shop/orders/1"] = lambda exchange: exchange.answer(b'{"id": 1, "owner": "alice"}')
    service.behaviours["/shop/orders/2"] = lambda exchange: exchange.answer(b'{"id": 2, "owner": "bob"}')
    service.behaviours["/shop/orders/3"] = lambda exchange: exchange.answer(b'{"title": "none"}', "404 Not Found")
    service.behaviours["/shop/orders/4"] = _without_body
    yield service
    service.stop()


def _without_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("conditions"), SPEC, CONFIGURATION, service.url) as running:
        yield running


@pytest.fixture(scope="module")
def keys(gateway: Gateway) -> dict[str, str]:
    """A clerk, a boss, and somebody without a role."""
    given = {"alice": ("--role", "clerk"), "carol": ("--role", "boss"), "bob": ()}
    return {name: create_key(gateway.directory, name, *options) for name, options in given.items()}


def call(gateway: Gateway, key: str, method: str, path: str, **options: Any) -> Any:
    headers = {"X-API-Key": key, **options.pop("headers", {})}
    with client_of(gateway, headers=headers) as client:
        return client.request(method, f"/shop{path}", **options)


ALLOWED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("alice", "GET", "/orders", {}),
    ("carol", "GET", "/orders", {}),
    ("alice", "POST", "/orders", {"json": {"amount": 500}}),
    ("alice", "GET", "/orders/1", {}),
    ("bob", "GET", "/orders/2", {}),
    ("alice", "GET", "/orders/1", {"headers": {"Range": "bytes=0-3", "Accept-Encoding": "gzip"}}),
    ("bob", "GET", "/reports/eu", {"headers": {"X-Region": "eu"}}),
    ("carol", "GET", "/reports/us?pages=100", {"headers": {"X-Region": "eu"}}),
    ("bob", "GET", "/always", {}),
    ("bob", "GET", "/watched", {}),
]


@pytest.mark.parametrize(("who", "method", "path", "options"), ALLOWED)
def test_a_call_passes_for_which_the_rule_is_true(
    gateway: Gateway, keys: dict[str, str], who: str, method: str, path: str, options: dict[str, Any]
) -> None:
    assert call(gateway, keys[who], method, path, **options).status_code == 200


REFUSED: list[tuple[str, str, str, dict[str, Any], str, str, bool]] = [
    ("bob", "GET", "/orders", {}, "authorize.condition", "'clerk' in identity.roles", False),
    ("alice", "POST", "/orders", {"json": {"amount": 501}}, "authorize.condition", "request.body.amount <= 500", False),
    ("alice", "POST", "/orders", {"json": {}}, "authorize.condition_failed", "request.body.amount <= 500", False),
    ("bob", "POST", "/orders", {"json": {"amount": 1}}, "authorize.condition", "'clerk' in identity.roles", False),
    (
        "alice",
        "GET",
        "/orders/2",
        {},
        "authorize.condition",
        "response.status >= 400 || response.body.owner == identity.subject",
        True,
    ),
    (
        "alice",
        "GET",
        "/orders/4",
        {},
        "authorize.condition_failed",
        "response.status >= 400 || response.body.owner == identity.subject",
        True,
    ),
    (
        "carol",
        "GET",
        "/reports/asia",
        {},
        "authorize.condition",
        "request.path_values.region.matches('^(eu|us)$')",
        False,
    ),
    (
        "bob",
        "GET",
        "/reports/eu",
        {},
        "authorize.condition_failed",
        "(request.headers['x-region'] == request.path_values.region || 'boss' in identity.roles)",
        False,
    ),
    (
        "carol",
        "GET",
        "/reports/eu?pages=101",
        {"headers": {"X-Region": "eu"}},
        "authorize.condition",
        "!('pages' in request.query && int(request.query.pages[0]) > 100)",
        False,
    ),
    ("carol", "GET", "/never", {}, "authorize.condition", "context.time < timestamp('2026-01-01T00:00:00Z')", False),
]


@pytest.mark.parametrize(("who", "method", "path", "options", "code", "part", "reaches_the_service"), REFUSED)
def test_a_call_is_refused_for_which_it_is_not_and_only_the_record_says_why(
    gateway: Gateway,
    service: Upstream,
    keys: dict[str, str],
    who: str,
    method: str,
    path: str,
    options: dict[str, Any],
    code: str,
    part: str,
    reaches_the_service: bool,
) -> None:
    before = len(service.seen)
    answer = call(gateway, keys[who], method, path, **options)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "authorize.condition")
    assert not {"detail", "errors"} & problem.keys() or not problem.get("detail")
    assert "identity" not in answer.text
    assert "owner" not in answer.text
    assert (len(service.seen) > before) is reaches_the_service
    record = gateway.record_of(problem["request_id"])
    assert (record["decision"], record["code"]) == ("refuse", code)
    [verdict] = [
        verdict for verdict in record["verdicts"] if verdict["policy"] == "authorize.when" and "finding" in verdict
    ]
    assert verdict["finding"]["allowed"] == part
    assert verdict["finding"]["source"].endswith("/authorize/when")


def test_an_error_of_the_service_reaches_the_client_where_the_rule_says_so(
    gateway: Gateway, keys: dict[str, str]
) -> None:
    assert call(gateway, keys["alice"], "GET", "/orders/3").status_code == 404


def test_in_monitor_mode_a_rule_is_only_recorded(gateway: Gateway, keys: dict[str, str]) -> None:
    answer = call(gateway, keys["bob"], "GET", "/watched")
    record = gateway.record_of(answer.headers["x-request-id"])
    outcomes = {verdict["policy"]: verdict["outcome"] for verdict in record["verdicts"]}
    assert (record["decision"], outcomes["authorize.when"]) == ("allow", "would_refuse")


def test_a_rule_that_is_wrong_keeps_the_gateway_from_starting_and_check_tells_where(tmp_path: Path) -> None:
    wrong = CONFIGURATION.replace("request.body.amount <= 500", "request.body.amount <= 500 && identity.subjct == ''")
    (tmp_path / "shop.yaml").write_text(SPEC)
    (tmp_path / "portcullis.yaml").write_text(wrong.replace("UPSTREAM", "http://127.0.0.1:1"))
    line = next(number for number, text in enumerate(wrong.splitlines(), 1) if "identity.subjct" in text)
    column = wrong.splitlines()[line - 1].index("subjct") + 1
    done = subprocess.run(
        [sys.executable, "-m", "portcullis", "check", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    [diagnostic] = json.loads(done.stdout)["diagnostics"]
    assert (diagnostic["line"], diagnostic["column"]) == (line, column)
    assert diagnostic["pointer"] == 'apis.shop.operations."POST /orders".authorize.when'
    assert diagnostic["message"] == "there is no identity.subjct"
    assert 'did you mean "identity.subject"?' in diagnostic["hint"]
