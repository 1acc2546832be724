"""The way of a command to what a gateway keeps: through its control process, or else straight to its database."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import yaml
from pydantic import ValidationError

from portcullis.control.consumer_rules import Declared
from portcullis.control.state_paths import StatePaths
from portcullis.engine.authorization.roles import Pair, Roles
from portcullis.engine.config.callers import RoleConfig
from portcullis.engine.config.running import StateConfig
from portcullis.stores.database.connection import Database, open_database
from portcullis.stores.database.migrate import bring_up_to_date

CONNECT_TIMEOUT_S: Final = 2.0


class UnusableFile(Exception):  # noqa: N818 - reads well after "raise"
    """The configuration file doesn't say where the state is kept."""


class Remote(Protocol):
    """Who asks a control process."""

    def close(self) -> None:
        """Close the connection."""


T = TypeVar("T")
R = TypeVar("R", bound=Remote)


class GatewayFile:
    """A configuration file, of which only a few sections are looked at.

    A mistake elsewhere in it must not keep anyone from revoking a key or disabling a user. Raises
    :class:`UnusableFile`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = _read(path)
        self.paths = StatePaths(_state(self.content, path), path)

    def names(self, section: str) -> frozenset[str]:
        """The names of what a section declares, as far as they can be read."""
        declared = self.content.get(section)
        return frozenset(map(str, declared)) if isinstance(declared, dict) else frozenset()

    def section(self, name: str) -> dict[Any, Any]:
        """A section; empty where it is none."""
        found = self.content.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def declared(self) -> Declared:
        """Plans and roles."""
        return Declared.of(self.names("plans"), self.names("roles"), self._exclusive())

    def _exclusive(self) -> Collection[Pair]:
        """Roles that exclude each other, as far as they can be read."""
        readable: dict[str, RoleConfig] = {}
        for name, role in self.section("roles").items():
            try:
                readable[str(name)] = RoleConfig.model_validate(role)
            except ValidationError:
                continue
        return Roles(readable).exclusive


@contextmanager
def reached(file: Path, remote: Callable[[Path], R], local: Callable[[Database, GatewayFile], T]) -> Iterator[R | T]:
    """What ``remote`` makes of the control socket of the gateway that is configured by ``file``, if it runs.

    Otherwise what ``local`` makes of its database. Raises :class:`UnusableFile`, ``OSError`` and
    :class:`~portcullis.stores.database.connection.DatabaseError`.
    """
    gateway = GatewayFile(file)
    if listens(gateway.paths.control_socket):
        with closing(remote(gateway.paths.control_socket)) as client:
            yield client
        return
    gateway.paths.prepare()
    with closing(open_database(gateway.paths.database())) as database:
        bring_up_to_date(database)
        yield local(database, gateway)


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


def listens(path: Path) -> bool:
    """Whether a control process is there. One that is there but does not accept is an error, not an absence."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
    return True
