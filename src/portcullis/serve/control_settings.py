"""What of a configuration concerns the control process: all that it is told after a reload."""

from __future__ import annotations

from pathlib import Path

import msgspec

from portcullis.control.outgoing_settings import OutgoingSettings, settings_from
from portcullis.control.parts import settings_of
from portcullis.engine.authorization.roles import Roles
from portcullis.engine.config.model import Configuration


class LogSettings(msgspec.Struct, frozen=True):
    """Where the access log is, by its absolute path, and how it is rotated."""

    path: str
    rotate_at: int
    keep: int


class ControlSettings(msgspec.Struct, frozen=True):
    """``plans`` and ``roles`` that consumers may have, of ``exclusive`` roles not both; ``apis``: that keys may be for.

    ``log``: ``None`` for no access log; ``drain``: in seconds; ``outgoing``: how others are called; ``parts``: what the
    parts of the process need, by their names.
    """

    plans: list[str]
    roles: list[str]
    log: LogSettings | None
    drain: float
    outgoing: OutgoingSettings = OutgoingSettings()
    parts: dict[str, msgspec.Raw] = {}
    exclusive: list[tuple[str, str]] = []
    apis: list[str] | None = None

    @classmethod
    def of(cls, configuration: Configuration, file: Path) -> ControlSettings:
        """The settings in ``configuration``, which was read from ``file``."""
        log = configuration.observe.access_log
        folder = file.absolute().parent
        outgoing = configuration.outgoing
        return cls(
            plans=list(configuration.plans),
            roles=list(configuration.roles),
            log=None if log is None else LogSettings(str(folder / log.path), log.rotate_at, log.keep),
            drain=configuration.process.drain,
            outgoing=settings_from(outgoing.proxy, outgoing.ca, outgoing.timeout, folder),
            parts=settings_of(configuration),
            exclusive=sorted(Roles(configuration.roles).exclusive),
            apis=list(configuration.apis),
        )

    def encode(self) -> str:
        """As text, for a message."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> ControlSettings:
        """What :meth:`encode` gave."""
        return msgspec.json.decode(text, type=cls)
