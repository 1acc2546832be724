"""The user service as a command sees it, through the control API of a running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from portcullis.control.control_client import IMPORT_TIMEOUT_S, ControlClient
from portcullis.control.key_orders import Imported
from portcullis.control.users.orders import (
    InvalidUserOrder,
    NewPassword,
    NewRoles,
    NewUser,
    UserRecord,
    UserServiceError,
)


class Users(Protocol):
    """What commands need: :class:`~portcullis.control.users.service.UserService`, here or in the control process."""

    def add(self, order: NewUser) -> UserRecord:
        """Make a user."""

    def listing(self) -> list[UserRecord]:
        """All users, without their hashes."""

    def export(self) -> list[UserRecord]:
        """All users, with their hashes."""

    def set_password(self, name: str, order: NewPassword) -> UserRecord:
        """Give a user another password."""

    def set_roles(self, name: str, order: NewRoles) -> UserRecord:
        """Give a user exactly these roles."""

    def set_disabled(self, name: str, *, disabled: bool) -> UserRecord:
        """Refuse a user from now on, or no longer."""

    def remove(self, name: str) -> UserRecord:
        """Remove a user for good."""

    def import_records(self, records: Sequence[UserRecord]) -> Imported:
        """Make the store agree with ``records``."""


class _Listing(msgspec.Struct):
    users: list[UserRecord]


class RemoteUsers:
    """Asks the control process at ``socket``.

    Methods raise :class:`~portcullis.control.control_client.NoControlProcess` where nobody listens, and
    :class:`~portcullis.control.users.orders.UserServiceError` for every other failure.
    """

    def __init__(self, socket: Path) -> None:
        self._control = ControlClient(socket, UserServiceError, InvalidUserOrder, "portcullis users list")

    def close(self) -> None:
        """Close the connection."""
        self._control.close()

    def add(self, order: NewUser) -> UserRecord:
        """Make a user."""
        return self._control.ask("POST", "/v1/users", UserRecord, order)

    def listing(self) -> list[UserRecord]:
        """All users, without their hashes."""
        return self._control.ask("GET", "/v1/users", _Listing).users

    def export(self) -> list[UserRecord]:
        """All users, with their hashes."""
        return self._control.ask("GET", "/v1/users/export", _Listing, timeout=IMPORT_TIMEOUT_S).users

    def set_password(self, name: str, order: NewPassword) -> UserRecord:
        """Give a user another password."""
        return self._control.ask("POST", _path(name, "password"), UserRecord, order)

    def set_roles(self, name: str, order: NewRoles) -> UserRecord:
        """Give a user exactly these roles."""
        return self._control.ask("POST", _path(name, "roles"), UserRecord, order)

    def set_disabled(self, name: str, *, disabled: bool) -> UserRecord:
        """Refuse a user from now on, or no longer."""
        return self._control.ask("POST", _path(name, "disable" if disabled else "enable"), UserRecord)

    def remove(self, name: str) -> UserRecord:
        """Remove a user for good."""
        return self._control.ask("POST", _path(name, "remove"), UserRecord)

    def import_records(self, records: Sequence[UserRecord]) -> Imported:
        """Make the store agree with ``records``."""
        return self._control.ask("POST", "/v1/users/import", Imported, records, timeout=IMPORT_TIMEOUT_S)


def _path(name: str, action: str) -> str:
    return f"/v1/users/{quote(name, safe='')}/{action}"
