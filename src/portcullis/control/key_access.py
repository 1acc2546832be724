"""The way of a command to the keys: through the running gateway, or else straight to its database."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from portcullis.control.key_client import Keys, RemoteKeys
from portcullis.control.keys import KeyService
from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.model import StateConfig
from portcullis.stores.database.connection import open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date

CONNECT_TIMEOUT_S: Final = 2.0


class UnusableFile(Exception):  # noqa: N818 - reads well after "raise"
    """The configuration file doesn't say where the keys are."""


@contextmanager
def keys_of(file: Path) -> Iterator[Keys]:
    """The keys of the gateway that is configured by ``file``.

    Only the sections ``state``, ``plans`` and ``roles`` are looked at: a mistake elsewhere in the file must not keep
    anyone from revoking a key. Raises :class:`UnusableFile`, ``OSError`` and
    :class:`~portcullis.stores.database.connection.DatabaseError`.
    """
    content = _read(file)
    paths = StatePaths(_state(content, file), file)
    if _listens(paths.control_socket):
        with closing(RemoteKeys(paths.control_socket)) as remote:
            yield remote
        return
    paths.prepare()
    with closing(open_database(paths.database())) as database:
        bring_up_to_date(database)
        service = KeyService(KeyStore(database))
        service.declare(*(_names(content, section) for section in ("plans", "roles")))
        yield service


def _read(file: Path) -> dict[Any, Any]:
    try:
        content = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise UnusableFile(f"{file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UnusableFile(f"{file} is not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UnusableFile(f"{file} is no configuration: it must be a mapping")
    return content


def _state(content: dict[Any, Any], file: Path) -> StateConfig:
    try:
        return StateConfig.model_validate(content.get("state") or {})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, ("state", *first["loc"])))
        raise UnusableFile(f"{file}: {where}: {first['msg']}; `portcullis check` says more") from error


def _names(content: dict[Any, Any], section: str) -> frozenset[str]:
    declared = content.get(section)
    return frozenset(map(str, declared)) if isinstance(declared, dict) else frozenset()


def _listens(path: Path) -> bool:
    """Whether a control process is there. One that is there but does not accept is an error, not an absence."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
    return True
