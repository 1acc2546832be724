"""The files that a configuration names: documents, certificates, secrets.

Paths are relative to the configuration file. They may be absolute and may lead out of its folder: who writes the
configuration runs the gateway, and certificates live in ``/etc``. References *inside* of a document are another
matter: who writes one may be a stranger, so that what they lead to has to lie below the configuration file's folder or
the document's, also once every link on the way is followed.
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
        return self._content(self._checked(path), path)

    def read_referred(self, path: str, document: str) -> bytes:
        """As :meth:`portcullis.engine.ports.SourceFiles.read_referred`."""
        found = Path(os.path.realpath(self._checked(path), strict=True))
        folders = (self.directory, self._checked(document).parent)
        if not any(found.is_relative_to(os.path.realpath(folder)) for folder in folders):
            raise OSError(errno.EXDEV, "a link leads it out of the folder", path)
        # What was a file a moment ago may be a link by now.
        return self._content(found, path, os.O_NOFOLLOW)

    def _content(self, file_path: Path, path: str, flags: int = 0) -> bytes:
        # Opened without waiting: a named pipe that nobody writes to would hold the gateway up for ever.
        descriptor = os.open(file_path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
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
