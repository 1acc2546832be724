"""Listening Unix sockets that only the user of the gateway can connect to."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

BACKLOG: Final = 1024


class UnixListener:
    """A listening ``socket`` of mode 0600 at ``path``; one left there by a process that died is replaced.

    Connections wait in its queue until something accepts them. Raises ``OSError``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.bind(str(path))
            path.chmod(0o600)  # before it listens: until then nobody can connect
            self.socket.listen(BACKLOG)
            self._identity = _identity(path)
        except OSError:
            self.socket.close()
            raise

    def close(self) -> None:
        """Close it, and take its name away unless that belongs to the socket of a successor by now."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if _identity(self.path) == self._identity:
                self.path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
