from __future__ import annotations

from pathlib import Path

from bench.access_log import empty, take_lines


def test_a_log_is_counted_and_emptied(tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    log.write_bytes(b"{}\n" * 5)

    assert take_lines(log, settle=0) == 5
    assert log.stat().st_size == 0


def test_a_log_that_was_never_written_has_no_lines(tmp_path: Path) -> None:
    assert take_lines(tmp_path / "access.jsonl", settle=0) == 0
    empty(tmp_path / "access.jsonl")


def test_who_appends_goes_on_at_the_beginning_of_an_emptied_log(tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n")
        empty(log)
        writer.write(b"new\n")

    assert log.read_bytes() == b"new\n"
