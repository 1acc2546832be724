"""``portcullis report monitor``: what it prints, and how it ends."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from portcullis.cli.main import app
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


@pytest.mark.parametrize("since", ["yesterday", "5", "-1h", ""])
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
