"""Reading the files that a configuration names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rows import rows

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


@rows("path", ["nothing.yaml", ".", "a\0b", "spec.yaml/x", "x" * 5000])
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


@pytest.fixture
def linked(beside: ConfigurationFiles, tmp_path: Path) -> ConfigurationFiles:
    """Links in the configuration's folder and in the one of a document elsewhere."""
    folder, elsewhere = beside.directory, tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "types.yaml").write_bytes(b"types")
    (elsewhere / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "specs").mkdir()
    (folder / "specs" / "near.yaml").symlink_to("../spec.yaml")
    (folder / "specs" / "out.yaml").symlink_to("../../outside.yaml")
    (folder / "specs" / "chain.yaml").symlink_to("out.yaml")
    (folder / "specs" / "gone.yaml").symlink_to("nothing.yaml")
    (folder / "specs" / "round.yaml").symlink_to("round.yaml")
    (folder / "parent").symlink_to("..")
    (folder / "linked").symlink_to(elsewhere)
    return beside


@rows(
    ("path", "document", "content"),
    [
        ("spec.yaml", "main.yaml", b"here"),
        ("specs/near.yaml", "specs/main.yaml", b"here"),
        ("parent/config/spec.yaml", "main.yaml", b"here"),
        ("../elsewhere/types.yaml", "../elsewhere/main.yaml", b"types"),
        ("linked/types.yaml", "linked/main.yaml", b"types"),  # the operator has named that folder
    ],
)
def test_links_within_the_folders_are_followed(
    linked: ConfigurationFiles, path: str, document: str, content: bytes
) -> None:
    assert linked.read_referred(path, document) == content


@rows(
    ("path", "document", "reason"),
    [
        ("specs/out.yaml", "specs/main.yaml", "a link leads it out of the folder"),
        ("specs/chain.yaml", "specs/main.yaml", "a link leads it out of the folder"),
        ("parent/outside.yaml", "specs/main.yaml", "a link leads it out of the folder"),
        ("linked/types.yaml", "specs/main.yaml", "a link leads it out of the folder"),
        ("linked/out.yaml", "linked/main.yaml", "a link leads it out of the folder"),
        ("../outside.yaml", "main.yaml", "a link leads it out of the folder"),
        ("specs/gone.yaml", "specs/main.yaml", "No such file or directory"),
        ("specs/round.yaml", "specs/main.yaml", "Too many levels of symbolic links"),
        ("specs", "specs/main.yaml", "Is a directory"),
        ("a\0b", "specs/main.yaml", "Invalid argument"),
    ],
)
def test_a_document_can_not_lead_out_by_a_link(
    linked: ConfigurationFiles, path: str, document: str, reason: str
) -> None:
    with pytest.raises(OSError, match=reason):
        linked.read_referred(path, document)


def test_a_folder_that_is_a_link_itself_is_a_folder(linked: ConfigurationFiles, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("config")
    assert ConfigurationFiles(tmp_path / "current" / "portcullis.yaml").read_referred("spec.yaml", "a.yaml") == b"here"
