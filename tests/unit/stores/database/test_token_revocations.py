from __future__ import annotations

import pytest

from portcullis.engine.token_service.messages import Revoked
from portcullis.stores.database import token_revocations
from portcullis.stores.database.connection import Database
from portcullis.stores.database.token_revocations import (
    RevocationStore,
    TooManyRevocationsError,
    forget_revocations,
    revoke,
)


def write(database: Database, *revoked: Revoked) -> None:
    with database.writing() as connection:
        revoke(connection, revoked)


def test_each_is_found_after_the_revision_before_it(database: Database) -> None:
    store = RevocationStore(database)
    write(database, Revoked("a", 100.0))
    first, found = store.since(0, 50.0)
    assert found == [Revoked("a", 100.0)]
    write(database, Revoked("b", 100.0, 40.0))
    assert store.since(first, 50.0) == (first + 1, [Revoked("b", 100.0, 40.0)])
    assert store.since(first + 1, 50.0) == (first + 1, [])
    assert store.since(0, 100.0) == (first + 1, [])


def test_of_two_about_the_same_the_longer_one_holds(database: Database) -> None:
    write(database, Revoked("a", 100.0, 10.0), Revoked("b", 100.0), Revoked("c", 100.0, 10.0))
    write(database, Revoked("a", 90.0, 20.0), Revoked("b", 200.0, 20.0), Revoked("c", 100.0))
    found = sorted(RevocationStore(database).since(0, 0.0)[1], key=lambda each: each.id)
    assert found == [Revoked("a", 100.0, 20.0), Revoked("b", 200.0), Revoked("c", 100.0)]


def test_nothing_is_no_change(database: Database) -> None:
    write(database)
    assert RevocationStore(database).since(-1, 0.0) == (0, [])


def test_there_are_only_so_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_revocations, "MAX_REVOCATIONS", 2)
    write(database, Revoked("a", 100.0), Revoked("b", 200.0))
    with pytest.raises(TooManyRevocationsError):
        write(database, Revoked("c", 100.0))
    with database.writing() as connection:
        forget_revocations(connection, 150.0)
    write(database, Revoked("c", 300.0))
    assert {each.id for each in RevocationStore(database).since(0, 0.0)[1]} == {"b", "c"}
