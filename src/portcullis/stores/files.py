"""The files that a configuration names: documents, certificates, secrets.

Paths are relative to the configuration file. They may be absolute and may lead out of its folder: who writes the
configuration runs the gateway, and certificates live in ``/etc``. References *inside* of a document are another
matter; what reads documents keeps those below the document's folder.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from portcullis.stores.globs import matching

MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest file that is read; the largest OpenAPI document in the wild has some 12 MiB."""


class ConfigurationFiles:
    """Implements :class:`portcullis.engine.ports.SourceFiles` for the configuration file ``file``."""

    def __init__(self, file: Path) -> None:
        self.directory = file.absolute().parent

    def path(self, path: str) -> Path:
        """Where ``path``, as written in the configuration file, is on the disk."""
        return self.directory / path

    def read(self, path: str) -> bytes:
        """The content of ``path``. Raises ``OSError``, also where it is no regular file or has over ``MAX_BYTES``."""
        # Opened without waiting: a named pipe that nobody writes to would hold the gateway up for ever.
        descriptor = os.open(self._checked(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise OSError(errno.EFBIG, f"larger than {MAX_BYTES // 1024**2} MiB", path)
        return content

    def matching(self, glob: str) -> list[str]:
        """As :meth:`portcullis.engine.ports.SourceFiles.matching`."""
        return matching(self.directory, glob)

    def environment(self, name: str) -> str | None:
        """The value of an environment variable."""
        return os.environ.get(name)

    def _checked(self, path: str) -> Path:
        if "\0" in path:  # which os.open would answer with a ValueError
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return self.path(path)
