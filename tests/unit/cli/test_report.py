"""``portcullis report``: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rows import rows
from typer.testing import CliRunner

from portcullis.cli.main import app
from portcullis.control import permission_report
from portcullis.engine.decision import Finding
from portcullis.engine.facts import Verdict
from portcullis.engine.record import Record, Timestamps

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    validate: {request: {mode: monitor}}
observe: {access_log: {path: access.jsonl}}
"""
WOULD = Verdict(
    "validate.request",
    "would_refuse",
    "validate.undeclared_query",
    "no",
    Finding("/query/x", "x", "limit", "shop.yaml#/paths/~1orders/get"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "portcullis.yaml").write_text(CONFIGURATION)
    (tmp_path / "shop.yaml").write_text("paths:\n  /orders:\n    get: {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *verdicts: tuple[Verdict, ...], seconds_ago: float = 60.0) -> None:
    at = Timestamps().format(time.time() - seconds_ago)
    places = {"api": "shop", "version": "v1", "operation": "GET /orders", "consumer": "acme"}
    records = [
        Record(at, f"id-{number}", "t", "c", "GET", "/orders", "allow", 200, verdicts=each, **places)
        for number, each in enumerate(verdicts)
    ]
    (folder / "access.jsonl").write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def test_findings_are_told_with_what_to_change_and_end_with_1(folder: Path) -> None:
    write(folder, (WOULD,), (), (WOULD,))
    done = CliRunner().invoke(app, ["report", "monitor"])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0].startswith("access.jsonl: 3 records since ")
    assert lines[2:5] == [
        "validate.undeclared_query at /query/x",
        "  in      GET /orders of shop v1",
        "  calls   2 of 3, by acme",
    ]
    assert lines[5].endswith("for example id-2")
    assert lines[6:10] == [
        "  found   x; allowed is limit",
        "  rule    #/paths/~1orders/get shop.yaml:3",
        "  mode    apis.shop.validate.request.mode portcullis.yaml:9",
        "  enforce calls like these would be refused with 400 validate.undeclared_query at /query/x",
    ]
    assert lines[-1] == "2 calls would have been refused"


def test_nothing_found_ends_with_0_and_says_what_may_be_enforced(folder: Path) -> None:
    write(folder, (), ())
    done = CliRunner().invoke(app, ["report", "monitor"])
    assert done.exit_code == 0
    assert (
        "apis.shop.validate.request.mode portcullis.yaml:9: had nothing against any of 2 calls"
        in done.output.splitlines()
    )
    assert done.output.splitlines()[-1] == "nothing would have been refused"


def test_a_time_without_records_ends_with_2_and_says_so(folder: Path) -> None:
    write(folder, (WOULD,), seconds_ago=7200)
    assert CliRunner().invoke(app, ["report", "monitor"]).exit_code == 1
    done = CliRunner().invoke(app, ["report", "monitor", "--since", "1h"])
    assert done.exit_code == 2
    assert done.output.startswith("access.jsonl: nothing to report on: access.jsonl: no record since ")


def test_as_json_it_holds_the_same(folder: Path) -> None:
    write(folder, (WOULD,))
    done = CliRunner().invoke(app, ["report", "monitor", "--format", "json"])
    report = json.loads(done.output)
    assert done.exit_code == 1
    assert (report["records"], report["refused"]) == (1, 1)
    assert report["groups"][0]["mode_at"] == "portcullis.yaml:9"
    assert report["groups"][0]["rule_at"] == "shop.yaml:3"


@rows("since", ["yesterday", "5", "-1h", ""])
def test_what_is_no_duration_is_a_usage_error(folder: Path, since: str) -> None:
    done = CliRunner().invoke(app, ["report", "monitor", "--since", since])
    assert done.exit_code == 2
    assert "--since" in done.output


def test_without_a_log_it_ends_with_2_and_says_why(folder: Path) -> None:
    done = CliRunner().invoke(app, ["report", "monitor"])
    assert done.exit_code == 2
    assert "there is no access.jsonl yet" in done.output


def test_a_broken_configuration_ends_with_2(folder: Path) -> None:
    (folder / "portcullis.yaml").write_text("a: [")
    assert CliRunner().invoke(app, ["report", "monitor"]).exit_code == 2


PERMITTED = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
roles: {clerk: ["orders:read"], manager: ["orders:*"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "GET /orders": {authorize: {permissions: ["orders:read"]}}
      "POST /orders": {authorize: {permissions: ["orders:write"]}}
observe: {access_log: {path: access.jsonl}}
state: {directory: state}
"""
DOCUMENT = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
    post: {responses: {"204": {description: ok}}}
"""


@pytest.fixture
def used(folder: Path) -> Callable[..., None]:
    """Writes that ``acme``, whose roles are clerk and manager, made calls of these operations."""
    (folder / "portcullis.yaml").write_text(PERMITTED)
    (folder / "shop.yaml").write_text(DOCUMENT)
    options = ["--role", "clerk", "--role", "manager", "--scope", "s", "--format", "json"]
    done = CliRunner().invoke(app, ["keys", "create", "acme", *options])
    key = json.loads(done.stdout)["record"]["id"]

    def write_calls(*operations: str, decision: str = "allow", code: str = "") -> None:
        at = Timestamps().format(time.time() - 60)
        places = {"api": "shop", "version": "v1", "consumer": "acme", "credential": key, "code": code}
        records = [
            Record(at, "id", "t", "c", "GET", "/orders", decision, 200, operation=operation, **places)
            for operation in operations
        ]
        with (folder / "access.jsonl").open("ab") as log:
            log.writelines(msgspec.json.encode(record) + b"\n" for record in records)

    return write_calls


def test_what_was_granted_and_never_used_is_told_and_ends_with_1(used: Callable[..., None]) -> None:
    used("GET /orders", "GET /orders")
    used("POST /orders", decision="refuse", code="authorize.missing_permission")
    done = CliRunner().invoke(app, ["report", "permissions"])
    assert done.exit_code == 1
    lines = [re.sub(r"(?<=key )[0-9a-z]{8}", "an-id", line) for line in done.output.splitlines()]
    assert lines[0].startswith("access.jsonl: 3 records since ")
    assert lines[2:] == [
        "acme, 2 calls",
        "  permissions orders:write",
        "  scopes      s of key an-id",
        "",
        "no call of POST /orders of shop v1 (1 call refused)",
        "",
        "1 consumer with something unused, 1 operation that nobody called",
    ]


@pytest.mark.slow
def test_roles_and_keys_are_told_too(used: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    CliRunner().invoke(app, ["keys", "create", "beta", "--role", "manager"])
    used("GET /orders")
    lines = CliRunner().invoke(app, ["report", "permissions"]).output.splitlines()
    after = lines[lines.index("beta, 0 calls") + 1 :]
    assert after[:2] == ["  roles       manager", "  permissions orders:read, orders:write"]
    assert after[2].startswith("  keys        ")
    monkeypatch.setattr(permission_report, "MAX_USES", 0)
    assert "some of this may have been used" in CliRunner().invoke(app, ["report", "permissions"]).output


def test_where_everything_was_used_that_is_said_and_ends_with_0(used: Callable[..., None], folder: Path) -> None:
    (folder / "portcullis.yaml").write_text(PERMITTED.replace('["orders:write"]', '["orders:write"], scopes: [s]'))
    used("GET /orders", "POST /orders")
    done = CliRunner().invoke(app, ["report", "permissions", "--since", "1h"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "everything that was granted was used")


def test_permissions_without_records_end_with_2(used: Callable[..., None], folder: Path) -> None:
    (folder / "access.jsonl").write_bytes(b"")
    done = CliRunner().invoke(app, ["report", "permissions", "--format", "json"])
    assert (done.exit_code, json.loads(done.output)["records"]) == (2, 0)


SERVICES = """\
listeners: {public: {bind: "127.0.0.1:0", tls: {certificate: a, key: b, client_ca: c}}}
identities: {mesh: {mtls: {trust_domain: a}}}
services:
  checkout: {subjects: "spiffe://a/checkout", may_call: [shop]}
  reports: {subjects: "spiffe://a/reports", may_call: ["shop:GET /orders"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [mesh]
observe: {access_log: {path: access.jsonl}}
"""


def write_calls(folder: Path, *calls: tuple[str, str]) -> None:
    """Records of calls by services, each with its code."""
    (folder / "portcullis.yaml").write_text(SERVICES)
    at = Timestamps().format(time.time() - 60.0)
    places = {"api": "shop", "version": "v1", "operation": "GET /orders"}
    records = [
        Record(
            at,
            f"id-{number}",
            "t",
            "c",
            "GET",
            "/",
            "allow",
            200,
            code=code,
            consumer=f"mesh:spiffe://a/{who}",
            **places,
        )
        for number, (who, code) in enumerate(calls)
    ]
    (folder / "access.jsonl").write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def test_edges_without_a_call_and_calls_that_are_none_are_told(folder: Path) -> None:
    write_calls(folder, ("checkout", ""), ("other", "authorize.lateral_movement"))
    done = CliRunner().invoke(app, ["report", "services"])
    assert done.exit_code == 1
    assert "authorize.lateral_movement: nobody to GET /orders of shop" in done.stdout
    assert "checkout may call shop: 1 call" in done.stdout
    assert "reports may call shop:GET /orders: no call" in done.stdout
    assert "1 edge without a call, 1 refused call" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["report", "services", "--format", "json"]).stdout)
    assert [edge["calls"] for edge in told["edges"]] == [1, 0]


def test_a_graph_that_was_used_ends_with_0(folder: Path) -> None:
    write_calls(folder, ("checkout", ""), ("reports", ""))
    done = CliRunner().invoke(app, ["report", "services"])
    assert done.exit_code == 0, done.stdout
    assert "every edge was used, and nothing else was tried" in done.stdout


def test_a_graph_without_records_ends_with_2(folder: Path) -> None:
    write_calls(folder)
    assert CliRunner().invoke(app, ["report", "services"]).exit_code == 2
