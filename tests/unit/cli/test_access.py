"""``portcullis explain --who-can`` and ``--what-can``: what is printed, and with which exit code."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from rich.console import Console
from rows import rows
from typer.testing import CliRunner

from portcullis.cli.access import print_operation
from portcullis.cli.main import app
from portcullis.control.access_answers import ConsumerAccess, OperationAccess

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop/v1}]
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete: {responses: {"204": {description: ok}}}
  /status: {get: {responses: {"204": {description: ok}}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
roles:
  clerk: ["orders:read"]
  manager: {permissions: ["orders:delete"], inherits: [clerk]}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "DELETE /orders/{id}": {authorize: {permissions: ["orders:delete"], scopes: {all_of: [d], mode: monitor}}}
      "GET /orders": {authorize: {permissions: ["orders:read"]}}
      "GET /status": {public: true}
state: {directory: state}
"""
Run = Callable[..., Result]
AN_ID = re.compile(r"(?<=key )[0-9a-z]{8}\b")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway with two consumers: alice, a clerk, and bob, a manager."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "shop.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "p.yaml").write_text(CONFIGURATION, encoding="utf-8")
    for consumer in (("alice", "--role", "clerk", "--scope", "d"), ("bob", "--role", "manager")):
        assert CliRunner().invoke(app, ["keys", "create", *consumer, "-c", str(folder / "p.yaml")]).exit_code == 0
    return folder


@pytest.fixture
def run(gateway: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``portcullis`` beside a copy of it; the exit code is checked."""
    shutil.copytree(gateway, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*arguments, "-c", "conf/p.yaml"])
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.mark.slow
def test_who_can_is_told_with_the_rules_and_their_lines(run: Run) -> None:
    told = run("explain", "--who-can", "DELETE /v1/orders/{id}").stdout
    assert AN_ID.sub("an-id", told) == (
        "DELETE /orders/{id} of shop v1, /shop/v1/orders/{id}, conf/shop.yaml:9\n"
        "  proven by partners (api_key)\n"
        '  asks for  permissions: orders:delete  apis.shop.operations."DELETE /orders/{id}".authorize.permissions'
        " conf/p.yaml:13\n"
        "  asks for  scopes: d (monitored: not refused yet)"
        '  apis.shop.operations."DELETE /orders/{id}".authorize.scopes conf/p.yaml:13\n'
        "  roles     manager\n"
        "  consumer  bob (manager), key an-id\n"
        "  refused   alice, authorize.missing_permission\n"
        "\n"
    )


def test_a_public_operation_is_everyones(run: Run) -> None:
    told = run("explain", "--who-can", "GET /status").stdout
    assert told == "GET /status of shop v1, /shop/v1/status, conf/shop.yaml:10\n  anyone    may call it\n\n"


def test_what_a_consumer_can_is_told_by_operation(run: Run) -> None:
    told = run("explain", "--what-can", "alice").stdout
    assert AN_ID.sub("an-id", told) == (
        "alice, a consumer\n"
        "  roles       clerk\n"
        "  permissions orders:read\n"
        "  key an-id with d\n"
        "\n"
        "  GET /orders  shop v1  /shop/v1/orders\n"
        "  GET /status  shop v1  /shop/v1/status\n"
        "\n"
        "may call 2 of 3 operations\n"
        "\n"
    )


def test_what_a_role_can_is_told_with_what_else_is_asked(run: Run) -> None:
    told = run("explain", "--what-can", "manager").stdout
    assert told.startswith(
        "manager, a role\n  roles       clerk, manager\n  permissions orders:delete, orders:read\n\n"
    )
    assert "if scopes: d (monitored: not refused yet)" in told
    assert told.endswith("may call 3 of 3 operations\n\n")


def test_passwords_and_services_are_told() -> None:
    access = OperationAccess("GET /a", "shop", "v1", "/a", "s.yaml:1", services=["checkout"])
    consumers = [ConsumerAccess("ann", ["boss"], [], True), ConsumerAccess("bob", [], ["k1", "k2"], True)]
    printed = StringIO()
    print_operation(msgspec.structs.replace(access, consumers=consumers), Console(file=printed, width=200))
    assert "  consumer  ann (boss), password\n  consumer  bob, key k1, k2 or password\n" in printed.getvalue()
    assert "  service   checkout\n" in printed.getvalue()


def test_an_operation_that_nobody_can_call_ends_with_1(run: Run) -> None:
    file = Path("conf/p.yaml")
    alone = CONFIGURATION.replace(", inherits: [clerk]}", "}")
    file.write_text(alone.replace('["orders:delete"], scopes', '["orders:read", "orders:delete"], scopes'))
    told = run("explain", "--who-can", "DELETE /orders/{id}", code=1).stdout
    assert "  roles     none that does alone\n  consumers none of those with keys\n" in told


def test_as_json_it_holds_the_same(run: Run) -> None:
    (access,) = json.loads(run("explain", "--who-can", "GET /orders", "--format", "json").stdout)
    assert access["rules"][0]["policy"] == "authorize.permissions"
    assert [role["name"] for role in access["roles"]] == ["clerk", "manager"]
    assert [consumer["name"] for consumer in access["consumers"]] == ["alice", "bob"]
    (holder,) = json.loads(run("explain", "--what-can", "bob", "--format", "json").stdout)
    assert [reach["operation"] for reach in holder["operations"]] == [
        "GET /orders",
        "DELETE /orders/{id}",
        "GET /status",
    ]


@rows(
    ("arguments", "told"),
    [
        (("--who-can", "DELETE /order/{id}"), "did you mean DELETE /orders/{id}?"),
        (("--what-can", "alise"), 'did you mean "alice"?'),
        (("--what-can", ""), "role or service"),
        (("--who-can", "GET /orders", "--what-can", "bob"), "give a request, or"),
        (("GET /orders", "--what-can", "bob"), "give a request, or"),
        ((), "give a request, or"),
    ],
)
def test_what_can_not_be_answered_is_a_usage_error(run: Run, arguments: tuple[str, ...], told: str) -> None:
    text = " ".join(run("explain", *arguments, code=2).stderr.replace("│", " ").split())
    assert told in text


def test_no_key_is_printed(run: Run) -> None:
    secret = run("keys", "create", "carl", "--role", "manager").stdout.strip()
    told = run("explain", "--who-can", "GET /orders").stdout + run("explain", "--what-can", "carl").stdout
    assert secret not in told
    assert "pcl_" not in told


def test_a_database_that_can_not_be_read_is_told_at_its_place(run: Run) -> None:
    Path("conf/state/portcullis.db").write_bytes(b"no database" * 100)
    assert "the keys can't be read" in run("explain", "--who-can", "GET /orders", code=2).stderr
