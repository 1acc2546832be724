"""A configuration in several files: checked, served, reloaded and explained as one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from gateway import Gateway, end, start, wait_for
from upstream import Upstream

from conftest import write_files

MAIN = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
include: apis/*.yaml
process: {drain: 5s}
"""
API = """\
apis:
  NAME:
    hosts: [NAME.example]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: ../shop.yaml}}
    authenticate: [partners]
    validate: {request: {mode: "off"}}
    operations:
      "GET /open/{name}": {public: true}
"""


def add(directory: Path, name: str, service: Upstream) -> None:
    (directory / "apis").mkdir(exist_ok=True)
    text = API.replace("NAME", name).replace("UPSTREAM", service.url)
    (directory / "apis" / f"{name}.yaml").write_text(text)


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portcullis", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, check=False, text=True)


@pytest.fixture
def estate(tmp_path: Path, upstream: Upstream) -> Path:
    write_files(tmp_path, upstream, lambda _text: MAIN)
    for name in ("shop", "billing"):
        add(tmp_path, name, upstream)
    return tmp_path


def status(gateway: Gateway, host: str) -> int:
    return httpx.get(f"{gateway.url}/shop/open/x", headers={"host": host}).status_code


def test_every_included_api_is_served_and_a_reload_looks_for_new_files(estate: Path, upstream: Upstream) -> None:
    gateway = start(estate)
    try:
        assert [status(gateway, f"{name}.example") for name in ("shop", "billing", "later")] == [200, 200, 421]
        add(estate, "later", upstream)
        (estate / "apis" / "billing.yaml").unlink()
        gateway.reload()
        wait_for(lambda: status(gateway, "later.example") == 200, "the reload")
        assert [status(gateway, f"{name}.example") for name in ("shop", "billing")] == [200, 421]
    finally:
        end(gateway)


def test_a_reload_with_a_broken_included_file_changes_nothing_and_names_the_file(estate: Path) -> None:
    gateway = start(estate)
    try:
        shop = estate / "apis" / "shop.yaml"
        shop.write_text(shop.read_text().replace("authenticate: [partners]", "authenticate: [nobody]"))
        gateway.reload()
        wait_for(lambda: "nothing was changed" in gateway.errors(), "the refusal")
        assert (
            'apis/shop.yaml:6:20: error: apis.shop.authenticate[0]: there is no identity "nobody"' in gateway.errors()
        )
        assert status(gateway, "shop.example") == 200
    finally:
        end(gateway)


def test_check_and_explain_name_the_included_file(estate: Path) -> None:
    (estate / "conf").symlink_to(estate)
    checked = run(estate, "check", "conf/portcullis.yaml", "--format", "json")
    assert checked.returncode == 0, checked.stdout
    assert [version["api"] for version in json.loads(checked.stdout)["served"]["versions"]] == ["billing", "shop"]
    explained = run(estate, "explain", "GET /shop/open/x", "-c", "conf/portcullis.yaml", "-H", "host: shop.example")
    assert explained.returncode == 0, explained.stderr
    assert "conf/apis/shop.yaml:9" in explained.stdout
    (estate / "apis" / "shop.yaml").write_text("apis: {shop: {hosts: [a b]}}\n")
    broken = run(estate, "check", "conf/portcullis.yaml")
    assert broken.returncode == 2
    assert "conf/apis/shop.yaml:1:23: error: apis.shop.hosts[0]:" in broken.stdout


@pytest.mark.slow
def test_an_estate_of_300_files_is_checked_in_seconds(estate: Path, upstream: Upstream) -> None:
    for number in range(298):
        add(estate, f"api-{number:03}", upstream)
    began = time.monotonic()
    checked = run(estate, "check", "--format", "json")
    assert checked.returncode == 0, checked.stdout
    assert time.monotonic() - began < 30
    report = json.loads(checked.stdout)
    assert len(report["served"]["versions"]) == 300
    assert report["errors"] == 0
