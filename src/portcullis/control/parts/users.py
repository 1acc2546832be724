"""Users: their passwords checked for workers, who are told of every change, and what commands ask about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.authentication.user_messages import TOPIC, UserUpdate, encode
from portcullis.engine.authorization.roles import Roles
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.users.checking import PasswordChecks
    from portcullis.control.users.service import UserService

POLL_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


class UsersSettings(msgspec.Struct, frozen=True):
    """What consumers may have, of ``exclusive`` roles not both; what passwords must be; ``folder``: of the file."""

    plans: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, str], ...] = ()
    min_length: int = 12
    deny_list: str | None = None


class Users:
    """Keeps users, checks their passwords and tells workers who changed."""

    def __init__(self, services: ControlServices, users: UserService, checks: PasswordChecks) -> None:
        self._services = services
        self._users = users
        self._checks = checks
        self._in_trouble = False
        services.hub.announce(TOPIC, lambda: encode(users.latest()))
        services.hub.answer(TOPIC, checks.answer)

    def take_over(self, settings: UsersSettings) -> None:
        """Go by ``settings`` from now on."""
        from portcullis.control.consumer_rules import Declared  # noqa: PLC0415
        from portcullis.control.users.passwords import PasswordRules  # noqa: PLC0415

        declared = Declared.of(settings.plans, settings.roles, settings.exclusive)
        folder = self._services.files.directory
        self._users.declare(declared, PasswordRules.of(settings.min_length, settings.deny_list, folder))

    def routes(self) -> Sequence[BaseRoute]:
        """``/v1/users``."""
        from portcullis.control.users.routes import user_routes  # noqa: PLC0415

        return user_routes(self._users)

    async def run(self) -> None:
        """Notice changes that another process made in the database, until cancelled."""
        loop = asyncio.get_running_loop()

        def publish(update: UserUpdate) -> None:
            loop.call_soon_threadsafe(self._services.hub.publish, TOPIC, encode(update))

        self._users.subscribe(publish)
        try:
            while True:
                await asyncio.sleep(POLL_SECONDS)
                await self._poll()
        finally:
            self._checks.close()

    async def _poll(self) -> None:
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        try:
            await asyncio.to_thread(self._users.poll)
        except DatabaseError as error:
            if not self._in_trouble:
                _log.warning("portcullis: the database of users: %s", error)
            self._in_trouble = True
        else:
            if self._in_trouble:
                _log.warning("portcullis: the database of users: works again")
            self._in_trouble = False


def _settings(configuration: Configuration) -> UsersSettings:
    return UsersSettings(
        tuple(configuration.plans),
        tuple(configuration.roles),
        tuple(sorted(Roles(configuration.roles).exclusive)),
        configuration.passwords.min_length,
        configuration.passwords.deny_list,
    )


def _make(services: ControlServices) -> Any:
    # What hashes and what reads the database is loaded where it is used: the supervisor only reads the settings.
    from portcullis.control.users.checking import PasswordChecks  # noqa: PLC0415
    from portcullis.control.users.measuring import PasswordCollector  # noqa: PLC0415
    from portcullis.control.users.passwords import PasswordHasher  # noqa: PLC0415
    from portcullis.control.users.service import UserService  # noqa: PLC0415
    from portcullis.stores.clock import SystemClock  # noqa: PLC0415
    from portcullis.stores.database.users import UserStore  # noqa: PLC0415

    store, hasher = UserStore(services.database), PasswordHasher()
    checks = PasswordChecks(store, hasher, services.counters, SystemClock())
    services.hub.metrics.add(PasswordCollector(checks))
    return Users(services, UserService(store, hasher, services.wall_s), checks)


PART = PartKind("users", UsersSettings, _settings, _make)
