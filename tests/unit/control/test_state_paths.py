from __future__ import annotations

import stat
from pathlib import Path

import pytest

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.running import StateConfig


def test_paths_are_relative_to_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = StatePaths(StateConfig(), Path("conf/portcullis.yaml"))
    assert paths.directory == tmp_path / "conf/.portcullis"
    assert paths.control_socket == tmp_path / "conf/.portcullis/control.sock"
    assert paths.workers_socket == tmp_path / "conf/.portcullis/workers.sock"
    assert paths.database().database == str(tmp_path / "conf/.portcullis/portcullis.db")
    assert paths.relations == tmp_path / "conf/.portcullis/relations.db"


def test_an_absolute_directory_and_a_database_of_its_own() -> None:
    state = StateConfig(directory="/run/portcullis", records="sqlite:///var/keys.db")
    paths = StatePaths(state, Path("/etc/gateway/portcullis.yaml"))
    assert paths.control_socket == Path("/run/portcullis/control.sock")
    assert paths.database().database == "/etc/gateway/var/keys.db"


def test_the_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    paths = StatePaths(StateConfig(directory="a/b"), tmp_path / "portcullis.yaml")
    paths.prepare()
    paths.prepare()
    assert stat.S_IMODE(paths.directory.stat().st_mode) == 0o700
