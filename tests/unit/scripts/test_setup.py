from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = '[build-system]\nrequires = []\n[project]\nname = "x"\n[tool.ruff]\nline-length = 120\n'


@pytest.fixture(scope="module")
def setup(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("setup")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    for name in ("bootstrap", "runtime", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1 --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    return tmp_path


def stamped(setup: ModuleType, checkout: Path, group: str) -> Any:
    environment = setup.Environment(checkout)
    environment.stamp(group).write_text(environment.digest(group))
    return environment


def test_an_environment_set_up_from_the_same_locks_is_kept(setup: ModuleType, checkout: Path) -> None:
    assert stamped(setup, checkout, "runtime").serves("runtime")


def test_an_environment_for_development_serves_the_demo_too(setup: ModuleType, checkout: Path) -> None:
    environment = stamped(setup, checkout, "dev")
    assert environment.serves("runtime")


def test_an_environment_for_the_demo_does_not_serve_development(setup: ModuleType, checkout: Path) -> None:
    environment = stamped(setup, checkout, "runtime")
    assert not environment.serves("dev")


@pytest.mark.parametrize("changed", ["requirements/bootstrap.txt", "requirements/runtime.txt"])
def test_a_changed_lock_asks_for_a_new_set_up(setup: ModuleType, checkout: Path, changed: str) -> None:
    environment = stamped(setup, checkout, "runtime")
    (checkout / changed).write_text("other==2\n")
    assert not environment.serves("runtime")


def test_a_changed_entry_point_asks_for_a_new_set_up_and_a_changed_linter_does_not(
    setup: ModuleType, checkout: Path
) -> None:
    environment = stamped(setup, checkout, "runtime")
    (checkout / "pyproject.toml").write_text(PROJECT.replace("120", "100"))
    assert environment.serves("runtime")
    (checkout / "pyproject.toml").write_text(PROJECT + '[project.scripts]\nx = "y:z"\n')
    assert not environment.serves("runtime")


def test_an_environment_whose_interpreter_is_gone_is_not_used(setup: ModuleType, checkout: Path) -> None:
    environment = stamped(setup, checkout, "runtime")
    (checkout / ".venv" / "bin" / "python").unlink()
    assert not environment.serves("runtime")


def test_pips_settings_reach_uv_unless_uv_has_its_own(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = "global.index-url='file:///mirror/simple'\n:env:.cert='/ca.pem'\nglobal.timeout='60'\n"

    def config_list(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout=listing)

    monkeypatch.setattr(setup.subprocess, "run", config_list)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert setup.settings_for_uv(["pip"]) == {"UV_DEFAULT_INDEX": "file:///mirror/simple", "SSL_CERT_FILE": "/ca.pem"}
    monkeypatch.setenv("SSL_CERT_FILE", "/own.pem")
    assert setup.settings_for_uv(["pip"]) == {"UV_DEFAULT_INDEX": "file:///mirror/simple"}


def test_an_old_python_is_told_so(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup.sys, "version_info", (3, 9))
    with pytest.raises(SystemExit) as end:
        setup.main(["dev"])
    assert end.value.code == 2
    assert "Python 3.11 or newer" in capsys.readouterr().err


def test_the_locks_hold_hashes_and_name_no_host() -> None:
    folder = Path(__file__).resolve().parents[3] / "requirements"
    for lock in folder.glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        packages = [part for part in text.split("\n") if part and part[0].isalnum()]
        assert packages
        assert all(line.endswith("\\") for line in packages), "a pin without a hash"


def test_every_dependency_that_is_declared_is_locked() -> None:
    root = Path(__file__).resolve().parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    declared = {
        "bootstrap": groups["bootstrap"],
        "runtime": project["project"]["dependencies"],
        "dev": [*project["project"]["dependencies"], *groups["dev"]],
    }
    for lock, dependencies in declared.items():
        text = (root / "requirements" / f"{lock}.txt").read_text()
        locked = set(re.findall(r"^([a-z0-9.-]+)==", text, re.MULTILINE))
        names = {re.split(r"[<>=\[; ]", dependency)[0].lower() for dependency in dependencies}
        assert names <= locked, f"make lock: {lock} lacks {sorted(names - locked)}"
