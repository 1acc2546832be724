"""The key service: makes, rotates and revokes API keys, and tells the workers.

There is one in the control process; a command that finds no control process uses one of its own on the same
database. Everything is decided inside one database transaction, so two of them can't contradict each other, and
whatever one changed the other finds by its revision (:meth:`KeyService.poll`).

A key in clear exists from :func:`~portcullis.engine.api_key_format.mint` until the caller has shown it; what is
stored, logged and sent to workers is its SHA-256.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from threading import RLock
from typing import Final

import msgspec

from portcullis.control.consumer_rules import Declared, plan_in_words, sorted_names, whole_milliseconds
from portcullis.control.key_orders import (
    DIGEST_PREFIX,
    Imported,
    InvalidOrder,
    IssuedKey,
    KeyConflict,
    KeyRecord,
    NewKey,
    Rotation,
    UnknownKeyId,
    record_of,
    state_of,
)
from portcullis.engine.api_key_format import ApiKey, is_id, mint
from portcullis.engine.authorization.roles import Pair
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.keys import KeyStore, KeyTransaction, StoredKey
from portcullis.stores.keys import KeyChange, encode_update

Subscriber = Callable[[bytes], None]

_log = logging.getLogger(__name__)
_MINT_ATTEMPTS: Final = 8


class KeyService:
    """Changes keys and tells subscribers. Safe to call from several threads.

    ``wall_s`` gives Unix seconds, ``random_below(n)`` an unpredictable number below n. Methods raise
    :class:`~portcullis.control.key_orders.KeyServiceError` for what they will not do, and
    :class:`~portcullis.stores.database.connection.DatabaseError` where the database fails.
    """

    def __init__(
        self,
        store: KeyStore,
        wall_s: Callable[[], float] = time.time,
        random_below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._store = store
        self._wall_s = wall_s
        self._random_below = random_below
        self._lock = RLock()
        self._subscribers: list[Subscriber] = []
        self._declared = Declared()
        self._apis: frozenset[str] | None = None
        self._told = store.revision()

    def declare(
        self,
        plans: Collection[str],
        roles: Collection[str],
        exclusive: Iterable[Pair] = (),
        apis: Collection[str] | None = None,
    ) -> None:
        """The plans, roles and APIs of the configuration that is in force; others are refused from now on.

        ``exclusive``: roles of which no consumer is given both.
        """
        self._declared = Declared.of(plans, roles, exclusive)
        self._apis = None if apis is None else frozenset(apis)

    def create(self, order: NewKey) -> IssuedKey:
        """Make a key, and its consumer if there is none of that name yet."""
        order.check()
        self._check_declared(order.plan, order.roles, order.apis)
        now = self._now()
        expires = order.expires.timestamp() if order.expires is not None else None
        if expires is not None and expires <= now:
            raise InvalidOrder("a key can't expire in the past")
        with self._lock, self._store.changing() as change:
            consumer = _consumer_for(change, order, now)
            key = self._mint(change)
            stored = StoredKey(
                id=key.id,
                digest=key.digest,
                consumer=consumer,
                lineage=key.id,
                scopes=order.scopes,
                label=order.label,
                created=now,
                expires=expires,
                apis=order.apis,
                operations=order.operations,
                networks=order.networks,
                environment=order.environment,
            )
            change.put_key(stored)
        self.poll()
        return IssuedKey(key, record_of(stored, now))

    def listing(self, consumer: str | None = None) -> list[KeyRecord]:
        """All keys, or those of one consumer, oldest first; never a key itself."""
        now = self._now()
        return [record_of(key, now) for key in self._store.listing(consumer)]

    def rotate(self, key_id: str, rotation: Rotation) -> IssuedKey:
        """Make a key that replaces ``key_id``: for the same consumer, good for the same, with the same time to live.

        The old one works until the overlap ends. At most two keys of one lineage work at any time.
        """
        rotation.check()
        now = self._now()
        with self._lock, self._store.changing() as change:
            old = _find(change, key_id)
            _check_rotatable(old, change.lineage(old.lineage), now)
            key = self._mint(change)
            expires = whole_milliseconds(now + old.expires - old.created) if old.expires is not None else None
            new = msgspec.structs.replace(
                old, id=key.id, digest=key.digest, created=now, expires=expires, last_used=None
            )
            change.put_key(new)
            until = whole_milliseconds(now + rotation.overlap_s)
            change.put_key(msgspec.structs.replace(old, not_after=until, replaced_by=key.id))
        self.poll()
        return IssuedKey(key, record_of(new, now))

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse this key from now on, for good. Revoking it again changes nothing."""
        now = self._now()
        with self._lock, self._store.changing() as change:
            key = _find(change, key_id)
            if key.revoked_at is None:
                key = msgspec.structs.replace(key, revoked_at=now)
                change.put_key(key)
        self.poll()
        return record_of(key, now)

    def import_records(self, records: Sequence[KeyRecord]) -> Imported:
        """Make the store agree with ``records``, all or nothing; keys that are not among them stay as they are.

        Plan and roles of a consumer become those declared. What was revoked stays revoked.
        """
        for record in records:
            record.check()
            self._check_declared(record.plan or None, record.roles, record.apis)
        now = self._now()
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        with self._lock, self._store.changing() as change:
            for record in records:
                counts[_declare_key(change, record, now)] += 1
        self.poll()
        return Imported(**counts)

    @property
    def revision(self) -> int:
        """The newest revision that subscribers have been told of."""
        return self._told

    def changes_since(self, revision: int) -> list[KeyChange]:
        """The keys that changed after ``revision``, as they are now; all keys since -1."""
        return [_change(key) for key in self._store.changed_since(revision)[1]]

    def encode_snapshot(self) -> bytes:
        """The message that tells a new worker everything. Subscribe the worker first, then send it this."""
        return self.encode_changes(-1)

    def encode_changes(self, since: int) -> bytes:
        """The message with everything that changed after ``since``; a snapshot since -1."""
        revision, keys = self._store.changed_since(since)
        return encode_update(revision, map(_change, keys), snapshot=since < 0)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` with an encoded message after each change; gives the function that ends it.

        It is called in the thread that made the change, in the order of the revisions, and must not wait.
        """
        with self._lock:
            self._subscribers.append(subscriber)
        return lambda: self._unsubscribe(subscriber)

    def poll(self) -> bool:
        """Tell subscribers of changes that they do not know yet, also of those that another process has made."""
        with self._lock:
            revision, keys = self._store.changed_since(self._told)
            if revision == self._told:
                return False
            self._told = revision
            message = encode_update(revision, map(_change, keys), snapshot=False)
            for subscriber in tuple(self._subscribers):
                try:
                    subscriber(message)
                except Exception:  # noqa: BLE001 - the change is made: one deaf subscriber must not hide it from others
                    _log.exception("a subscriber to key changes failed")
            return True

    def _now(self) -> float:
        return whole_milliseconds(self._wall_s())

    def _unsubscribe(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers.remove(subscriber)

    def _mint(self, change: KeyTransaction) -> ApiKey:
        for _ in range(_MINT_ATTEMPTS):
            key = mint(self._random_below)
            if change.key(key.id) is None:
                return key
        raise KeyConflict("no free key id was found; try again")

    def _check_declared(self, plan: str | None, roles: Sequence[str] | None, apis: Sequence[str]) -> None:
        try:
            self._declared.check(plan, roles)
        except ValueError as error:
            raise InvalidOrder(str(error)) from error
        for api in apis:
            if self._apis is not None and api not in self._apis:
                known = ", ".join(sorted(self._apis)) or "none"
                raise InvalidOrder(f"there is no API {api!r}; the configuration declares: {known}")


def _find(change: KeyTransaction, key_id: str) -> StoredKey:
    key = change.key(key_id) if is_id(key_id) else None
    if key is None:
        raise UnknownKeyId("there is no key of this id; portcullis keys list shows the ids")
    return key


def _consumer_for(change: KeyTransaction, order: NewKey, now: float) -> StoredConsumer:
    """The consumer of the order, made if it is new; an order that contradicts an existing one is refused."""
    consumer = change.consumer(order.consumer)
    if consumer is None:
        consumer = StoredConsumer(order.consumer, order.plan or "", sorted_names(order.roles), now)
        change.put_consumer(consumer)
        return consumer
    if order.plan is not None and order.plan != consumer.plan:
        raise KeyConflict(
            f"consumer {consumer.name} exists with {plan_in_words(consumer.plan)}, not {plan_in_words(order.plan)}"
        )
    if order.roles is not None and set(order.roles) != set(consumer.roles):
        raise KeyConflict(f"consumer {consumer.name} exists with other roles: {', '.join(consumer.roles) or 'none'}")
    return consumer


def _check_rotatable(key: StoredKey, lineage: Sequence[StoredKey], now: float) -> None:
    state = state_of(key, now)
    if key.replaced_by is not None:
        raise KeyConflict(f"key {key.id} was already replaced by {key.replaced_by}; rotate that one")
    if state != "live":
        raise KeyConflict(f"key {key.id} is {state}; create a new one")
    for other in lineage:
        if other.id != key.id and state_of(other, now) in ("live", "rotating"):
            raise KeyConflict(f"key {other.id}, which {key.id} replaces, still works; revoke it or wait for its end")


def _declare_key(change: KeyTransaction, record: KeyRecord, now: float) -> str:
    digest = bytes.fromhex(record.digest.removeprefix(DIGEST_PREFIX))
    existing, same_digest = change.key(record.id), change.key_of_digest(digest)
    if existing != same_digest:
        raise KeyConflict(f"key {record.id} is already there with another digest, or its digest with another id")
    consumer = change.consumer(record.consumer)
    roles = sorted_names(record.roles)
    if consumer is None or (consumer.plan, consumer.roles) != (record.plan, roles):
        consumer = StoredConsumer(
            record.consumer, record.plan, roles, consumer.created if consumer is not None else now
        )
        change.put_consumer(consumer)
    revoked = record.revoked.timestamp() if record.revoked is not None else None
    declared = StoredKey(
        id=record.id,
        digest=digest,
        consumer=consumer,
        lineage=record.lineage or record.id,
        scopes=record.scopes,
        label=record.label,
        created=record.created.timestamp() if record.created is not None else existing.created if existing else now,
        expires=record.expires.timestamp() if record.expires is not None else None,
        not_after=record.works_until.timestamp() if record.works_until is not None else None,
        revoked_at=existing.revoked_at if existing is not None and existing.revoked_at is not None else revoked,
        replaced_by=record.replaced_by,
        apis=record.apis,
        operations=record.operations,
        networks=record.networks,
        environment=record.environment,
        last_used=None if existing is None else existing.last_used,
    )
    if existing is None:
        change.put_key(declared)
        return "added"
    if msgspec.structs.replace(existing, revision=0) == declared:
        return "unchanged"
    change.put_key(declared)
    return "changed"


def _change(key: StoredKey) -> KeyChange:
    return KeyChange(
        digest=key.digest,
        revision=key.revision,
        id=key.id,
        consumer=key.consumer.name,
        plan=key.consumer.plan,
        roles=key.consumer.roles,
        scopes=key.scopes,
        expires=key.expires,
        not_after=key.not_after,
        revoked=key.revoked_at is not None,
        apis=key.apis,
        operations=key.operations,
        networks=key.networks,
        environment=key.environment,
    )
