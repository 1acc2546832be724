from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portcullis.stores.database.connection import Database, DatabaseError
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.keys import KeyStore, StoredKey
from portcullis.stores.database.users import StoredUser, UserStore

CONSUMER = StoredConsumer("alice", "gold", ("clerk",), 100.0)
ALICE = StoredUser(CONSUMER, "$argon2id$hash", ("orders:read",), 1.0, 2.0)


@pytest.fixture
def store(database: Database) -> UserStore:
    return UserStore(database)


def _put(store: UserStore, name: str = "alice", **values: Any) -> StoredUser:
    user = msgspec.structs.replace(ALICE, consumer=msgspec.structs.replace(CONSUMER, name=name), **values)
    with store.changing() as change:
        change.put_consumer(user.consumer)
        change.put_user(user)
    return user


def test_what_is_put_in_comes_out(store: UserStore) -> None:
    user = _put(store, disabled_at=9.5)
    assert store.find("alice") == (1, msgspec.structs.replace(user, revision=1))
    assert store.find("bob") == (1, None)
    assert store.listing() == [msgspec.structs.replace(user, revision=1)]


def test_users_come_by_name(store: UserStore) -> None:
    for name in ("carol", "alice", "bob"):
        _put(store, name)
    assert [user.name for user in store.listing()] == ["alice", "bob", "carol"]


def test_changes_are_found_by_their_revisions(store: UserStore) -> None:
    _put(store, "alice")
    _put(store, "bob")
    _put(store, "alice", scopes=())
    assert store.changed_since(-1) == (3, {"alice": 3, "bob": 2})
    assert store.changed_since(2) == (3, {"alice": 3})
    assert store.revision() == 3


def test_another_hash_of_the_same_password_is_no_change(store: UserStore) -> None:
    _put(store)
    store.renew_hash("alice", ALICE.password, "$argon2id$another")
    revision, user = store.find("alice")
    assert user is not None
    assert (revision, user.password) == (1, "$argon2id$another")
    store.renew_hash("alice", ALICE.password, "$argon2id$too late")
    assert store.listing()[0].password == "$argon2id$another"


def test_a_removed_user_is_gone_with_its_consumer(store: UserStore) -> None:
    _put(store)
    with store.changing() as change:
        change.remove_user("alice")
        assert change.user("alice") is None
        assert change.consumer("alice") is None
    assert store.changed_since(1) == (2, {})


def test_a_consumer_that_has_keys_outlives_its_user(store: UserStore, database: Database) -> None:
    _put(store)
    with KeyStore(database).changing() as keys:
        keys.put_key(StoredKey("key00001", b"1", CONSUMER, "key00001", (), "", 1.0))
    with store.changing() as change:
        change.remove_user("alice")
        assert change.consumer("alice") == CONSUMER


def test_a_user_that_is_no_consumer_is_refused(store: UserStore) -> None:
    with pytest.raises(DatabaseError), store.changing() as change:
        change.put_user(ALICE)


def test_no_hash_is_in_a_representation(store: UserStore) -> None:
    _put(store)
    assert "argon2id" not in repr(store.listing())
