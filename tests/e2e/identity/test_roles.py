"""Roles, permissions and scopes over sockets, and what the commands say about them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, client_of, create_key, end, start, wait_for
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop/v1}]
components:
  securitySchemes:
    login: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.example/t", scopes: {"orders:write": W}}}}
paths:
  /orders:
    get: {responses: {default: {description: Whatever the service says.}}}
    post:
      security: [{login: ["orders:write"]}]
      responses: {default: {description: Whatever the service says.}}
    delete: {responses: {default: {description: Whatever the service says.}}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    delete: {responses: {default: {description: Whatever the service says.}}}
  /payments:
    post: {responses: {default: {description: Whatever the service says.}}}
  /me:
    get: {responses: {default: {description: Whatever the service says.}}}
  /admin/users:
    get: {responses: {default: {description: Whatever the service says.}}}
  /status:
    get: {responses: {default: {description: Whatever the service says.}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
  admin: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
roles:
  clerk: ["orders:read"]
  manager: {permissions: ["orders:*", "users:read"], inherits: [clerk]}
  payer: ["payments:make"]
  approver: ["payments:approve"]
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "GET /orders": {authorize: {permissions: ["orders:read"]}}
      "DELETE /orders": {authorize: {permissions: ["orders:purge"]}}
      "DELETE /orders/{id}": {authorize: {permissions: ["orders:delete"]}}
      "POST /payments": {authorize: {permissions: {any_of: ["payments:make", "payments:approve"]}}}
      "GET /admin/users": {authorize: {permissions: ["users:read"]}}
      "GET /status": {public: true}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
EXCLUSIVE = CONFIGURATION.replace(
    'approver: ["payments:approve"]', 'approver: {permissions: ["payments:approve"], exclusive_with: [payer]}'
)
CALLS = {
    "GET /orders": "/shop/v1/orders",
    "POST /orders": "/shop/v1/orders",
    "DELETE /orders": "/shop/v1/orders",
    "DELETE /orders/{id}": "/shop/v1/orders/17",
    "POST /payments": "/shop/v1/payments",
    "GET /me": "/shop/v1/me",
    "GET /admin/users": "/shop/v1/admin/users",
    "GET /status": "/shop/v1/status",
}


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


def write(directory: Path, service: Upstream, configuration: str = CONFIGURATION) -> None:
    (directory / "shop.yaml").write_text(SPEC)
    (directory / "portcullis.yaml").write_text(configuration.replace("UPSTREAM", service.url))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("gateway")
    write(directory, service)
    running = start(directory, workers=2)
    yield running
    end(running)


@pytest.fixture(scope="module")
def keys(gateway: Gateway) -> dict[str, str]:
    """A key for each of some consumers: what they may do is in their names."""
    made = {
        "nobody": create_key(gateway.directory, "nobody"),
        "clerk": create_key(gateway.directory, "alice", "--role", "clerk"),
        "writer": create_key(gateway.directory, "wanda", "--scope", "orders:write"),
        "manager": create_key(gateway.directory, "bob", "--role", "manager", "--scope", "orders:write"),
        "payer": create_key(gateway.directory, "paul", "--role", "payer", "--role", "clerk"),
    }
    wait_for(lambda: all(call(gateway, key, "GET /me").status_code == 200 for key in made.values()), "the new keys")
    return made


def call(gateway: Gateway, key: str, operation: str) -> httpx.Response:
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        return client.request(operation.partition(" ")[0], CALLS[operation])


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return portcullis(directory, *arguments, "-c", "portcullis.yaml")


def told(directory: Path, *arguments: str) -> Any:
    done = run(directory, *arguments, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def id_of(key: str) -> str:
    return re.sub(r"pcl_(.{8})_.*", r"\1", key)


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("nobody", {"GET /me", "GET /status"}),
        ("clerk", {"GET /orders", "GET /me", "GET /status"}),
        ("writer", {"POST /orders", "GET /me", "GET /status"}),
        ("manager", set(CALLS) - {"POST /payments"}),
        ("payer", {"GET /orders", "POST /payments", "GET /me", "GET /status"}),
    ],
)
def test_roles_and_scopes_decide_in_every_worker(
    gateway: Gateway, keys: dict[str, str], who: str, allowed: set[str]
) -> None:
    for _ in range(3):
        statuses = {operation: call(gateway, keys[who], operation).status_code for operation in CALLS}
        assert {operation for operation, status in statuses.items() if status == 200} == allowed
        assert set(statuses.values()) <= {200, 403}


def test_a_refused_call_never_reaches_the_service(gateway: Gateway, keys: dict[str, str], service: Upstream) -> None:
    before = len(service.seen)
    assert call(gateway, keys["clerk"], "DELETE /orders/{id}").status_code == 403
    assert call(gateway, keys["nobody"], "POST /orders").status_code == 403
    assert len(service.seen) == before


def test_the_caller_learns_nothing_of_roles_and_rules_and_the_record_everything(
    gateway: Gateway, keys: dict[str, str]
) -> None:
    answer = call(gateway, keys["clerk"], "DELETE /orders/{id}")
    problem = answer.json()
    assert problem["code"] == "authorize.missing_permission"
    assert problem.keys() == {"type", "title", "status", "code", "request_id"}
    for word in ("clerk", "manager", "orders:delete", "portcullis.yaml", "apis"):
        assert word not in answer.text + str(answer.headers)
    (verdict,) = [each for each in gateway.record_of(problem["request_id"])["verdicts"] if each["outcome"] == "refuse"]
    assert verdict == {
        "policy": "authorize.permissions",
        "outcome": "refuse",
        "code": "authorize.missing_permission",
        "finding": {
            "pointer": "/identity/roles",
            "found": "roles clerk",
            "allowed": "orders:delete, by manager",
            "source": "#/apis/shop/operations/DELETE ~1orders~1{id}/authorize/permissions",
        },
    }


def test_the_documents_scopes_are_named_to_the_caller_and_its_line_in_the_record(
    gateway: Gateway, keys: dict[str, str]
) -> None:
    answer = call(gateway, keys["clerk"], "POST /orders").json()
    assert (answer["code"], answer["detail"]) == (
        "authorize.missing_scope",
        "This call needs a credential with the scope orders:write.",
    )
    verdict = gateway.record_of(answer["request_id"])["verdicts"][-1]
    assert verdict["finding"]["source"] == "shop.yaml#/paths/~1orders/post/security"


def test_explain_says_what_the_gateway_does(gateway: Gateway, keys: dict[str, str]) -> None:
    for who, consumer in (("manager", "bob"), ("payer", "paul")):
        (holder,) = told(gateway.directory, "explain", "--what-can", consumer)
        passing = {operation for operation in CALLS if call(gateway, keys[who], operation).status_code == 200}
        assert {reach["operation"] for reach in holder["operations"]} == passing
    for operation in ("POST /orders", "GET /status"):
        (access,) = told(gateway.directory, "explain", "--who-can", operation)
        listed = {key for each in access.get("consumers", ()) for key in each["keys"]}
        for key in keys.values():
            passes = call(gateway, key, operation).status_code == 200
            assert passes == (access.get("anyone", False) or id_of(key) in listed)


def test_a_consumers_new_roles_hold_in_every_worker_within_a_second(gateway: Gateway) -> None:
    key = create_key(gateway.directory, "zoe", "--role", "clerk")
    wait_for(lambda: call(gateway, key, "GET /orders").status_code == 200, "the new key")
    (record,) = told(gateway.directory, "keys", "list", "--consumer", "zoe")
    (gateway.directory / "zoe.json").write_text(json.dumps([{**record, "roles": ["payer"]}]))
    assert run(gateway.directory, "keys", "import", "zoe.json").returncode == 0
    time.sleep(1)
    statuses = {
        (call(gateway, key, "GET /orders").status_code, call(gateway, key, "POST /payments").status_code)
        for _ in range(8)
    }
    assert statuses == {(403, 200)}


def test_what_was_not_used_is_reported(gateway: Gateway, keys: dict[str, str]) -> None:
    key = create_key(gateway.directory, "yann", "--role", "manager", "--scope", "orders:write", "--scope", "spare")
    wait_for(lambda: call(gateway, key, "GET /orders").status_code == 200, "the new key")

    def used() -> Any:
        found = told(gateway.directory, "report", "permissions")["consumers"]
        return next((use for use in found if use["name"] == "yann" and use["calls"]), None)

    use = wait_for(used, "the record")
    assert (use["roles"], use["keys"]) == ([], [])
    assert use["permissions"] == ["orders:delete", "orders:purge", "users:read"]
    assert use["scopes"] == {id_of(key): ["orders:write", "spare"]}


def test_separation_of_duty_holds_from_the_reload_that_declares_it(tmp_path: Path, service: Upstream) -> None:
    write(tmp_path, service)
    gateway = start(tmp_path, workers=2)
    try:
        key = create_key(tmp_path, "acme", "--role", "payer", "--role", "approver")
        wait_for(lambda: call(gateway, key, "POST /payments").status_code == 200, "the new key")
        write(tmp_path, service, EXCLUSIVE)
        gateway.reload()
        wait_for(lambda: call(gateway, key, "POST /payments").status_code == 403, "the reload")
        answer = call(gateway, key, "GET /me")
        assert (answer.status_code, answer.json()["code"]) == (403, "authorize.missing_permission")
        assert call(gateway, key, "GET /status").status_code == 200
        verdict = gateway.record_of(answer.json()["request_id"])["verdicts"][-1]
        assert (verdict["policy"], verdict["code"]) == ("authorize.roles", "authorize.conflicting_roles")
        assert verdict["finding"]["found"] == "approver and payer"
        assert verdict["finding"]["source"] == "#/roles/approver/exclusive_with/0"
        refused = run(tmp_path, "keys", "create", "beta", "--role", "payer", "--role", "approver")
        assert refused.returncode == 2
        assert "nobody may hold the roles approver and payer together" in refused.stderr
    finally:
        end(gateway)


def test_an_administrative_function_without_a_rule_is_never_served(tmp_path: Path, service: Upstream) -> None:
    exposed = CONFIGURATION.replace('      "GET /admin/users": {authorize: {permissions: ["users:read"]}}\n', "")
    assert exposed != CONFIGURATION
    write(tmp_path, service, exposed)
    done = run(tmp_path, "serve")
    assert done.returncode == 2
    assert "GET /admin/users (shop.yaml:22) looks administrative (admin in its path)" in done.stderr
    write(tmp_path, service)
    gateway = start(tmp_path)
    try:
        key = create_key(tmp_path, "acme")
        wait_for(lambda: call(gateway, key, "GET /me").status_code == 200, "the new key")
        write(tmp_path, service, exposed)
        gateway.reload()
        wait_for(lambda: "looks administrative" in gateway.errors(), "the reload to be refused")
        assert call(gateway, key, "GET /admin/users").status_code == 403
        write(
            tmp_path,
            service,
            exposed.replace(
                "    operations:\n", '    operations:\n      "GET /admin/users": {authorize: {every_caller: true}}\n'
            ),
        )
        gateway.reload()
        wait_for(lambda: call(gateway, key, "GET /admin/users").status_code == 200, "the reload")
    finally:
        end(gateway)
