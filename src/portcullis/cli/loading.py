"""Reading the configuration file for a command, and ending the command well when it can't be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import typer
from rich.console import Console

from portcullis.cli.output import print_diagnostics
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.engine.config.reader import decode
from portcullis.stores.files import ConfigurationFiles

if TYPE_CHECKING:
    from portcullis.control.key_orders import KeyRecord
    from portcullis.engine.config.model import Configuration

T = TypeVar("T")


def read_configuration(path: Path) -> LoadedConfiguration:
    """Read the file at ``path``; raises :class:`ConfigurationError`, also where there is no such file."""
    file = str(path)
    files = ConfigurationFiles(path)
    try:
        content = files.read(path.name)
    except OSError as error:
        message = f"the file can't be read: {error.strerror or error}"
        raise ConfigurationError([Diagnostic(file, 0, 0, "", message)]) from error
    return load_configuration(decode(content, file), file, files)


def named_from_here(diagnostic: Diagnostic, file: Path) -> Diagnostic:
    """``diagnostic`` about ``file``, or a file it names, with a path that can be opened from the working directory."""
    if diagnostic.file == str(file):
        return diagnostic
    return msgspec.structs.replace(diagnostic, file=os.path.normpath(file.parent / diagnostic.file))


@contextmanager
def guarded(file: Path) -> Iterator[None]:
    """End the command with exit code 2, after printing what is wrong, where ``file`` or what it names can't be used."""
    try:
        yield
    except ConfigurationError as error:
        diagnostics = [named_from_here(diagnostic, file) for diagnostic in error.diagnostics]
        print_diagnostics(Console(stderr=True, highlight=False), diagnostics)
        raise typer.Exit(2) from error


def usable_keys(loaded: LoadedConfiguration, file: Path) -> list[KeyRecord]:
    """The usable keys in the database of the gateway that ``loaded``, read from ``file``, configures.

    Raises :class:`ConfigurationError` if they can't be read.
    """
    from portcullis.control.stored_credentials import stored_keys

    return keys_from(stored_keys, loaded, file)


def keys_from(read: Callable[[Configuration, Path], T], loaded: LoadedConfiguration, file: Path) -> T:
    """What ``read`` gets from that database. Raises :class:`ConfigurationError` if it can't be read."""
    from portcullis.stores.database.connection import DatabaseError

    try:
        return read(loaded.configuration, file)
    except (DatabaseError, OSError) as error:
        message = f"the keys can't be read: {error}"
        raise ConfigurationError([loaded.diagnostic(("state", "records"), message)]) from error
