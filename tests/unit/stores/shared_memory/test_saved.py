from __future__ import annotations

import stat
import struct
from pathlib import Path

import pytest

from portcullis.stores.shared_memory import saved
from portcullis.stores.shared_memory.saved import Saved

SECRET = bytes(range(16))
DEBTS = [(2**64 - 1, 5), (7, 2**62)]
NOW = 10**12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counters"


def read(path: Path) -> Saved | None:
    found = saved.read(path, NOW)
    return None if found is None else Saved(found.secret, list(found.debts))


def test_what_was_written_is_read(path: Path) -> None:
    saved.write(path, SECRET, DEBTS, NOW)
    assert read(path) == Saved(SECRET, DEBTS)


def test_the_file_is_private_replaced_whole_and_alone(path: Path) -> None:
    path.write_bytes(b"old")
    path.with_name("counters.new").write_bytes(b"left by a killed process, and longer than what is written")
    saved.write(path, SECRET, DEBTS, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    saved.write(path, SECRET, DEBTS, NOW)
    with pytest.raises(struct.error):
        saved.write(path, SECRET, [(1, 2**63)], NOW)
    assert read(path) == Saved(SECRET, DEBTS)
    assert list(path.parent.iterdir()) == [path]


def test_no_file_is_no_debt(path: Path) -> None:
    assert saved.read(path, NOW) is None


def test_another_boot_has_another_clock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved.write(path, SECRET, DEBTS, NOW)
    monkeypatch.setattr(saved, "_boot_id", lambda: b"another boot".ljust(36))
    assert saved.read(path, NOW) is None


def test_a_clock_that_runs_behind_is_another_clock(path: Path) -> None:
    saved.write(path, SECRET, DEBTS, NOW)
    assert saved.read(path, NOW - 1) is None


def test_where_a_boot_has_no_name_nothing_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_BOOT_ID", path / "missing")
    saved.write(path, SECRET, DEBTS, NOW)
    assert not path.exists()


def test_a_damaged_file_is_not_read(path: Path) -> None:
    saved.write(path, SECRET, DEBTS, NOW)
    whole = path.read_bytes()
    for damaged in (b"", whole[:40], whole[:-1], whole + b"\0", b"X" + whole[1:]):
        path.write_bytes(damaged)
        assert saved.read(path, NOW) is None
