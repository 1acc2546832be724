"""How the gateway itself calls others, as the configuration file says it.

It stands alone, since the supervisor, which reads the file, makes no calls and has no use for what makes them.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class OutgoingSettings(msgspec.Struct, frozen=True):
    """``proxy``: a URL; ``ca``: an absolute path of a PEM file; ``timeout``: seconds that one call may take."""

    proxy: str | None = None
    ca: str | None = None
    timeout: float = 5.0


def settings_from(proxy: str | None, ca: str | None, timeout: float, folder: Path) -> OutgoingSettings:
    """The settings that the file's section ``outgoing`` says; paths in it are relative to ``folder``."""
    return OutgoingSettings(proxy, None if ca is None else str(folder / ca), timeout)
