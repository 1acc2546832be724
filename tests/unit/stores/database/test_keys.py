from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portcullis.stores.database.connection import Database, DatabaseError, open_database
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.keys import KeyStore, StoredKey

ACME = StoredConsumer("acme", "gold", ("auditor", "clerk"), 100.0)


def _key(number: int, consumer: StoredConsumer = ACME, **values: Any) -> StoredKey:
    name = f"key{number:05}"
    return StoredKey(name, bytes([number]) * 32, consumer, name, ("orders:read",), "live", float(number), **values)


@pytest.fixture
def store(database: Database) -> KeyStore:
    store = KeyStore(database)
    with store.changing() as change:
        change.put_consumer(ACME)
    return store


def test_what_is_put_in_comes_out(store: KeyStore) -> None:
    key = _key(1, expires=9.5, not_after=8.25, revoked_at=7.0, replaced_by="key00002")
    with store.changing() as change:
        change.put_key(key)
    assert store.listing() == [msgspec.structs.replace(key, revision=1)]


def test_where_a_key_works_comes_out_too(store: KeyStore) -> None:
    key = _key(1, apis=("shop",), operations=("GET /orders",), networks=("10.0.0.0/8",), environment="live")
    with store.changing() as change:
        change.put_key(key)
    assert store.listing() == [msgspec.structs.replace(key, revision=1)]


def test_the_last_use_is_kept_and_is_no_change(store: KeyStore) -> None:
    with store.changing() as change:
        change.put_key(_key(1))
        change.put_key(_key(2))
    store.note_uses({"key00001": 50.0, "nokey000": 60.0})
    store.note_uses({"key00001": 40.0})
    store.note_uses({})
    assert [key.last_used for key in store.listing()] == [50.0, None]
    assert store.revision() == 1
    with store.changing() as change:
        change.put_key(_key(1, expires=9.0))
    assert [key.last_used for key in store.listing()] == [50.0, None]


def test_keys_to_look_after_are_counted_and_the_first_are_named(store: KeyStore) -> None:
    with store.changing() as change:
        for number in range(1, 13):
            change.put_key(_key(number, expires=100.0 - number))
        change.put_key(_key(20, expires=5.0))
        change.put_key(_key(21, revoked_at=5.0, expires=90.0))
        change.put_key(_key(22, not_after=90.0, expires=90.0))
        change.put_key(_key(23))
    found = store.reminders(now=50.0, expires_before=98.0, created_before=3.0)
    assert (found.live, found.expiring, found.due) == (13, 11, 3)
    assert [key.id for key in found.first] == [f"key{number:05}" for number in range(12, 2, -1)]


def test_keys_come_oldest_first_and_by_consumer(store: KeyStore) -> None:
    globex = StoredConsumer("globex", "", (), 1.0)
    with store.changing() as change:
        change.put_consumer(globex)
        for key in (_key(3), _key(1), _key(2, globex)):
            change.put_key(key)
    assert [key.id for key in store.listing()] == ["key00001", "key00002", "key00003"]
    assert [key.id for key in store.listing("globex")] == ["key00002"]
    assert store.listing("nobody") == []


def test_all_changes_of_a_transaction_have_one_revision_and_the_next_one_a_higher(store: KeyStore) -> None:
    with store.changing() as change:
        change.put_key(_key(1))
        change.put_key(_key(2))
    with store.changing() as change:
        change.put_key(_key(2, revoked_at=5.0))
    assert [(key.id, key.revision) for key in store.listing()] == [("key00001", 1), ("key00002", 2)]
    assert store.changed_since(1) == (2, [store.listing()[1]])
    assert store.changed_since(2) == (2, [])
    assert len(store.changed_since(-1)[1]) == 2


def test_a_transaction_that_only_reads_takes_no_revision(store: KeyStore) -> None:
    with store.changing() as change:
        assert change.key("key00001") is None
    assert store.revision() == 0


def test_a_transaction_sees_what_it_wrote(store: KeyStore) -> None:
    with store.changing() as change:
        change.put_key(_key(1))
        change.put_key(msgspec.structs.replace(_key(2), lineage="key00001"))
        assert change.consumer("acme") == ACME
        assert change.consumer("nobody") is None
        assert [key.id for key in change.lineage("key00001")] == ["key00001", "key00002"]
        found = change.key_of_digest(b"\2" * 32)
        assert found is not None
        assert found.id == "key00002"


def test_changing_a_consumer_changes_its_keys(store: KeyStore) -> None:
    with store.changing() as change:
        change.put_key(_key(1))
    with store.changing() as change:
        change.put_consumer(msgspec.structs.replace(ACME, plan="free"))
    revision, [key] = store.changed_since(1)
    assert (revision, key.consumer.plan, key.revision) == (2, "free", 2)


def test_an_exception_takes_everything_back(store: KeyStore) -> None:
    def fail() -> None:
        with store.changing() as change:
            change.put_key(_key(1))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()
    assert store.changed_since(-1) == (0, [])


def test_two_keys_with_one_digest_are_refused(store: KeyStore) -> None:
    with store.changing() as change:
        change.put_key(_key(1))
    with pytest.raises(DatabaseError), store.changing() as change:
        change.put_key(msgspec.structs.replace(_key(2), digest=b"\1" * 32))


def test_a_key_of_nobody_is_refused(store: KeyStore) -> None:
    with pytest.raises(DatabaseError), store.changing() as change:
        change.put_key(_key(1, StoredConsumer("nobody", "", (), 1.0)))


def test_another_process_sees_changes_at_once(store: KeyStore, database: Database) -> None:
    other = open_database(database.url)
    with store.changing() as change:
        change.put_key(_key(1))
    assert [key.id for key in KeyStore(other).listing()] == ["key00001"]
    other.close()
