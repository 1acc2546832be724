"""What was granted and never used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.control import permission_report
from portcullis.control.key_orders import KeyRecord
from portcullis.control.permission_report import PermissionReport, report
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.record import Record
from portcullis.testing import FakeClock, FakeFiles

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
components:
  securitySchemes:
    login: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.example/t", scopes: {w: W}}}}
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
    post: {security: [{login: [w]}], responses: {"204": {description: ok}}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete: {responses: {"204": {description: ok}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
roles:
  clerk: ["orders:read"]
  manager: {permissions: ["orders:*"], inherits: [clerk]}
  remover: ["orders:delete"]
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    authorize: {permissions: {any_of: ["orders:read", "orders:list"]}}
    operations:
      "DELETE /orders/{id}": {authorize: {permissions: ["orders:delete"]}}
      "POST /orders": {authorize: {scopes: [x]}}
observe: {access_log: {path: access.jsonl, keep: 1}}
"""
SINCE = 1_780_000_000.0
LATER = "2026-05-28T20:26:%02d.000000Z"
GET, POST, DELETE = "GET /orders", "POST /orders", "DELETE /orders/{id}"


def key(name: str, consumer: str, *roles: str, scopes: tuple[str, ...] = ()) -> KeyRecord:
    return KeyRecord(name, "sha256:" + "0" * 64, consumer, roles=roles, scopes=scopes)


ONE, TWO = key("one", "acme", "manager", scopes=("w", "x", "y")), key("two", "acme", "manager", scopes=("w",))
BETA = key("beta", "beta", "clerk", "remover")


def call(operation: str, credential: str = "one", code: str = "", **more: Any) -> bytes:
    fields = {"api": "shop", "version": "v1", "consumer": "acme", "operation": operation, "credential": credential}
    decision = "refuse" if code else "allow"
    made = Record(LATER % 50, "id", "t", "c", "GET", "/x", decision, 200, code=code, **{**fields, **more})
    return msgspec.json.encode(made) + b"\n"


def made(
    folder: Path, *lines: bytes, keys: tuple[KeyRecord, ...] = (ONE, TWO), since: float = SINCE
) -> PermissionReport:
    (folder / "access.jsonl").write_bytes(b"".join(lines))
    files = FakeFiles({"shop.yaml": SPEC})
    return report(load_configuration(CONFIGURATION, "p.yaml"), folder / "p.yaml", files, FakeClock(), keys, since)


def test_what_a_consumer_did_not_use_is_told(tmp_path: Path) -> None:
    found = made(tmp_path, call(GET), call(GET), call(POST))
    (acme,) = found.consumers
    assert (acme.name, acme.calls) == ("acme", 3)
    assert acme.roles == []
    assert acme.permissions == ["orders:delete"]
    assert acme.scopes == {"one": ["y"], "two": ["w"]}
    assert acme.keys == ["two"]
    assert [operation.operation for operation in found.operations] == [DELETE]
    assert (found.records, found.unreadable, found.first, found.last) == (3, 0, LATER % 50, LATER % 50)
    assert found.complete


def test_who_used_everything_is_not_told_of(tmp_path: Path) -> None:
    found = made(
        tmp_path, call(GET), call(DELETE), call(POST), keys=(key("one", "acme", "manager", scopes=("w", "x")),)
    )
    assert (found.consumers, found.operations) == ([], [])


def test_a_role_is_used_if_it_gives_what_was_used(tmp_path: Path) -> None:
    (beta,) = made(tmp_path, call(GET, "beta"), keys=(BETA,)).consumers
    assert (beta.roles, beta.permissions) == (["remover"], ["orders:delete"])
    assert made(tmp_path, call(GET, "beta"), call(DELETE, "beta"), keys=(BETA,)).consumers == []


def test_who_never_called_used_nothing(tmp_path: Path) -> None:
    (beta,) = made(tmp_path, call(GET, "other"), keys=(BETA,)).consumers
    assert (beta.calls, beta.roles, beta.keys) == (0, ["clerk", "remover"], ["beta"])
    assert beta.permissions == ["orders:delete", "orders:read"]


@rows(
    ("code", "used"),
    [
        ("guard.address_denied", False),
        ("authenticate.failed", False),
        ("authorize.missing_permission", False),
        ("limit.rate_exceeded", True),
        ("validate.schema", True),
        ("upstream.timeout", True),
    ],
)
def test_a_call_that_was_refused_for_who_made_it_used_nothing(
    code: str, used: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = made(tmp_path_factory.mktemp("log"), call(DELETE, code=code), keys=(ONE,))
    (acme,) = found.consumers
    assert ("orders:delete" in acme.permissions) is not used
    refused = {operation.operation: operation.refused for operation in found.operations}
    assert refused == {GET: 0, POST: 0, **({} if used else {DELETE: 1})}


def test_what_is_not_of_this_gateway_any_more_counts_for_nothing(tmp_path: Path) -> None:
    found = made(tmp_path, call("GET /gone"), call(GET, api="other"), call("", "one"), keys=(ONE,))
    assert found.records == 3
    assert len(found.operations) == 3
    assert found.consumers[0].permissions == ["orders:delete", "orders:list", "orders:read"]


def test_only_the_time_that_was_asked_for_counts_whichever_file_it_is_in(tmp_path: Path) -> None:
    old = call(DELETE).replace(b"20:26:50", b"20:26:45")
    (tmp_path / "access.jsonl.1").write_bytes(old)
    assert made(tmp_path, call(GET)).records == 2
    found = made(tmp_path, call(GET), since=SINCE + 8)
    assert (found.records, found.files) == (1, ["access.jsonl.1", "access.jsonl"])
    assert DELETE in [operation.operation for operation in found.operations]


def test_lines_that_are_no_records_are_counted(tmp_path: Path) -> None:
    found = made(tmp_path, b"garbage\n", b"\n", b'{"time": 5}\n', b"[]\n", call(GET), b'{"time": "2026-')
    assert (found.records, found.unreadable) == (1, 3)


def test_memory_is_bounded_and_what_follows_from_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission_report, "MAX_USES", 3)
    found = made(tmp_path, *(call(f"GET /{number}") for number in range(20)), *[call("GET /0")] * 5)
    assert not found.complete
    assert found.records == 25


def test_without_a_log_that_is_an_error_at_its_place(tmp_path: Path) -> None:
    files = FakeFiles({"shop.yaml": SPEC})
    with pytest.raises(ConfigurationError, match=r"there is no access\.jsonl yet"):
        report(load_configuration(CONFIGURATION, "p.yaml"), tmp_path / "p.yaml", files, FakeClock(), (), SINCE)
