"""What can be asked of the key service, what it tells, and how it says no.

These are also the bodies of the control API: strict, so that a misspelt member is an error. Times are RFC 3339 there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from portcullis.control.consumer_rules import MAX_NAMES, check_moments, check_names, check_scopes, moment_of
from portcullis.control.service_errors import ServiceError
from portcullis.engine.api_key_format import ApiKey, is_id
from portcullis.engine.config.names import check_name, check_operation
from portcullis.engine.config.values import parse_network
from portcullis.stores.database.keys import StoredKey

MAX_OVERLAP_S: Final = 90 * 86_400.0
DIGEST_PREFIX: Final = "sha256:"

_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

KeyState = Literal["live", "rotating", "replaced", "expired", "revoked"]
Environment = Literal["", "live", "test"]


class KeyServiceError(ServiceError):
    """The key service said no."""

    code = "keys.failed"


class InvalidOrder(KeyServiceError):  # noqa: N818 - reads well after "raise"
    """What was asked makes no sense."""

    code = "keys.invalid"
    status = 422


class UnknownKeyId(KeyServiceError):  # noqa: N818
    """There is no key of this id."""

    code = "keys.unknown_id"
    status = 404


class KeyConflict(KeyServiceError):  # noqa: N818
    """What was asked contradicts what is there."""

    code = "keys.conflict"
    status = 409


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for a key. ``plan`` and ``roles`` are those of its consumer, which is made if it does not exist.

    ``label`` says where the key is used (``eu-1``, ``staging``); ``expires``: from then on it is refused. Where it
    works, everywhere if empty: ``apis`` by their names, ``operations`` (``GET /orders/{id}``), ``networks`` that its
    caller is in. ``environment``: what it is for; an identity may want one of the two.
    """

    consumer: str
    plan: str | None = None
    roles: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    label: str = ""
    expires: datetime | None = None
    apis: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    environment: Environment = ""

    def check(self) -> None:
        """Raise :class:`InvalidOrder` unless every name and moment is a possible one."""
        _check(check_names, self.consumer, self.plan, self.roles)
        _check(check_scopes, self.scopes)
        check_label(self.label)
        _check(check_moments, self.expires)
        _check(_check_places, self.apis, self.operations, self.networks)


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to replace a key. The old one works for ``overlap_s`` more seconds."""

    overlap_s: float = 86_400.0

    def check(self) -> None:
        """Raise :class:`InvalidOrder` for an overlap that is negative or longer than 90 days."""
        if not 0 <= self.overlap_s <= MAX_OVERLAP_S:
            raise InvalidOrder("the overlap is between 0 and 90 days")


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known about a key: everything but the key. Its listing, and the form in which it is imported.

    ``digest`` is ``sha256:`` and the SHA-256 of the key in hexadecimal; ``lineage`` the id of the first key of its
    chain of rotations; ``state`` is worked out when it is listed, and ignored when it is imported, as is ``last_used``.
    """

    id: str
    digest: str
    consumer: str
    plan: str = ""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    label: str = ""
    state: KeyState | None = None
    created: datetime | None = None
    expires: datetime | None = None
    works_until: datetime | None = None
    revoked: datetime | None = None
    replaced_by: str | None = None
    lineage: str | None = None
    apis: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    environment: Environment = ""
    last_used: datetime | None = None

    def check(self) -> None:
        """Raise :class:`InvalidOrder` unless every part is a possible one."""
        if not all(map(is_id, (self.id, self.lineage or self.id, self.replaced_by or self.id))):
            raise InvalidOrder("a key's id has 8 characters, small letters and digits")
        if not _DIGEST.fullmatch(self.digest):
            raise InvalidOrder(f"key {self.id}: a digest is written sha256: and 64 hexadecimal digits")
        _check(check_names, self.consumer, self.plan, self.roles)
        _check(check_scopes, self.scopes)
        check_label(self.label)
        _check(check_moments, self.created, self.expires, self.works_until, self.revoked)
        _check(_check_places, self.apis, self.operations, self.networks)

    def works_at(self, api: str, operation: str) -> bool:
        """Whether it works at ``operation`` of ``api``, from somewhere."""
        return (not self.apis or api in self.apis) and (not self.operations or operation in self.operations)

    @property
    def ends(self) -> datetime | None:
        """When it stops working by itself: it expires, or the overlap with its successor ends."""
        return min((moment for moment in (self.expires, self.works_until) if moment is not None), default=None)


class IssuedKey(msgspec.Struct, frozen=True):
    """A key that was made just now. This is the only time that it can be seen."""

    key: ApiKey
    record: KeyRecord


class Imported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an import did: how many keys were added, changed, or already as declared."""

    added: int
    changed: int
    unchanged: int


def check_label(label: str) -> None:
    """Raise :class:`InvalidOrder` unless ``label`` is empty or a short plain word or two."""
    if label and not _LABEL.fullmatch(label):
        raise InvalidOrder("a label has at most 64 letters, digits, spaces and any of . _ -")


def record_of(key: StoredKey, now: float) -> KeyRecord:
    """``key`` as it may be shown at Unix time ``now``."""
    return KeyRecord(
        id=key.id,
        digest=DIGEST_PREFIX + key.digest.hex(),
        consumer=key.consumer.name,
        plan=key.consumer.plan,
        roles=key.consumer.roles,
        scopes=key.scopes,
        label=key.label,
        state=state_of(key, now),
        created=moment_of(key.created),
        expires=moment_of(key.expires),
        works_until=moment_of(key.not_after),
        revoked=moment_of(key.revoked_at),
        replaced_by=key.replaced_by,
        lineage=key.lineage,
        apis=key.apis,
        operations=key.operations,
        networks=key.networks,
        environment=_environment(key.environment),
        last_used=moment_of(key.last_used),
    )


def state_of(key: StoredKey, now: float) -> KeyState:
    """What becomes of ``key`` at Unix time ``now``: accepted if ``live`` or ``rotating``, refused otherwise."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires is not None and key.expires <= now:
        return "expired"
    if key.not_after is not None:
        return "rotating" if now < key.not_after else "replaced"
    return "live"


def _environment(stored: str) -> Environment:
    return "live" if stored == "live" else "test" if stored == "test" else ""


def _check(rule: Callable[..., None], *values: Any) -> None:
    """Raise :class:`InvalidOrder` where ``rule`` does not take ``values``."""
    try:
        rule(*values)
    except ValueError as error:
        raise InvalidOrder(str(error)) from error


def _check_places(apis: Collection[str], operations: Collection[str], networks: Collection[str]) -> None:
    for what, values, check in (
        ("APIs", apis, check_name),
        ("operations", operations, check_operation),
        ("networks", networks, parse_network),
    ):
        if len(values) > MAX_NAMES:
            raise ValueError(f"at most {MAX_NAMES} {what}")
        for value in values:
            check(value)
