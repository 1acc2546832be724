"""The state directory, held by one gateway at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config import tree
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration

MAX_SOCKET_PATH: Final = 107
"""Bytes of a Unix socket's path (``sun_path`` in unix(7), less the NUL)."""


class StateLock:
    """The right to use a state directory: two gateways on one would take each other's sockets away.

    A lock on a file of it, which the system drops when the process that holds it ends, however that ends. Children
    must :meth:`close` their copy, or they would hold it as well.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Let go; in a child, of its copy."""
        os.close(self._descriptor)


def take_state(paths: StatePaths, loaded: LoadedConfiguration) -> StateLock:
    """Make the directory if it is not there, and lock it.

    Raises :class:`ConfigurationError` if it can't be used, or another gateway uses it.
    """
    for socket_path in (paths.workers_socket, paths.control_socket):
        if (length := len(os.fsencode(socket_path))) > MAX_SOCKET_PATH:
            message = f"the path of a socket in it would have {length} bytes; {MAX_SOCKET_PATH} are possible"
            raise _unusable(loaded, message, "choose a directory with a shorter path")
    with _told(loaded, paths.directory):
        paths.prepare()
        descriptor = os.open(paths.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with _told(loaded, paths.directory):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _owner(descriptor)
        os.close(descriptor)
        message = f"another gateway uses {paths.directory}{owner}"
        hint = "stop it, reload it with SIGHUP, or give this one another state.directory"
        raise _unusable(loaded, message, hint) from None
    except ConfigurationError:
        os.close(descriptor)
        raise
    with contextlib.suppress(OSError):  # only to say so in the message above: a full disk is no reason not to start
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return StateLock(descriptor)


@contextlib.contextmanager
def _told(loaded: LoadedConfiguration, directory: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        message = f"{directory} can't be used: {error.strerror or error}"
        raise _unusable(loaded, message, "choose a directory that the gateway can write to") from error


def placed_state(loaded: LoadedConfiguration, diagnostic: Diagnostic) -> Diagnostic:
    """``diagnostic`` about the state, with its place in the file; without one where the file leaves it to defaults."""
    if tree.find(loaded.root, ("state",)) is None:
        return msgspec.structs.replace(diagnostic, file=loaded.file)
    return loaded.placed(diagnostic)


def _unusable(loaded: LoadedConfiguration, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError([placed_state(loaded, Diagnostic("", 0, 0, "state.directory", message, hint))])


def _owner(descriptor: int) -> str:
    try:
        process = os.pread(descriptor, 20, 0).strip()
    except OSError:
        return ""
    return f" (process {process.decode()})" if process.isdigit() else ""
