"""Counting the records of an access log: what the reports that are made from it have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from portcullis.control.log_files import configured_log, configured_path
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.record import Timestamps


class LogLine(msgspec.Struct):
    """What of a record is looked at: its ``time`` at least."""

    time: str


class LogReport(msgspec.Struct, kw_only=True):
    """What a report was made from.

    ``log``: its path; ``since``: RFC 3339 in UTC, as in the log; ``files``: those that were read, oldest first;
    ``records``: how many of that time there are, the ``first`` and the ``last`` of them; ``unreadable``: lines that are
    no records.
    """

    log: str
    since: str
    files: list[str]
    records: int
    unreadable: int
    first: str
    last: str


OperationKey: TypeAlias = tuple[str, str, str]
"""API, version, operation."""

_LineT = TypeVar("_LineT", bound=LogLine)


class LogTally(ABC, Generic[_LineT]):
    """Counts the lines of a log, read as ``line``: all records since ``since`` (Unix seconds)."""

    def __init__(self, line: type[_LineT], since: float) -> None:
        self.records = 0
        self._since_s = since
        self._since = Timestamps().format(max(0.0, since))
        self._unreadable = 0
        self._first = ""
        self._last = ""
        self._log = ""
        self._files: list[str] = []
        self._decode = msgspec.json.Decoder(line).decode

    def read(self, loaded: LoadedConfiguration, file: Path) -> None:
        """Count the log of the gateway that ``loaded``, read from ``file``, configures.

        Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError` if there is no log to read.
        """
        with configured_log(loaded, file, self._since_s) as log:
            self.take(log.lines())
            self._files = log.read
        self._log = configured_path(loaded, file)

    def take(self, lines: Iterable[bytes]) -> None:
        """Count ``lines``."""
        for line in lines:
            try:
                record = self._decode(line)
            except msgspec.MsgspecError:
                self._unreadable += line != b"\n"
                continue
            if record.time >= self._since:
                self.records += 1
                self._first = min(self._first or record.time, record.time)
                self._last = max(self._last, record.time)
                self.count(record)

    @abstractmethod
    def count(self, record: _LineT) -> None:
        """Count a record."""

    def extent(self) -> dict[str, Any]:
        """The fields of a :class:`LogReport`."""
        return {
            "log": self._log,
            "since": self._since,
            "files": self._files,
            "records": self.records,
            "unreadable": self._unreadable,
            "first": self._first,
            "last": self._last,
        }
