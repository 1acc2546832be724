"""What can be asked of the key service, what it tells, and how it says no.

These are also the bodies of the control API: strict, so that a misspelt member is an error. Times are RFC 3339 there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from portcullis.engine.api_key_format import ApiKey, is_id
from portcullis.engine.policies.authorize.scopes import check_scope
from portcullis.stores.database.keys import StoredKey

MAX_NAMES: Final = 64
MAX_OVERLAP_S: Final = 90 * 86_400.0
DIGEST_PREFIX: Final = "sha256:"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

KeyState = Literal["live", "rotating", "replaced", "expired", "revoked"]


class KeyServiceError(Exception):
    """The service said no. ``code`` is stable, ``detail`` a sentence that holds no secret."""

    code: str = "keys.failed"
    status: int = 500

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code


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

    ``label`` says where the key is used (``live``, ``staging``); ``expires``: from then on it is refused.
    """

    consumer: str
    plan: str | None = None
    roles: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    label: str = ""
    expires: datetime | None = None

    def check(self) -> None:
        """Raise :class:`InvalidOrder` unless every name and moment is a possible one."""
        _check_names([self.consumer, *([self.plan] if self.plan else []), *(self.roles or ())])
        _check_scopes(self.scopes)
        check_label(self.label)
        _check_moments(self.expires)


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
    chain of rotations; ``state`` is worked out when it is listed, and ignored when it is imported.
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

    def check(self) -> None:
        """Raise :class:`InvalidOrder` unless every part is a possible one."""
        if not all(map(is_id, (self.id, self.lineage or self.id, self.replaced_by or self.id))):
            raise InvalidOrder("a key's id has 8 characters, small letters and digits")
        if not _DIGEST.fullmatch(self.digest):
            raise InvalidOrder(f"key {self.id}: a digest is written sha256: and 64 hexadecimal digits")
        _check_names([self.consumer, *([self.plan] if self.plan else []), *self.roles])
        _check_scopes(self.scopes)
        check_label(self.label)
        _check_moments(self.created, self.expires, self.works_until, self.revoked)


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
        created=_moment(key.created),
        expires=_moment(key.expires),
        works_until=_moment(key.not_after),
        revoked=_moment(key.revoked_at),
        replaced_by=key.replaced_by,
        lineage=key.lineage,
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


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _check_names(names: list[str]) -> None:
    if len(names) > MAX_NAMES:
        raise InvalidOrder(f"at most {MAX_NAMES} names")
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidOrder(
                "names of consumers, plans and roles have letters, digits and any of . _ @ - (at most 128)"
            )


def _check_scopes(scopes: tuple[str, ...]) -> None:
    if len(scopes) > MAX_NAMES:
        raise InvalidOrder(f"at most {MAX_NAMES} scopes")
    for scope in scopes:
        try:
            check_scope(scope)
        except ValueError as error:
            raise InvalidOrder(str(error)) from error


def _check_moments(*moments: datetime | None) -> None:
    if any(moment is not None and moment.tzinfo is None for moment in moments):
        raise InvalidOrder("a time needs its offset: 2027-01-01T00:00:00Z")
