"""The user service: makes, changes and removes users, and tells who changed.

There is one in the control process; a command that finds no control process uses one of its own on the same database.
Everything is decided inside one database transaction, and whatever another process changed is found by its revision
(:meth:`UserService.poll`). A password in clear exists until it is hashed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import RLock

import msgspec

from portcullis.control.consumer_rules import Declared, whole_milliseconds
from portcullis.control.consumers import consumer_for, declared_consumer
from portcullis.control.key_orders import Imported
from portcullis.control.users.orders import (
    InvalidUserOrder,
    NewPassword,
    NewRoles,
    NewUser,
    UnknownUser,
    UserConflict,
    UserRecord,
    record_of,
)
from portcullis.control.users.passwords import PasswordHasher, PasswordRules, check_hash
from portcullis.engine.authentication.user_messages import UserUpdate
from portcullis.stores.database.consumers import PASSWORDS
from portcullis.stores.database.users import StoredUser, UserStore, UserTransaction

Subscriber = Callable[[UserUpdate], None]

_log = logging.getLogger(__name__)


class UserService:
    """Changes users and tells subscribers who changed. Safe to call from several threads.

    ``wall_s`` gives Unix seconds. Methods raise :class:`~portcullis.control.users.orders.UserServiceError` for what
    they will not do, and :class:`~portcullis.stores.database.connection.DatabaseError` where the database fails.
    """

    def __init__(self, store: UserStore, hasher: PasswordHasher, wall_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._hasher = hasher
        self._wall_s = wall_s
        self._lock = RLock()
        self._subscribers: list[Subscriber] = []
        self._declared = Declared()
        self._rules = PasswordRules()
        self._removed: dict[int, str] = {}
        self._told = store.revision()

    def declare(self, declared: Declared, rules: PasswordRules) -> None:
        """What the configuration that is in force declares, and asks of passwords."""
        self._declared, self._rules = declared, rules

    def add(self, order: NewUser) -> UserRecord:
        """Make a user, and the consumer of its name if there is none yet."""
        order.check()
        self._check_declared(order.plan, order.roles)
        hashed = self._hash(order.name, order.password)
        now = self._now()
        with self._lock, self._store.changing() as change:
            if change.user(order.name) is not None:
                raise UserConflict(f"there is a user {order.name} already")
            try:
                consumer = consumer_for(change, order.name, order.plan, order.roles, now)
            except ValueError as error:
                raise UserConflict(str(error)) from error
            user = StoredUser(consumer, hashed, order.scopes, now, now)
            change.put_user(user)
        self.poll()
        return record_of(user)

    def listing(self) -> list[UserRecord]:
        """All users by name, without their hashes."""
        return [record_of(user) for user in self._store.listing()]

    def export(self) -> list[UserRecord]:
        """All users by name, with their hashes, as they can be imported."""
        return [record_of(user, with_hash=True) for user in self._store.listing()]

    def set_password(self, name: str, order: NewPassword) -> UserRecord:
        """Give a user another password."""
        hashed = self._hash(name, order.password)
        now = self._now()
        with self._lock, self._store.changing() as change:
            user = msgspec.structs.replace(_find(change, name), password=hashed, password_changed=now)
            change.put_user(user)
        self.poll()
        return record_of(user)

    def set_roles(self, name: str, order: NewRoles) -> UserRecord:
        """Give a user exactly these roles. They are its keys' too."""
        order.check(name)
        self._check_declared(order.plan, order.roles)
        with self._lock, self._store.changing() as change:
            user = _find(change, name)
            plan = user.consumer.plan if order.plan is None else order.plan
            consumer = declared_consumer(change, name, plan, order.roles, self._now())
        self.poll()
        return record_of(msgspec.structs.replace(user, consumer=consumer))

    def set_disabled(self, name: str, *, disabled: bool) -> UserRecord:
        """Refuse a user from now on, or no longer; doing it again changes nothing."""
        with self._lock, self._store.changing() as change:
            user = _find(change, name)
            if (user.disabled_at is not None) != disabled:
                user = msgspec.structs.replace(user, disabled_at=self._now() if disabled else None)
                change.put_user(user)
        self.poll()
        return record_of(user)

    def remove(self, name: str) -> UserRecord:
        """Remove a user for good: what it was. Its consumer stays if it has keys."""
        with self._lock, self._store.changing() as change:
            user = _find(change, name)
            change.remove_user(name)
            revision = change.next_revision(PASSWORDS)
        with self._lock:
            self._removed[revision] = name
        self.poll()
        return record_of(user)

    def import_records(self, records: Sequence[UserRecord]) -> Imported:
        """Make the store agree with ``records``, all or nothing; users that are not among them stay as they are."""
        for record in records:
            record.check()
            self._check_declared(record.plan or None, record.roles)
            try:
                check_hash(record.password)
            except ValueError as error:
                raise InvalidUserOrder(f"user {record.name}: {error}") from error
        now = self._now()
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        with self._lock, self._store.changing() as change:
            for record in records:
                counts[_declare_user(change, record, now)] += 1
        self.poll()
        return Imported(**counts)

    def latest(self) -> UserUpdate:
        """What a worker is told that knows nothing yet."""
        return UserUpdate(self._told)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber`` after each change, in the thread that made or found it, in the order of the revisions.

        It must not wait.
        """
        with self._lock:
            self._subscribers.append(subscriber)

    def poll(self) -> bool:
        """Tell subscribers of changes that they do not know yet, also of those that another process has made."""
        with self._lock:
            revision, changed = self._store.changed_since(self._told)
            if revision == self._told:
                return False
            names = {of: name for name, of in changed.items()}
            names.update(self._removed)
            self._removed.clear()
            # Users that another process has removed leave a revision that nobody has: then anyone may have changed.
            explained = all(each in names for each in range(self._told + 1, revision + 1))
            update = UserUpdate(revision, self._told, tuple(sorted({*changed, *names.values()})))
            self._told = revision
            for subscriber in self._subscribers:
                try:
                    subscriber(update if explained else UserUpdate(revision))
                except Exception:  # noqa: BLE001 - the change is made: one deaf subscriber must not hide it from others
                    _log.exception("a subscriber to changes of users failed")
            return True

    def _now(self) -> float:
        return whole_milliseconds(self._wall_s())

    def _hash(self, name: str, password: str) -> str:
        try:
            self._rules.check(name, password)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error
        except OSError as error:
            raise InvalidUserOrder(f"the list of common passwords can't be read: {error.strerror}") from error
        return self._hasher.hash(password)

    def _check_declared(self, plan: str | None, roles: Sequence[str] | None) -> None:
        try:
            self._declared.check(plan, roles)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error


def _find(change: UserTransaction, name: str) -> StoredUser:
    user = change.user(name)
    if user is None:
        raise UnknownUser(f"there is no user {name[:128]!r}; portcullis users list shows them")
    return user


def _declare_user(change: UserTransaction, record: UserRecord, now: float) -> str:
    existing = change.user(record.name)
    consumer = declared_consumer(change, record.name, record.plan, record.roles, now)
    created = record.created.timestamp() if record.created is not None else existing.created if existing else now
    changed = existing.password_changed if existing is not None and existing.password == record.password else now
    if record.password_changed is not None:
        changed = record.password_changed.timestamp()
    declared = StoredUser(
        consumer,
        record.password,
        record.scopes,
        created,
        changed,
        None if record.disabled is None else record.disabled.timestamp(),
    )
    if existing is None:
        change.put_user(declared)
        return "added"
    if msgspec.structs.replace(existing, revision=0) == declared:
        return "unchanged"
    change.put_user(declared)
    return "changed"
