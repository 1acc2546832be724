"""``portcullis check``: everything that is wrong, in one run, and what would be served."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from portcullis.cli.check import report_on
from portcullis.cli.main import app

RUNNER = CliRunner()

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders: {get: {responses: {"204": {description: ok}}}}
  /status: {get: {responses: {"204": {description: ok}}}}
"""

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:8080"}
identities:
  partners: {api_key: {header: X-API-Key}}
roles:
  clerk: ["orders:read"]
apis:
  shop:
    hosts: [api.shop.example]
    base_path: /shop
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "GET /status": {public: true}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "shop.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "conf" / "p.yaml").write_text(CONFIGURATION, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conf"


def test_a_sound_file_is_told_with_what_would_be_served(folder: Path) -> None:
    result = RUNNER.invoke(app, ["check", "conf/p.yaml"])
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "public http://127.0.0.1:8080 APIs" in lines
    assert "shop v1 api.shop.example 2 (1 public) authenticate.api_key (1 of 2) http://127.0.0.1:9000" in lines
    assert lines[-1] == "conf/p.yaml: no errors, 1 warning"
    told = "warning: roles: no operation asks for a permission: roles decide nothing"
    assert f"conf/p.yaml:5:1: {told}" in lines


def test_all_errors_are_told_with_place_line_and_help(folder: Path) -> None:
    text = CONFIGURATION.replace("base_path", "base_paht").replace("[partners]", "[partner]")
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    result = RUNNER.invoke(app, ["check", "conf/p.yaml"])
    assert result.exit_code == 2
    assert result.output == (
        'conf/p.yaml:10:5: error: apis.shop.base_paht: unknown key "base_paht"\n'
        "     10 |     base_paht: /shop\n"
        "        |     ^\n"
        '  help: did you mean "base_path"?\n'
        "\n"
        'conf/p.yaml:13:20: error: apis.shop.authenticate[0]: there is no identity "partner"\n'
        "     13 |     authenticate: [partner]\n"
        "        |                    ^\n"
        "  help: declared: partners\n"
        "\n"
        "conf/p.yaml: 2 errors, no warnings\n"
    )


def test_errors_of_a_document_can_be_opened_from_here(folder: Path) -> None:
    (folder / "shop.yaml").write_text(SPEC.replace("responses", "respnses", 1), encoding="utf-8")
    report = report_on(Path("conf/p.yaml"))
    assert report.errors
    assert {diagnostic.file for diagnostic in report.diagnostics if diagnostic.severity == "error"} == {
        "conf/shop.yaml"
    }


def test_json_holds_the_same(folder: Path) -> None:
    result = RUNNER.invoke(app, ["check", "conf/p.yaml", "--format", "json"])
    report = json.loads(result.output)
    assert result.exit_code == 0
    assert (report["errors"], report["warnings"]) == (0, 1)
    assert report["diagnostics"][0]["pointer"] == "roles"
    assert report["served"]["versions"][0]["operations"] == 2
    (folder / "p.yaml").write_text("", encoding="utf-8")
    result = RUNNER.invoke(app, ["check", "conf/p.yaml", "--format", "json"])
    assert result.exit_code == 2
    assert json.loads(result.output)["served"] is None


def test_without_a_name_the_file_of_the_working_directory_is_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert "portcullis.yaml: error: the file can't be read" in RUNNER.invoke(app, ["check"]).output
    (folder / "p.yaml").rename(folder / "portcullis.yaml")
    assert RUNNER.invoke(app, ["check"]).exit_code == 0


@pytest.mark.slow
def test_the_schema_for_editors_is_printed() -> None:
    result = RUNNER.invoke(app, ["check", "--json-schema"])
    assert result.exit_code == 0
    jsonschema_rs.meta.validate(json.loads(result.output))


def test_warnings_about_a_document_are_told_with_those_about_the_file(folder: Path) -> None:
    (folder / "shop.yaml").write_text(SPEC.replace("{description: ok}", "{}", 1), encoding="utf-8")
    report = report_on(Path("conf/p.yaml"))
    assert (report.errors, report.warnings) == (0, 2)
    assert [diagnostic.file for diagnostic in report.diagnostics] == ["conf/p.yaml", "conf/shop.yaml"]
    assert report.served is not None


def test_a_control_that_no_request_meets_is_an_error(folder: Path) -> None:
    (folder / "p.yaml").write_text(CONFIGURATION.replace('roles:\n  clerk: ["orders:read"]', "plans: {free: {}}"))
    result = RUNNER.invoke(app, ["check", "conf/p.yaml"])
    assert result.exit_code == 2
    assert "conf/p.yaml:5:9: error: plans.free: no limit uses this plan" in result.output
