"""What of a configuration concerns the control process: all that it is told after a reload."""

from __future__ import annotations

from pathlib import Path

import msgspec

from portcullis.engine.config.model import Configuration


class LogSettings(msgspec.Struct, frozen=True):
    """Where the access log is, by its absolute path, and how it is rotated."""

    path: str
    rotate_at: int
    keep: int


class ControlSettings(msgspec.Struct, frozen=True):
    """``plans`` and ``roles`` that consumers may have; ``log``: ``None`` for no access log; ``drain``: in seconds."""

    plans: list[str]
    roles: list[str]
    log: LogSettings | None
    drain: float

    @classmethod
    def of(cls, configuration: Configuration, file: Path) -> ControlSettings:
        """The settings in ``configuration``, which was read from ``file``."""
        log = configuration.observe.access_log
        return cls(
            plans=list(configuration.plans),
            roles=list(configuration.roles),
            log=None if log is None else LogSettings(str(file.absolute().parent / log.path), log.rotate_at, log.keep),
            drain=configuration.process.drain,
        )

    def encode(self) -> str:
        """As text, for a message."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> ControlSettings:
        """What :meth:`encode` gave."""
        return msgspec.json.decode(text, type=cls)
