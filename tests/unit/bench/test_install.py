from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import install
from bench.errors import InstallError
from rows import rows


@rows("name", ["envoy", "py-spy"])
def test_wheels_are_pinned_by_hash_and_name_no_registry(name: str) -> None:
    text = (install.REQUIREMENTS / f"{name}.txt").read_text()

    assert re.search(r"^[a-z-]+==[\d.]+ \\$", text, re.MULTILINE)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 1
    assert "://" not in text


def test_a_program_that_is_there_is_not_installed() -> None:
    assert install.from_apt("sh", "dash").name == "sh"


def test_a_program_without_the_files_it_needs_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(InstallError, match="apt-get install dash a-module"):
        install.from_apt("sh", "dash", "a-module", files=[tmp_path / "module.so"])


def test_all_packages_are_installed_without_their_services_coming_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module, policy = tmp_path / "module.so", tmp_path / "policy-rc.d"
    ran: list[list[str]] = []

    def run(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        assert policy.read_text().endswith("exit 101\n")
        ran.append(argv[1:])
        if argv[1] == "install":
            module.touch()
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/bin/{name}")
    monkeypatch.setattr(install, "_POLICY", policy)
    monkeypatch.setattr(subprocess, "run", run)

    assert install.from_apt("sh", "dash", "a-module", files=[module]) == Path("/bin/sh")
    assert ran == [["update", "-q"], ["install", "-qy", "--no-install-recommends", "dash", "a-module"]]
    assert not policy.exists()


def test_a_program_that_is_needed_is_there_or_its_absence_is_explained() -> None:
    tools = install.Tools({"wrk": Path("/usr/bin/wrk")}, {"haproxy": "it is not installed"})

    assert tools.need("wrk") == Path("/usr/bin/wrk")
    with pytest.raises(InstallError, match="it is not installed"):
        tools.need("haproxy")
    with pytest.raises(InstallError, match="envoy was not asked for"):
        tools.need("envoy")


def test_without_root_it_is_told_what_would_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(InstallError, match="apt-get install a-package"):
        install.from_apt("no-such-program-here", "a-package")


def test_what_cannot_be_had_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    tools = install.get_tools(tmp_path, ["portcullis"])

    assert tools.paths == {}
    assert "portcullis is not there" in tools.left_out["portcullis"]


def test_the_version_is_what_the_program_says_and_not_part_of_its_path(tmp_path: Path) -> None:
    program = tmp_path / "python3.11" / "envoy"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$0  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL"\n')
    program.chmod(0o755)

    assert install.Tools({"envoy": program}).versions() == {"envoy": "1.40.0"}
