"""Reading the access log back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcullis.control import log_files
from portcullis.control.log_files import LogFiles, configured_log, configured_path
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration, load_configuration


@pytest.fixture
def log(tmp_path: Path) -> Path:
    for number, text in enumerate(["three\n", "two\n", "one\n"]):
        name = "access.jsonl" if not number else f"access.jsonl.{number}"
        (tmp_path / name).write_text(text)
    return tmp_path / "access.jsonl"


def read(path: Path, keep: int = 5, since: float = 0.0) -> list[bytes]:
    with LogFiles(path, keep, since) as files:
        return list(files.lines())


def test_rotated_files_come_first_and_the_oldest_of_them_first(log: Path) -> None:
    assert read(log) == [b"one\n", b"two\n", b"three\n"]
    assert read(log, keep=1) == [b"two\n", b"three\n"]


def test_files_that_are_not_there_are_passed_over(log: Path) -> None:
    log.unlink()
    log.with_name("access.jsonl.1").unlink()
    with LogFiles(log, 5, 0.0) as files:
        assert files.read == ["access.jsonl.2"]
        assert list(files.lines()) == [b"one\n"]
    assert read(log.with_name("other.jsonl")) == []


def test_files_from_before_are_not_read(log: Path) -> None:
    os.utime(log.with_name("access.jsonl.2"), (1000, 1000))
    assert read(log, since=2000) == [b"two\n", b"three\n"]


def test_a_rotation_meanwhile_loses_nothing_and_doubles_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def rotate_after_the_first(self: Path, *arguments: str) -> object:
        file = opened(self, *arguments)
        if self == log and not log.with_name("access.jsonl.3").exists():
            for number in (2, 1):
                log.with_name(f"access.jsonl.{number}").rename(log.with_name(f"access.jsonl.{number + 1}"))
            log.rename(log.with_name("access.jsonl.1"))
        return file

    monkeypatch.setattr(Path, "open", rotate_after_the_first)
    assert read(log) == [b"one\n", b"two\n", b"three\n"]


def test_a_line_that_is_still_being_written_is_left_out(log: Path) -> None:
    with log.open("a") as file:
        file.write("fou")
    assert read(log)[-1] == b"three\n"


def test_a_line_that_is_too_long_is_skipped_and_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "MAX_LINE", 8)
    log.write_text("x" * 30 + "\nafter\n" + "y" * 8)
    assert read(log, keep=0) == [b"", b"after\n", b""]


def test_what_can_not_be_opened_is_an_error_and_leaves_nothing_open(log: Path) -> None:
    log.with_name("access.jsonl.3").mkdir()
    with pytest.raises(IsADirectoryError):
        LogFiles(log, 5, 0.0)


def loaded(observe: str) -> LoadedConfiguration:
    text = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: s.yaml}}}
"""
    return load_configuration(text + observe, "p.yaml")


def test_the_log_is_where_the_configuration_says(log: Path) -> None:
    configuration = loaded("observe: {access_log: {path: access.jsonl, keep: 1}}\n")
    with configured_log(configuration, log.with_name("p.yaml"), 0.0) as files:
        assert list(files.lines()) == [b"two\n", b"three\n"]
    assert configured_path(configuration, Path("conf/p.yaml")) == "conf/access.jsonl"


@pytest.mark.parametrize(
    ("observe", "told", "line"),
    [
        ("", "there is no access log to report on", 1),
        ("observe: {access_log: {path: none.jsonl}}\n", "there is no none.jsonl yet", 4),
        ("observe: {access_log: {path: .}}\n", "can't be read", 4),
    ],
)
def test_a_log_that_can_not_be_read_is_an_error_at_its_place(log: Path, observe: str, told: str, line: int) -> None:
    configuration = loaded(observe)
    with pytest.raises(ConfigurationError, match=told) as caught, configured_log(configuration, log, 0.0):
        pass
    assert caught.value.diagnostics[0].line == line
    assert configured_path(loaded(""), log) == ""


def test_a_log_that_fails_while_it_is_read_is_an_error_at_its_place(log: Path) -> None:
    configuration = loaded("observe: {access_log: {path: access.jsonl}}\n")
    with (
        pytest.raises(ConfigurationError, match=r"access\.jsonl can't be read: gone"),
        configured_log(configuration, log, 0),
    ):
        raise OSError(5, "gone")
