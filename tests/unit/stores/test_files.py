"""Reading the files that a configuration names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcullis.stores import files
from portcullis.stores.files import ConfigurationFiles


@pytest.fixture
def beside(tmp_path: Path) -> ConfigurationFiles:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "spec.yaml").write_bytes(b"here")
    (tmp_path / "outside.yaml").write_bytes(b"there")
    return ConfigurationFiles(tmp_path / "config" / "portcullis.yaml")


def test_paths_are_relative_to_the_configuration_file(beside: ConfigurationFiles) -> None:
    assert beside.read("spec.yaml") == b"here"
    assert beside.path("spec.yaml") == beside.directory / "spec.yaml"


def test_the_operator_may_name_any_file(beside: ConfigurationFiles, tmp_path: Path) -> None:
    assert beside.read("../outside.yaml") == b"there"
    assert beside.read(str(tmp_path / "outside.yaml")) == b"there"


def test_a_relative_configuration_file_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a")
    monkeypatch.chdir(tmp_path)
    found = ConfigurationFiles(Path("portcullis.yaml"))
    monkeypatch.chdir("/")
    assert found.read("a.yaml") == b"a"


@pytest.mark.parametrize("path", ["nothing.yaml", ".", "a\0b", "spec.yaml/x", "x" * 5000])
def test_what_can_not_be_read_is_an_os_error(beside: ConfigurationFiles, path: str) -> None:
    with pytest.raises(OSError) as caught:
        beside.read(path)
    assert caught.value.strerror


def test_a_pipe_or_device_is_no_file_and_nobody_waits_for_it(beside: ConfigurationFiles) -> None:
    os.mkfifo(beside.directory / "pipe")
    for path in ("pipe", "/dev/null", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file"):
            beside.read(path)


def test_a_file_that_is_too_large_is_refused(beside: ConfigurationFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 3)
    with pytest.raises(OSError, match="larger than"):
        beside.read("spec.yaml")


def test_variables_of_the_environment_are_read(beside: ConfigurationFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTCULLIS_TEST", "x")
    assert beside.environment("PORTCULLIS_TEST") == "x"
    monkeypatch.delenv("PORTCULLIS_TEST")
    assert beside.environment("PORTCULLIS_TEST") is None
