"""Reading the access log back: the file and those that were rotated, as one stream of lines, oldest first.

A file that grows or is rotated meanwhile does no harm: all files are opened before the first line is read, and an open
file stays what it was, whatever its name becomes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Self

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line that is looked at; a record has some hundred to some thousand."""
_LOG_PATH: Final = ("observe", "access_log", "path")


class LogFiles:
    """The access log at ``path``, of which up to ``keep`` older files are left. To be used in a ``with``.

    ``since``: Unix seconds; files that were last written before are not read. ``read``: names of those that are, the
    oldest first. Raises ``OSError`` for a file that is there and can't be opened.
    """

    def __init__(self, path: Path, keep: int, since: float) -> None:
        self._files: list[IO[bytes]] = []
        self.read: list[str] = []
        seen: set[tuple[int, int]] = set()
        try:
            # The newest first: a rotation meanwhile makes files older, so one may be met again, but none is missed.
            for each in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))):
                self._open(each, since, seen)
        except OSError:
            self.close()
            raise

    def _open(self, path: Path, since: float, seen: set[tuple[int, int]]) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if status.st_mtime < since or identity in seen:
            file.close()
            return
        seen.add(identity)
        self._files.insert(0, file)
        self.read.insert(0, path.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            file.close()

    def lines(self) -> Iterator[bytes]:
        """Every line that was written to its end; ``b""`` for one that is longer than ``MAX_LINE``."""
        for file in self._files:
            while line := file.readline(MAX_LINE):
                if line.endswith(b"\n"):
                    yield line
                elif len(line) == MAX_LINE:
                    _skip_line(file)
                    yield b""


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def configured_log(loaded: LoadedConfiguration, file: Path, since: float) -> Iterator[LogFiles]:
    """The access log of the gateway that ``loaded``, read from ``file``, configures; ``since`` as in :class:`LogFiles`.

    Raises :class:`ConfigurationError` if there is no log to read.
    """
    settings = loaded.configuration.observe.access_log
    if settings is None:
        message, hint = "there is no access log to report on", "observe: {access_log: {path: logs/access.jsonl}}"
        raise ConfigurationError([loaded.diagnostic(_LOG_PATH[:-1], message, hint)])
    path = file.absolute().parent / settings.path
    try:
        with LogFiles(path, settings.keep, since) as log:
            if not log.read and not path.exists():
                message = f"there is no {settings.path} yet"
                raise ConfigurationError([loaded.diagnostic(_LOG_PATH, message, "has the gateway served anything?")])
            yield log
    except OSError as error:
        message = f"{settings.path} can't be read: {error.strerror or error}"
        raise ConfigurationError([loaded.diagnostic(_LOG_PATH, message)]) from error


def configured_path(loaded: LoadedConfiguration, file: Path) -> str:
    """The path of that log, as it can be opened from where ``file`` can."""
    settings = loaded.configuration.observe.access_log
    return str(file.parent / settings.path) if settings is not None else ""
