from __future__ import annotations

from portcullis.stores.database.connection import Database
from portcullis.stores.database.leases import LeaseStore


def test_only_one_has_a_lease_until_it_ends_or_is_given_back(database: Database) -> None:
    now = 1000.0
    first = LeaseStore(database, "first", lambda: now)
    second = LeaseStore(database, "second", lambda: now)
    assert first.take("a", 30)
    assert not second.take("a", 30)
    assert second.take("b", 30)
    now = 1020.0
    assert first.take("a", 30)  # prolonged
    now = 1040.0
    assert not second.take("a", 30)
    now = 1050.0
    assert second.take("a", 30)  # the first has died over it
    assert not first.take("a", 30)
    first.give_back("a")  # which is no longer its own
    assert not first.take("a", 30)
    second.give_back("a")
    assert first.take("a", 30)
