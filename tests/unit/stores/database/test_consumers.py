from __future__ import annotations

import msgspec

from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import (
    KEYS,
    PASSWORDS,
    ConsumerTransaction,
    StoredConsumer,
    current_revision,
)
from portcullis.stores.database.keys import KeyStore, StoredKey
from portcullis.stores.database.users import StoredUser, UserStore

ALICE = StoredConsumer("alice", "gold", ("clerk",), 100.0)


def _revisions(database: Database) -> tuple[int, int]:
    with database.reading() as connection:
        return current_revision(connection, KEYS), current_revision(connection, PASSWORDS)


def _put(database: Database, consumer: StoredConsumer) -> None:
    with database.writing() as connection:
        ConsumerTransaction(connection).put_consumer(consumer)


def test_a_consumer_comes_out_as_it_was_put_in(database: Database) -> None:
    _put(database, ALICE)
    with database.writing() as connection:
        change = ConsumerTransaction(connection)
        assert change.consumer("alice") == ALICE
        assert change.consumer("nobody") is None


def test_a_consumer_without_keys_and_password_is_nothing_that_workers_know_of(database: Database) -> None:
    _put(database, ALICE)
    _put(database, msgspec.structs.replace(ALICE, plan="free"))
    assert _revisions(database) == (0, 0)


def test_with_a_consumer_its_keys_and_its_user_change(database: Database) -> None:
    _put(database, ALICE)
    with UserStore(database).changing() as change:
        change.put_user(StoredUser(ALICE, "hash", (), 1.0, 1.0))
    _put(database, msgspec.structs.replace(ALICE, plan="free"))
    assert _revisions(database) == (0, 2)
    with KeyStore(database).changing() as keys:
        keys.put_key(StoredKey("key00001", b"1", ALICE, "key00001", (), "", 1.0))
    _put(database, ALICE)
    assert _revisions(database) == (2, 3)


def test_one_transaction_takes_one_revision_of_each_subject(database: Database) -> None:
    with database.writing() as connection:
        change = ConsumerTransaction(connection)
        taken = [change.next_revision(KEYS), change.next_revision(PASSWORDS), change.next_revision(KEYS)]
    assert taken == [1, 1, 1]
    with database.writing() as connection:
        assert ConsumerTransaction(connection).next_revision(KEYS) == 2
