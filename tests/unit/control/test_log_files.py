"""Reading the access log back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcullis.control import log_files
from portcullis.control.log_files import LogFiles


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
