"""What monitor would have refused, from records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portcullis.control import monitor_report
from portcullis.control.monitor_report import Group, MonitorReport, report
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision import Finding
from portcullis.engine.facts import Verdict
from portcullis.engine.record import Record
from portcullis.testing import FakeFiles

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
plans: {gold: {rate: {requests: 1, per: day}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    limit: {plan: gold, mode: monitor}
    validate: {request: {mode: monitor}}
observe: {access_log: {path: logs/access.jsonl, keep: 2}}
"""
SPEC = "paths:\n  /orders:\n    get:\n      parameters: [{name: limit, in: query}]\n"
SOURCE = "shop.yaml#/paths/~1orders/get/parameters/0"
SINCE = 1_780_000_000.0
LATER = "2026-05-28T20:26:%02d.000000Z"

Write = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "logs").mkdir(parents=True)
    return tmp_path / "conf"


def record(second: int = 50, *verdicts: Verdict, **more: Any) -> bytes:
    fields = {"api": "shop", "version": "v1", "operation": "GET /orders", "consumer": "acme", **more}
    made = Record(LATER % second, f"id-{second}", "t", "c", "GET", "/x", "allow", 200, verdicts=verdicts, **fields)
    return msgspec.json.encode(made) + b"\n"


def refused(pointer: str = "/query/limit", code: str = "validate.bad_parameter", source: str = SOURCE) -> Verdict:
    return Verdict("validate.request", "would_refuse", code, "no", Finding(pointer, "x", "a number", source))


def made(folder: Path, *lines: bytes, since: float = SINCE, text: str = CONFIGURATION) -> MonitorReport:
    (folder / "logs" / "access.jsonl").write_bytes(b"".join(lines))
    loaded = load_configuration(text, "conf/p.yaml")
    return report(loaded, folder / "p.yaml", FakeFiles({"shop.yaml": SPEC}), since)


def test_a_group_has_what_happened_and_what_to_change(folder: Path) -> None:
    found = made(folder, record(51, refused()), record(50), record(52, refused(), consumer="beta"))
    (group,) = found.groups
    assert (found.records, found.refused, found.changed, found.unreadable) == (3, 2, 0, 0)
    assert (found.first, found.last) == (LATER % 50, LATER % 52)
    assert (group.policy, group.code, group.operation) == ("validate.request", "validate.bad_parameter", "GET /orders")
    assert (group.count, group.of_calls, group.consumers, group.consumer_count) == (2, 3, ["acme", "beta"], 2)
    assert (group.first, group.last, group.request_id) == (LATER % 51, LATER % 52, "id-52")
    assert (group.pointer, group.found, group.allowed) == ("/query/limit", "x", "a number")
    assert (group.rule, group.rule_at) == ("#/paths/~1orders/get/parameters/0", f"{folder}/shop.yaml:4")
    assert (group.mode, group.mode_at) == ("apis.shop.validate.request.mode", f"{folder}/p.yaml:11")
    assert group.if_enforced == "calls like these would be refused with 400 validate.bad_parameter at /query/limit"


def test_the_caller_is_told_the_code_that_it_would_see(folder: Path) -> None:
    missing = Verdict("authenticate.api_key", "would_refuse", "authenticate.missing")
    text = CONFIGURATION.replace("authenticate: [partners]", "authenticate: {any_of: [partners], mode: monitor}")
    (group,) = made(folder, record(50, missing), text=text).groups
    assert group.if_enforced == "calls like these would be refused with 401 authenticate.failed"
    assert group.mode == "apis.shop.authenticate.mode"


def test_items_of_lists_are_one_place(folder: Path) -> None:
    lines = [record(50, refused(f"/body/items/{index}/qty"), refused("/body/x")) for index in range(30)]
    found = made(folder, *lines)
    assert {(group.pointer, group.count) for group in found.groups} == {("/body/items/*/qty", 30), ("/body/x", 30)}
    assert found.refused == 30


def test_two_of_a_kind_in_one_call_are_one_call(folder: Path) -> None:
    (group,) = made(folder, record(50, refused("/body/0"), refused("/body/1"))).groups
    assert group.count == 1


def test_the_groups_with_the_most_calls_come_first(folder: Path) -> None:
    lines = [record(50, refused("/query/a")), *[record(51, refused("/query/b"))] * 3]
    assert [group.pointer for group in made(folder, *lines).groups] == ["/query/b", "/query/a"]


def test_what_would_be_changed_is_told_apart(folder: Path) -> None:
    changed = Verdict("validate.request", "would_modify", "validate.undeclared_field", "", Finding("/body/x"))
    found = made(folder, record(50, changed))
    assert (found.refused, found.changed) == (0, 1)
    assert found.groups[0].if_enforced == "calls like these would be changed at /body/x"


def test_verdicts_that_were_enforced_are_no_findings(folder: Path) -> None:
    enforced = [Verdict("validate.request", outcome, "validate.schema") for outcome in ("refuse", "error", "modify")]  # type: ignore[arg-type]
    assert made(folder, record(50, *enforced)).groups == []


def test_only_the_time_that_was_asked_for_counts_whichever_file_it_is_in(folder: Path) -> None:
    (folder / "logs" / "access.jsonl.1").write_bytes(record(30, refused()) + record(49, refused()))
    found = made(folder, record(50, refused()), since=1_780_000_000.0 + 8)
    assert (found.records, found.files) == (2, ["access.jsonl.1", "access.jsonl"])
    assert found.groups[0].count == 2
    assert made(folder, record(50), since=4e9).records == 0


def test_lines_that_are_no_records_are_counted(folder: Path) -> None:
    found = made(folder, b"garbage\n", b"\n", b'{"time": 5}\n', b"[]\n", record(50), b'{"time": "2026-')
    assert (found.records, found.unreadable) == (1, 3)


def test_what_the_file_has_no_more_is_still_told(folder: Path) -> None:
    (group,) = made(folder, record(50, refused(), api="gone")).groups
    assert (group.rule, group.mode, group.count) == ("", "", 1)


def test_what_had_nothing_to_object_is_told(folder: Path) -> None:
    found = made(folder, record(50, refused()), record(51))
    assert [(rule.mode, rule.calls) for rule in found.quiet] == [("apis.shop.limit.mode", 2)]


def test_memory_is_bounded_whatever_callers_send(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_report, "MAX_GROUPS", 5)
    monkeypatch.setattr(monitor_report, "MAX_CONSUMERS", 3)
    lines = [record(50, refused(f"/query/{'x' * number}"), consumer=f"c{number}") for number in range(1, 20)]
    found = made(folder, *lines)
    assert len(found.groups) == 6
    rest: Group = next(group for group in found.groups if group.pointer == "...")
    assert (rest.count, rest.consumer_count) == (14, 3)
    assert rest.if_enforced.endswith("validate.bad_parameter")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONFIGURATION.partition("observe")[0], "there is no access log to report on"),
        (CONFIGURATION, "there is no logs/access.jsonl yet"),
        (CONFIGURATION.replace("logs/access.jsonl", "logs"), "logs can't be read: Is a directory"),
    ],
)
def test_where_there_is_no_log_that_is_an_error_at_its_place(folder: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        report(load_configuration(text, "conf/p.yaml"), folder / "p.yaml", FakeFiles({}), SINCE)
    assert caught.value.diagnostics[0].file == "conf/p.yaml"


@pytest.mark.slow
def test_a_large_log_is_read_as_a_stream(folder: Path) -> None:
    line, finding = record(50), record(51, refused())
    (folder / "logs" / "access.jsonl").write_bytes((line * 99 + finding) * 300)
    found = report(
        load_configuration(CONFIGURATION, "p.yaml"), folder / "p.yaml", FakeFiles({"shop.yaml": SPEC}), SINCE
    )
    assert (found.records, found.groups[0].count) == (30_000, 300)
