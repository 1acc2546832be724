"""The call graph as it was used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from portcullis.control import service_report
from portcullis.control.service_report import ServiceReport, report
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.record import Record

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0", tls: {certificate: a, key: b, client_ca: c}}}
identities:
  mesh: {mtls: {trust_domain: a}}
  users: {jwt: {issuer: "https://id.example.com", audience: shop, jwks: auto}}
services:
  checkout: {subjects: "spiffe://a/checkout", may_call: [shop, "shop:GET /orders", "mail:POST /"]}
  reports: {subjects: "spiffe://a/reports", may_call: [shop]}
apis:
  shop:
    {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:9"]}, versions: {v1: {spec: shop.yaml}}, authenticate: [mesh]}
observe: {access_log: {path: access.jsonl}}
"""
SINCE = 1_780_000_000.0
CHECKOUT, REPORTS = "mesh:spiffe://a/checkout", "mesh:spiffe://a/reports"


def call(consumer: str, code: str = "", second: int = 50, **more: Any) -> bytes:
    fields: dict[str, Any] = {"api": "shop", "version": "v1", "operation": "GET /orders", "consumer": consumer, **more}
    at = f"2026-05-28T20:26:{second:02d}.000000Z"
    made = Record(at, f"id-{second}", "t", "c", "GET", "/", "refuse" if code else "allow", 200, code=code, **fields)
    return msgspec.json.encode(made) + b"\n"


def made(folder: Path, *lines: bytes) -> ServiceReport:
    (folder / "access.jsonl").write_bytes(b"".join(lines))
    return report(load_configuration(CONFIGURATION, "p.yaml"), folder / "p.yaml", SINCE)


def edges(told: ServiceReport) -> dict[tuple[str, str], int]:
    return {(edge.service, edge.may_call): edge.calls for edge in told.edges}


def test_calls_count_for_the_narrowest_edge(tmp_path: Path) -> None:
    told = made(tmp_path, call(CHECKOUT), call(CHECKOUT, operation="POST /orders"), call(REPORTS), call(REPORTS))
    assert edges(told) == {
        ("checkout", "shop"): 1,
        ("checkout", "shop:GET /orders"): 1,
        ("checkout", "mail:POST /"): 0,
        ("reports", "shop"): 2,
    }
    assert (told.records, told.unreadable, told.moves, told.complete) == (4, 0, [], True)


def test_a_service_is_seen_beside_a_user(tmp_path: Path) -> None:
    told = made(tmp_path, call("users:alice", also=[REPORTS], actors=["spiffe://a/reports"]))
    assert edges(told)["reports", "shop"] == 1


def test_users_and_strangers_use_no_edge(tmp_path: Path) -> None:
    told = made(tmp_path, call("users:alice"), call("users:spiffe://a/reports"), call("mesh:spiffe://a/x"), call(""))
    assert set(edges(told).values()) == {0}


def test_a_call_that_was_refused_for_who_made_it_uses_no_edge(tmp_path: Path) -> None:
    told = made(tmp_path, call(REPORTS, "authorize.missing_scope"), call(REPORTS, "validate.missing_parameter"))
    assert edges(told)["reports", "shop"] == 1


def test_what_is_none_of_the_graph_is_told_by_caller_and_place(tmp_path: Path) -> None:
    moved = "authorize.lateral_movement"
    told = made(
        tmp_path,
        call(REPORTS, moved, 50, operation="POST /orders"),
        call(REPORTS, moved, 51, operation="POST /orders"),
        call("mesh:spiffe://a/x", moved, 52, identity="spiffe://a/x"),
        call("users:alice", "authorize.wrong_actor", 53, identity="alice", also=[CHECKOUT]),
        call("", moved, 54),
    )
    assert [(move.code, move.caller, move.operation, move.count, move.request_id) for move in told.moves] == [
        (moved, "reports", "POST /orders", 2, "id-51"),
        ("authorize.wrong_actor", "checkout", "GET /orders", 1, "id-53"),
        (moved, "nobody", "GET /orders", 1, "id-54"),
        (moved, "spiffe://a/x", "GET /orders", 1, "id-52"),
    ]


def test_only_so_many_kinds_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_report, "MAX_MOVES", 2)
    moves = [call("mesh:x", "authorize.lateral_movement", identity=f"x{number}") for number in (1, 2, 3, 1)]
    told = made(tmp_path, *moves)
    assert [(move.caller, move.count) for move in told.moves] == [("x1", 2), ("x2", 1)]
    assert not told.complete


def test_older_records_and_lines_that_are_none_do_not_count(tmp_path: Path) -> None:
    old = call(REPORTS).replace(b"2026-05-28", b"2025-05-28")
    told = made(tmp_path, old, b"nothing\n", b"\n", call(REPORTS))
    assert (told.records, told.unreadable, edges(told)["reports", "shop"]) == (1, 1, 1)


def test_without_a_log_there_is_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no access\.jsonl yet"):
        report(load_configuration(CONFIGURATION, "p.yaml"), tmp_path / "p.yaml", SINCE)
