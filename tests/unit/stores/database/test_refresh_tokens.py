from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.refresh_tokens import (
    StoredFamily,
    StoredRefreshToken,
    add_family,
    add_refresh_token,
    families_of,
    find_refresh_token,
    forget_families,
    revoke_family,
    use_refresh_token,
)
from portcullis.stores.database.schema import REFRESH_TOKENS
from portcullis.stores.database.token_clients import StoredClient, put_client

FAMILY = StoredFamily("f", "c", "alice", "shop", ("s",), ("clerk",), ("a", "b"), 1.0, 100.0)


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    """A transaction on a database with a client and a family of one token."""
    with database.writing() as connection:
        put_client(connection, StoredClient("c", None, (), (), (), (), (), 1.0, 1.0))
        add_family(connection, FAMILY)
        add_refresh_token(connection, b"first", "f", 50.0)
        yield connection


def test_a_token_is_found_with_its_family(connection: sa.Connection) -> None:
    assert find_refresh_token(connection, b"first") == StoredRefreshToken(b"first", FAMILY, 50.0)
    assert find_refresh_token(connection, b"other") is None


def test_a_used_token_is_remembered(connection: sa.Connection) -> None:
    use_refresh_token(connection, b"first", 10.0, b"second")
    assert find_refresh_token(connection, b"first") == StoredRefreshToken(b"first", FAMILY, 50.0, 10.0, b"second")


def test_a_family_is_revoked_once(connection: sa.Connection) -> None:
    assert families_of(connection, "c") == ["f"]
    assert revoke_family(connection, "f", 20.0)
    assert not revoke_family(connection, "f", 30.0)
    assert not revoke_family(connection, "other", 30.0)
    assert families_of(connection, "c") == []
    found = find_refresh_token(connection, b"first")
    assert found is not None
    assert found.family.revoked_at == 20.0


def test_families_that_have_ended_are_forgotten_some_at_a_time(connection: sa.Connection) -> None:
    for number in range(5):
        add_family(connection, msgspec.structs.replace(FAMILY, id=str(number), expires=10.0))
        add_refresh_token(connection, b"%d" % number, str(number), 10.0)
    assert [forget_families(connection, 50.0, 3) for _ in range(3)] == [3, 2, 0]
    assert list(connection.scalars(sa.select(REFRESH_TOKENS.c.digest))) == [b"first"]
