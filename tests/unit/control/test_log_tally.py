from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.control.log_tally import LogLine, LogTally
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.testing.fakes import FakeFiles

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: [shop]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
observe: {access_log: {path: access.jsonl}}
"""
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


class Line(LogLine):
    number: int = 0


class Numbers(LogTally[Line]):
    def __init__(self, since: float = 0.0) -> None:
        super().__init__(Line, since)
        self.numbers: list[int] = []

    def count(self, record: Line) -> None:
        self.numbers.append(record.number)


def line(hour: int, number: int) -> bytes:
    return b'{"time":"2026-01-01T%02d:00:00.000Z","number":%d,"more":[]}\n' % (hour, number)


def loaded(text: str = CONFIGURATION) -> LoadedConfiguration:
    return load_configuration(text, "p.yaml", FakeFiles({}))


def test_records_of_the_time_that_is_asked_for_are_counted() -> None:
    tally = Numbers(NOON)
    tally.take([line(11, 1), line(14, 2), line(12, 3), b"no record\n", b"\n", b'{"number":1}\n'])
    assert tally.numbers == [2, 3]
    extent = tally.extent()
    assert (extent["records"], extent["unreadable"]) == (2, 2)
    assert (extent["first"], extent["last"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T14:00:00.000Z")
    assert extent["since"].startswith("2026-01-01T12:00:00")


def test_the_log_that_is_configured_is_read_with_those_that_were_rotated(tmp_path: Path) -> None:
    (tmp_path / "access.jsonl").write_bytes(line(12, 2))
    (tmp_path / "access.jsonl.1").write_bytes(line(11, 1))
    tally = Numbers()
    tally.read(loaded(), tmp_path / "p.yaml")
    assert tally.numbers == [1, 2]
    assert tally.extent()["files"] == ["access.jsonl.1", "access.jsonl"]
    assert tally.extent()["log"] == str(tmp_path / "access.jsonl")


def test_without_a_log_there_is_nothing_to_count(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no access\.jsonl yet"):
        Numbers().read(loaded(), tmp_path / "p.yaml")
