"""The last good list of each URL on the disk, so that a gateway can start while the list's server is away.

Lists are signed and public; what can't be read is as good as not there, and what has run out is not gone by.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from portcullis.stores.private_files import write_private

FOLDER: Final = "revocation-lists"
MAX_LIST: Final = 64 * 1024 * 1024
"""Bytes of a list: a million entries take some 40 MiB."""


class KeptLists:
    """Lists in ``state``, the state directory."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def load(self, url: str) -> bytes | None:
        """What was kept of ``url``, if there is anything."""
        try:
            with self._path(url).open("rb") as file:
                return file.read(MAX_LIST)
        except OSError:
            return None

    def save(self, url: str, data: bytes) -> None:
        """Keep ``data``, whole or not at all. Raises ``OSError``."""
        write_private(self._path(url), data)

    def _path(self, url: str) -> Path:
        return self._folder / f"{sha256(url.encode()).hexdigest()[:32]}.crl"
