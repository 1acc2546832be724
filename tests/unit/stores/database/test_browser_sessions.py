from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portcullis.stores.database import browser_sessions as stored
from portcullis.stores.database.browser_sessions import StoredSession
from portcullis.stores.database.connection import Database

SESSION = StoredSession(b"d" * 32, "realm", b"alice", b"s", 1.0, 100.0, 200.0, b"sealed")


def put(database: Database, name: bytes = b"d", most: int = 50, **values: Any) -> list[bytes]:
    with database.writing() as connection:
        return stored.add_session(connection, msgspec.structs.replace(SESSION, digest=name * 32, **values), most)


def test_what_is_put_in_comes_out_in_its_realm_alone(database: Database) -> None:
    put(database)
    put(database, b"e", provider_session=None)
    with database.reading() as connection:
        assert stored.find_session(connection, "realm", SESSION.digest) == SESSION
        assert stored.find_session(connection, "another", SESSION.digest) is None
        assert stored.find_session(connection, "realm", b"x" * 32) is None
        assert stored.count_sessions(connection) == 2


def test_it_holds_until_it_is_idle_or_ends() -> None:
    assert SESSION.holds(99.9)
    assert not SESSION.holds(100.0)
    assert not msgspec.structs.replace(SESSION, idle_until=300.0).holds(200.0)
    assert "sealed" not in repr(SESSION)


def test_the_oldest_of_a_subject_gives_way(database: Database) -> None:
    for number, name in enumerate((b"a", b"b", b"c")):
        assert put(database, name, 3, created=float(number)) == []
    assert put(database, b"x", 3, subject=b"bob") == []
    assert put(database, b"d", 3, created=9.0) == [b"a" * 32]


def test_a_session_is_touched_renewed_and_ended(database: Database) -> None:
    put(database)
    with database.writing() as connection:
        stored.touch_session(connection, SESSION.digest, 150.0)
        assert stored.renew_session(connection, SESSION.digest, b"new")
        found = stored.find_session(connection, "realm", SESSION.digest)
        assert found == msgspec.structs.replace(SESSION, idle_until=150.0, sealed=b"new")
        assert stored.end_session(connection, SESSION.digest)
        assert not stored.end_session(connection, SESSION.digest)
        assert not stored.renew_session(connection, SESSION.digest, b"new")


def test_sessions_end_by_whose_they_are(database: Database) -> None:
    put(database, b"a")
    put(database, b"b", provider_session=b"t")
    put(database, b"c", subject=b"bob")
    put(database, b"d", realm="another")
    with database.writing() as connection:
        assert stored.end_sessions(connection, "realm", b"alice", b"s") == [b"a" * 32]
        assert stored.end_sessions(connection, "realm", b"alice", None) == [b"b" * 32]
        assert stored.end_sessions(connection, "realm", None, b"s") == [b"c" * 32]
        assert stored.count_sessions(connection) == 1
        with pytest.raises(ValueError, match="nobody"):
            stored.end_sessions(connection, "realm", None, None)


def test_what_is_over_is_forgotten_some_at_a_time(database: Database) -> None:
    put(database, b"a", ends=5.0)
    put(database, b"b", idle_until=5.0)
    put(database, b"c")
    with database.writing() as connection:
        assert stored.forget_sessions(connection, 6.0, 1) == 1
        assert stored.forget_sessions(connection, 6.0, 5) == 1
        assert stored.find_session(connection, "realm", b"c" * 32) is not None
