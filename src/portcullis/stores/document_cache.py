"""Compiled documents on the disk, so that a start does not read and translate again what has not changed.

One file a document, named by a digest of what it was made from and of the program that made it. Whoever reads one
checks whether it is whole. The cache is a convenience: nothing about it is ever an error, and deleting it costs time
only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

import portcullis

_SUFFIX: Final = ".document"
MAX_BYTES: Final = 256 * 1024 * 1024
KEPT_SECONDS: Final = 30 * 86_400
"""How long a document that no start has asked for is kept."""


class DocumentFiles:
    """Implements :class:`portcullis.engine.ports.DocumentCache` in ``directory``, which is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def get(self, key: str) -> bytes | None:
        """What was put there under ``key`` (a hexadecimal digest), if it is there."""
        path = self._path(key)
        try:
            if path.stat().st_size > MAX_BYTES:
                return None
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key``, whole or not at all."""
        if len(data) > MAX_BYTES:
            return
        with contextlib.suppress(OSError):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.directory, suffix=".new")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                Path(name).replace(self._path(key))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise

    def prune(self, now: float | None = None) -> None:
        """Delete what no start has asked for in :data:`KEPT_SECONDS`. ``now``: Unix seconds."""
        oldest = (time.time() if now is None else now) - KEPT_SECONDS
        with contextlib.suppress(OSError):
            for path in self.directory.iterdir():
                if path.suffix in (_SUFFIX, ".new") and path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise ValueError("a key is a hexadecimal digest")
        return self.directory / f"{key[:48]}-{_program()}{_SUFFIX}"


@cache
def _program() -> str:
    """A digest of this program as it is installed: what another version of it has stored is not for this one."""
    folder = Path(portcullis.__file__).parent
    files = sorted(folder.rglob("*.py"))
    listed = [f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16]
