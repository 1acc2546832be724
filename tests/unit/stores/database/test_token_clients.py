from __future__ import annotations

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.connection import Database
from portcullis.stores.database.refresh_tokens import StoredFamily, add_family, add_refresh_token
from portcullis.stores.database.schema import REFRESH_TOKENS, TOKEN_FAMILIES
from portcullis.stores.database.token_clients import ClientStore, StoredClient, find_client, put_client, remove_client

CLIENT = StoredClient("c", b"d" * 32, ("g",), ("s",), ("shop",), ("me",), ("clerk",), 1.0, 2.0, b"e" * 32, 3.0)


def test_a_client_is_found_as_it_was_put(database: Database) -> None:
    store = ClientStore(database)
    before = store.revision()
    with database.writing() as connection:
        put_client(connection, CLIENT)
        assert find_client(connection, "c") == CLIENT
        assert find_client(connection, "other") is None
    assert store.all() == (before + 1, {"c": CLIENT})
    changed = msgspec.structs.replace(CLIENT, secret=None, roles=())
    with database.writing() as connection:
        put_client(connection, changed)
    assert store.all() == (before + 2, {"c": changed})
    assert "ddd" not in repr(CLIENT)


def test_who_has_neither_secret_nor_keys_is_public(database: Database) -> None:
    signer = msgspec.structs.replace(CLIENT, secret=None, key_set=b"k", previous_key_set=b"p")
    with database.writing() as connection:
        put_client(connection, signer)
        assert find_client(connection, "c") == signer
    app = msgspec.structs.replace(CLIENT, secret=None)
    assert [each.is_public for each in (CLIENT, signer, app)] == [False, False, True]


def test_with_a_client_go_its_refresh_tokens(database: Database) -> None:
    other = msgspec.structs.replace(CLIENT, id="other")
    with database.writing() as connection:
        for client in (CLIENT, other):
            put_client(connection, client)
            family = StoredFamily(f"f-{client.id}", client.id, "alice", "shop", (), (), (), 1.0, 2.0)
            add_family(connection, family)
            add_refresh_token(connection, client.id.encode(), family.id, 2.0)
        remove_client(connection, "c")
        assert list(connection.scalars(sa.select(TOKEN_FAMILIES.c.id))) == ["f-other"]
        assert list(connection.scalars(sa.select(REFRESH_TOKENS.c.digest))) == [b"other"]
    assert list(ClientStore(database).all()[1]) == ["other"]
