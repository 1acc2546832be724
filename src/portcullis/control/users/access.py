"""The way of a command to the users: through the running gateway, or else straight to its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from portcullis.control.gateway_access import GatewayFile, UnusableFile, reached
from portcullis.control.users.client import RemoteUsers, Users
from portcullis.control.users.passwords import PasswordHasher, PasswordRules
from portcullis.control.users.service import UserService
from portcullis.engine.config.running import PasswordsConfig
from portcullis.stores.database.connection import Database
from portcullis.stores.database.users import UserStore


@contextmanager
def users_of(file: Path) -> Iterator[Users]:
    """The users of the gateway that is configured by ``file``. Raises as ``reached`` does."""
    with reached(file, RemoteUsers, _service) as users:
        yield users


def _service(database: Database, gateway: GatewayFile) -> UserService:
    service = UserService(UserStore(database), PasswordHasher())
    service.declare(gateway.declared, _rules(gateway))
    return service


def _rules(gateway: GatewayFile) -> PasswordRules:
    try:
        config = PasswordsConfig.model_validate(gateway.section("passwords"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, ("passwords", *first["loc"])))
        raise UnusableFile(f"{gateway.path}: {where}: {first['msg']}; `portcullis check` says more") from error
    return PasswordRules.of(config.min_length, config.deny_list, gateway.path.absolute().parent)
