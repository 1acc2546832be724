"""What can be asked of the user service, what it tells, and how it says no.

These are also the bodies of the control API: strict, so that a misspelt member is an error. Times are RFC 3339 there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from portcullis.control.consumer_rules import check_moments, check_names, check_scopes, moment_of
from portcullis.control.service_errors import ServiceError
from portcullis.stores.database.users import StoredUser

UserState = Literal["active", "disabled"]


class UserServiceError(ServiceError):
    """The user service said no."""

    code = "users.failed"


class InvalidUserOrder(UserServiceError):  # noqa: N818 - reads well after "raise"
    """What was asked makes no sense."""

    code = "users.invalid"
    status = 422


class UnknownUser(UserServiceError):  # noqa: N818
    """There is no user of this name."""

    code = "users.unknown"
    status = 404


class UserConflict(UserServiceError):  # noqa: N818
    """What was asked contradicts what is there."""

    code = "users.conflict"
    status = 409


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for a user. ``plan`` and ``roles`` are those of the consumer of its name, made if it does not exist."""

    name: str
    password: str
    plan: str | None = None
    roles: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"NewUser({self.name})"

    def check(self) -> None:
        """Raise :class:`InvalidUserOrder` unless every name is a possible one. The password is another matter."""
        try:
            check_names(self.name, self.plan, self.roles)
            check_scopes(self.scopes)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to change a password."""

    password: str

    def __repr__(self) -> str:
        return "NewPassword(***)"


class NewRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to give a user exactly these roles, and the plan, if one is named."""

    roles: tuple[str, ...]
    plan: str | None = None

    def check(self, name: str) -> None:
        """Raise :class:`InvalidUserOrder` unless every name is a possible one."""
        try:
            check_names(name, self.plan, self.roles)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error


class UserRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be known about a user: its listing, and the form in which it is exported and imported.

    ``password``: the argon2id hash, only in what is exported or imported; ``disabled``: since when. ``state`` is worked
    out when it is listed, and ignored when it is imported.
    """

    name: str
    plan: str = ""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    state: UserState | None = None
    created: datetime | None = None
    password_changed: datetime | None = None
    disabled: datetime | None = None
    password: str = ""

    def __repr__(self) -> str:
        return f"UserRecord({self.name}, {self.state})"

    def check(self) -> None:
        """Raise :class:`InvalidUserOrder` unless every part but the hash is a possible one."""
        try:
            check_names(self.name, self.plan, self.roles)
            check_scopes(self.scopes)
            check_moments(self.created, self.password_changed, self.disabled)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error


def record_of(user: StoredUser, *, with_hash: bool = False) -> UserRecord:
    """``user`` as it may be shown; ``with_hash``: to be imported again."""
    return UserRecord(
        name=user.name,
        plan=user.consumer.plan,
        roles=user.consumer.roles,
        scopes=user.scopes,
        state="active" if user.disabled_at is None else "disabled",
        created=moment_of(user.created),
        password_changed=moment_of(user.password_changed),
        disabled=moment_of(user.disabled_at),
        password=user.password if with_hash else "",
    )
