"""The access log on disk, and everything a disk can do."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcullis.control.access_log import AccessLog

Make = Callable[..., AccessLog]


class Disk:
    """Opens files that do what a disk does: take their time, fill up, take only a part."""

    def __init__(self) -> None:
        self.free: int | None = None
        self.broken: OSError | None = None
        self.opened = 0
        self.writing = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()

    def open(self, path: Path) -> io.FileIO:
        if self.broken is not None:
            raise self.broken
        self.opened += 1
        return _DiskFile(path, self)


class _DiskFile(io.FileIO):
    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path, "ab")
        self._disk = disk

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        disk = self._disk
        disk.writing.release()
        assert disk.go.wait(10)
        if disk.free is not None:
            if not disk.free:
                raise OSError(errno.ENOSPC, "No space left on device")
            data = data[: disk.free]
            disk.free -= len(data)
        return super().write(data)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[AccessLog] = []

    def make(path: Path | None = None, rotate_at: int = 10**6, keep: int = 2, **more: object) -> AccessLog:
        log = AccessLog(path or tmp_path / "access.jsonl", rotate_at, keep, **more)  # type: ignore[arg-type]
        made.append(log)
        return log

    yield make
    for log in made:
        log.close(0)


def write(log: AccessLog, *batches: bytes) -> None:
    """Write batches one at a time, each when the one before is on disk."""
    for lines in batches:
        log.write(lines)
        assert log.flush(10), "the log did not become idle"


# The ordinary way.


def test_lines_are_appended_to_what_is_there(make: Make, tmp_path: Path) -> None:
    (tmp_path / "access.jsonl").write_bytes(b"old\n")
    log = make()
    write(log, b"one\ntwo\n", b"three\n")
    assert log.path.read_bytes() == b"old\none\ntwo\nthree\n"
    assert (log.lost, log.failure) == (0, "")


def test_nothing_is_opened_before_something_is_written(make: Make, tmp_path: Path) -> None:
    make().close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_made_and_neither_it_nor_the_log_is_for_everybody(make: Make, tmp_path: Path) -> None:
    log = make(tmp_path / "logs" / "access.jsonl")
    write(log, b"one\n")
    assert stat.S_IMODE(log.path.stat().st_mode) & 0o137 == 0
    assert stat.S_IMODE(log.path.parent.stat().st_mode) & 0o027 == 0


def test_closing_writes_what_is_queued(make: Make) -> None:
    log = make()
    for number in range(100):
        log.write(b"%d\n" % number)
    log.close()
    assert log.path.read_bytes().splitlines() == [b"%d" % number for number in range(100)]


def test_what_comes_after_closing_is_lost_and_counted(make: Make) -> None:
    log = make()
    log.close()
    log.write(b"one\ntwo\n")
    assert log.lost == 2


def test_flushing_waits_only_so_long(make: Make, disk: Disk) -> None:
    disk.go.clear()
    log = make(open_file=disk.open)
    assert log.flush(0)
    log.write(b"one\n")
    assert not log.flush(0.001)
    disk.go.set()
    assert log.flush(10)


def test_closing_twice_is_closing_once(make: Make) -> None:
    log = make()
    write(log, b"one\n")
    log.close()
    log.close()
    assert log.lost == 0


# A slow disk.


def test_a_disk_that_hangs_holds_up_nobody_and_what_does_not_fit_is_counted(make: Make, disk: Disk) -> None:
    disk.go.clear()
    log = make(open_file=disk.open, max_queued=20)
    log.write(b"0123456\n")
    assert disk.writing.acquire(timeout=10)
    log.write(b"0123456\n")
    log.write(b"a\nb\nc\nd\ne\n")
    log.write(b"xy\n")
    assert log.lost == 5
    disk.go.set()
    assert log.flush(10)
    assert log.path.read_bytes() == b"0123456\n0123456\nxy\n"
    assert log.lost == 5


def test_what_is_being_written_still_takes_room_in_the_queue(make: Make, disk: Disk) -> None:
    disk.go.clear()
    log = make(open_file=disk.open, max_queued=10)
    log.write(b"012345678\n")
    assert disk.writing.acquire(timeout=10)
    log.write(b"x\n")
    assert log.lost == 1
    disk.go.set()


def test_closing_waits_for_a_disk_that_hangs_only_so_long_and_counts_the_rest(make: Make, disk: Disk) -> None:
    disk.go.clear()
    log = make(open_file=disk.open)
    log.write(b"one\n")
    assert disk.writing.acquire(timeout=10)
    log.write(b"two\nthree\n")
    log.close(timeout=0.01)
    assert log.lost == 2
    disk.go.set()


# A full disk, and other failures.


def test_a_full_disk_loses_its_batch_and_the_next_one_is_tried_anew(make: Make, disk: Disk) -> None:
    log = make(open_file=disk.open)
    write(log, b"one\n")
    disk.free = 0
    write(log, b"two\nthree\n")
    assert (log.lost, log.failure) == (2, "No space left on device")
    disk.free = None
    write(log, b"four\n")
    assert (log.lost, log.failure) == (2, "")
    assert log.path.read_bytes() == b"one\nfour\n"


def test_a_line_that_is_cut_by_a_full_disk_does_not_spoil_the_one_after_it(make: Make, disk: Disk) -> None:
    log = make(open_file=disk.open)
    disk.free = 6
    write(log, b"one\ntwo\nthree\n")
    assert log.lost == 2
    disk.free = None
    write(log, b"four\n")
    assert log.path.read_bytes() == b"one\ntw\nfour\n"


def test_a_cut_at_the_end_of_a_line_leaves_no_empty_one(make: Make, disk: Disk) -> None:
    log = make(open_file=disk.open)
    disk.free = 4
    write(log, b"one\ntwo\n")
    disk.free = None
    write(log, b"three\n")
    assert log.path.read_bytes() == b"one\nthree\n"
    assert log.lost == 1


def test_a_new_file_does_not_begin_with_the_end_of_a_line_cut_in_another(make: Make, disk: Disk) -> None:
    log = make(open_file=disk.open)
    disk.free = 2
    write(log, b"one\n")
    disk.free = None
    log.path.rename(log.path.with_name("moved"))
    write(log, b"two\n")
    assert log.path.read_bytes() == b"two\n"


def test_a_disk_that_takes_a_little_at_a_time_gets_it_all(
    make: Make, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_DiskFile, "write", lambda file, data: io.FileIO.write(file, data[:3]))
    log = make(open_file=disk.open)
    write(log, b"one\ntwo\nthree\n")
    assert log.path.read_bytes() == b"one\ntwo\nthree\n"
    assert log.lost == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_the_full_device_of_the_system_is_a_full_disk(make: Make) -> None:
    log = make(Path("/dev/full"), rotate_at=1)
    write(log, b"one\n", b"two\n")
    assert (log.lost, log.failure) == (2, "No space left on device")
    assert Path("/dev/full").is_char_device(), "a device is never rotated"


def test_a_device_is_never_rotated(make: Make) -> None:
    log = make(Path("/dev/null"), rotate_at=1, keep=0)
    write(log, b"one\n", b"two\n", b"three\n")
    assert Path("/dev/null").is_char_device()
    assert not Path("/dev/null.1").exists()
    assert log.lost == 0


def test_a_link_is_never_rotated(make: Make, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    (tmp_path / "access.jsonl").symlink_to(target)
    log = make(rotate_at=1)
    write(log, b"one\n", b"two\n")
    assert log.path.is_symlink()
    assert target.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [(PermissionError(errno.EACCES, "Permission denied"), "Permission denied"), (OSError(), "OSError")],
)
def test_a_file_that_can_not_be_opened_is_tried_again_with_every_batch(
    make: Make, disk: Disk, error: OSError, said: str
) -> None:
    disk.broken = error
    log = make(open_file=disk.open)
    write(log, b"one\n", b"two\n")
    assert (log.lost, log.failure) == (2, said)
    disk.broken = None
    write(log, b"three\n")
    assert log.path.read_bytes() == b"three\n"


def test_a_name_that_no_file_can_have_loses_lines_and_not_the_thread(make: Make, tmp_path: Path) -> None:
    log = make(tmp_path / "a\0b")
    write(log, b"one\n", b"two\n")
    assert (log.lost, log.failure) == (2, "ValueError")


def test_a_folder_in_the_place_of_the_log_is_a_failure_like_others(make: Make, tmp_path: Path) -> None:
    log = make(tmp_path)
    write(log, b"one\n")
    assert (log.lost, log.failure) == (1, "Is a directory")


# Rotation.


def test_a_large_file_is_rotated_and_so_many_old_ones_are_kept(make: Make, tmp_path: Path) -> None:
    log = make(rotate_at=4, keep=2)
    write(log, b"one\n", b"two\n", b"three\n", b"four\n")
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert contents == {"access.jsonl": b"four\n", "access.jsonl.1": b"three\n", "access.jsonl.2": b"two\n"}


def test_no_old_file_is_kept_if_none_is_wanted(make: Make, tmp_path: Path) -> None:
    log = make(rotate_at=4, keep=0)
    write(log, b"one\n", b"two\n")
    assert [path.name for path in tmp_path.iterdir()] == ["access.jsonl"]
    assert log.path.read_bytes() == b"two\n"


def test_what_was_there_before_counts_towards_the_size(make: Make, tmp_path: Path) -> None:
    (tmp_path / "access.jsonl").write_bytes(b"x" * 99 + b"\n")
    log = make(rotate_at=100)
    write(log, b"one\n", b"two\n")
    assert log.path.read_bytes() == b"two\n"
    assert (tmp_path / "access.jsonl.1").read_bytes() == b"x" * 99 + b"\none\n"


def test_a_gap_among_the_old_files_is_no_obstacle(make: Make, tmp_path: Path) -> None:
    (tmp_path / "access.jsonl.2").write_bytes(b"old\n")
    log = make(rotate_at=4, keep=5)
    write(log, b"one\n", b"two\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["access.jsonl", "access.jsonl.1", "access.jsonl.3"]


def test_a_file_that_can_not_be_rotated_goes_on_growing_and_loses_nothing(make: Make, tmp_path: Path) -> None:
    obstacle = tmp_path / "access.jsonl.1"
    obstacle.mkdir()
    (obstacle / "x").touch()
    log = make(rotate_at=4, keep=1)
    write(log, b"one\n", b"two\n")
    assert log.path.read_bytes() == b"one\ntwo\n"
    assert log.lost == 0
    assert log.failure.startswith("can't rotate: ")
    (obstacle / "x").unlink()
    obstacle.rmdir()
    write(log, b"three\n")
    assert obstacle.read_bytes() == b"one\ntwo\n"
    assert log.path.read_bytes() == b"three\n"
    assert (log.lost, log.failure) == (0, "")


# Somebody else's log rotation.


def test_a_file_that_was_moved_away_is_made_anew(make: Make, tmp_path: Path) -> None:
    log = make()
    write(log, b"one\n")
    log.path.rename(tmp_path / "moved")
    write(log, b"two\n")
    assert (tmp_path / "moved").read_bytes() == b"one\n"
    assert log.path.read_bytes() == b"two\n"


def test_a_file_that_was_replaced_is_opened_by_its_name(make: Make, tmp_path: Path) -> None:
    log = make()
    write(log, b"one\n")
    (tmp_path / "other").write_bytes(b"")
    (tmp_path / "other").replace(log.path)
    write(log, b"two\n")
    assert log.path.read_bytes() == b"two\n"


def test_a_folder_that_was_removed_is_made_anew(make: Make, tmp_path: Path) -> None:
    log = make(tmp_path / "logs" / "access.jsonl")
    write(log, b"one\n")
    log.path.unlink()
    log.path.parent.rmdir()
    write(log, b"two\n")
    assert log.path.read_bytes() == b"two\n"


def test_a_file_that_was_emptied_is_written_from_its_beginning(make: Make) -> None:
    log = make()
    write(log, b"one\n")
    os.truncate(log.path, 0)
    write(log, b"two\n")
    assert log.path.read_bytes() == b"two\n"


def test_reopening_lets_go_of_the_file_and_opens_it_by_its_name(make: Make, disk: Disk) -> None:
    log = make(open_file=disk.open)
    write(log, b"one\n")
    log.reopen()
    assert log.flush(10)
    write(log, b"two\n")
    assert disk.opened == 2
    assert log.path.read_bytes() == b"one\ntwo\n"
