"""The access log on disk. Whatever the disk does, nobody waits for it.

Lines come in batches into a bounded queue; a thread writes them. When the disk is slower than the traffic the queue
fills up, and what does not fit is dropped and counted. A write that fails (a full disk) loses its batch, is counted
too, and the next batch is tried anew, on a line of its own.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

MAX_QUEUED_BYTES: Final = 32 * 1024 * 1024
FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750

OpenFile = Callable[[Path], IO[bytes]]


class AccessLog:
    """Writes JSON lines to ``path``, rotating at ``rotate_at`` bytes and keeping ``keep`` old files.

    ``lost``: lines dropped so far; ``failure``: what the disk said last, if it is failing now. Only a regular file is
    rotated: a device, a pipe or a link (``/dev/stdout``) is written to for ever, as is a file that can't be renamed.
    """

    def __init__(
        self,
        path: Path,
        rotate_at: int,
        keep: int,
        *,
        max_queued: int = MAX_QUEUED_BYTES,
        open_file: OpenFile | None = None,
    ) -> None:
        self.path = path
        self.rotate_at = rotate_at
        self.keep = keep
        self.lost = 0
        self.failure = ""
        self._max_queued = max_queued
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._reopen = False
        self._stopping = False
        lock = threading.Lock()
        self._wake = threading.Condition(lock)
        self._idle = threading.Condition(lock)
        self._file = _LogFile(path, rotate_at, keep, open_file or _open_append)
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> None:
        """Queue a batch of whole lines, or drop and count it."""
        with self._wake:
            if self._stopping or self._queued + len(lines) > self._max_queued:
                self.lost += lines.count(b"\n")
                return
            self._queue.append(lines)
            self._queued += len(lines)
            self._wake.notify()

    def reopen(self) -> None:
        """Open the file by its name again: something else has moved it away."""
        with self._wake:
            self._reopen = True
            self._wake.notify()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what is queued has been written or lost; ``False`` if that takes more than ``timeout`` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._queued and not self._reopen, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is queued, for at most ``timeout`` seconds, and end; what is then left is dropped and counted."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout)
        with self._wake:
            self.lost += sum(lines.count(b"\n") for lines in self._queue)
            self._queue.clear()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._stopping or self._reopen)
                lines = self._queue.popleft() if self._queue else b""
                reopen, self._reopen = self._reopen, False
                stopping = self._stopping
            if reopen:
                self._file.close()
            if lines:
                self._write(lines)
            elif stopping:
                self._file.close()
                return
            with self._idle:
                self._idle.notify_all()

    def _write(self, lines: bytes) -> None:
        lost, failure = 0, ""
        try:
            self._file.write(lines)
        except _WriteError as error:
            lost, failure = lines.count(b"\n", error.written), error.reason
        with self._wake:
            self._queued -= len(lines)
            self.lost += lost
            self.failure = failure or self._file.complaint


class _WriteError(Exception):
    """Only ``written`` bytes could be written, for ``reason``."""

    def __init__(self, written: int, reason: str) -> None:
        super().__init__(reason)
        self.written = written
        self.reason = reason


class _LogFile:
    """The file under its name: opened when something is written, rotated, and opened anew when it was moved away.

    ``complaint``: why it could not be rotated, if it could not.
    """

    def __init__(self, path: Path, rotate_at: int, keep: int, open_file: OpenFile) -> None:
        self._path = path
        self._rotate_at = rotate_at
        self._keep = keep
        self._open_file = open_file
        self._file: IO[bytes] | None = None
        self._identity = (0, 0)
        self._size = 0
        self._limit = rotate_at
        self._torn = False  # the last line was not written to its end
        self.complaint = ""

    def write(self, lines: bytes) -> None:
        """Write all of ``lines``. Raises :class:`_WriteError`."""
        written = 0
        try:
            file = self._current()
            if self._torn:
                self._size += file.write(b"\n")
                self._torn = False
            while written < len(lines):
                written += _write_some(file, memoryview(lines)[written:])
            file.flush()
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have, or a closed file
            self._torn = self._torn or (written > 0 and lines[written - 1 : written] != b"\n")
            self.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise _WriteError(written, reason) from error
        self._size += written

    def close(self) -> None:
        """Let go of the file; the next write opens it by its name."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _current(self) -> IO[bytes]:
        """The open file, the one that has the name now, rotated if it is large enough."""
        if self._file is not None and self._size >= self._limit:
            self._rotate()
        if self._file is not None and self._moved_away():
            self.close()
        if self._file is None:
            file = self._file = self._open_file(self._path)
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino)
            self._torn = self._torn and identity == self._identity and status.st_size > 0
            self._identity = identity
            self._size = status.st_size
            rotates = stat.S_ISREG(status.st_mode) and not self._path.is_symlink()
            self._limit = self._rotate_at if rotates else sys.maxsize
        return self._file

    def _rotate(self) -> None:
        """Rotate; where that can't be done the file goes on growing, and after a while it is tried again."""
        try:
            _rotate(self._path, self._keep)
        except OSError as error:
            self.complaint = f"can't rotate: {error.strerror}"
            self._limit = self._size + self._rotate_at
        else:
            self.complaint = ""
            self.close()

    def _moved_away(self) -> bool:
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # nobody knows; what is open can be written to
        return (status.st_dev, status.st_ino) != self._identity


def _write_some(file: IO[bytes], data: memoryview) -> int:
    """How much of ``data`` the disk took: not always all, but never nothing."""
    count = file.write(data)
    if not count:
        raise OSError("nothing was written")
    return count


def _rotate(path: Path, keep: int) -> None:
    """``access.jsonl`` becomes ``access.jsonl.1``, that ``.2``, and so on; the oldest goes. Raises ``OSError``."""
    if keep == 0:
        path.unlink(missing_ok=True)
        return
    for number in range(keep - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}.{number}").replace(path.with_name(f"{path.name}.{number + 1}"))
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_name(f"{path.name}.1"))


def _open_append(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    return os.fdopen(descriptor, "ab", buffering=0)
