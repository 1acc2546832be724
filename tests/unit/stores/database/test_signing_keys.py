from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from portcullis.stores.database.connection import Database
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.stores.database.signing_keys import SigningKeyStore, StoredKey

FIRST = StoredKey("a", "access", "ES256", b"private", 1.0, 300.0)
SECOND = StoredKey("b", "identity", "EdDSA", b"private", 0.5, 60.0)


def test_keys_are_kept_in_the_order_in_which_they_sign(empty: Database) -> None:
    bring_up_to_date(empty)
    store = SigningKeyStore(empty)
    store.change([FIRST, SECOND], [])
    assert store.all() == [SECOND, FIRST]
    longer = msgspec.structs.replace(FIRST, lifetime=600.0)
    store.change([longer], ["b", "unknown"])
    assert store.all() == [longer]
    assert "private" not in repr(FIRST)


def test_nobody_else_reads_them(empty: Database) -> None:
    bring_up_to_date(empty)
    SigningKeyStore(empty).change([FIRST], [])
    path = Path(str(empty.url.database))
    for each in path.parent.glob(path.name + "*"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
