from __future__ import annotations

import pytest

from portcullis.control.consumers import consumer_for, declared_consumer
from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import ConsumerTransaction, StoredConsumer


def test_a_consumer_is_made_once_and_then_found(database: Database) -> None:
    with database.writing() as connection:
        change = ConsumerTransaction(connection)
        made = consumer_for(change, "acme", "gold", ["clerk", "auditor", "clerk"], 5.0)
        assert made == StoredConsumer("acme", "gold", ("auditor", "clerk"), 5.0)
        assert consumer_for(change, "acme", None, None, 6.0) == made
        assert consumer_for(change, "acme", "gold", ["clerk", "auditor"], 6.0) == made
        with pytest.raises(ValueError, match="exists with plan gold, not plan free"):
            consumer_for(change, "acme", "free", None, 6.0)
        with pytest.raises(ValueError, match="exists with other roles: auditor, clerk"):
            consumer_for(change, "acme", None, [], 6.0)
        assert consumer_for(change, "plain", None, None, 6.0) == StoredConsumer("plain", "", (), 6.0)


def test_a_file_decides_what_a_consumer_has(database: Database) -> None:
    with database.writing() as connection:
        change = ConsumerTransaction(connection)
        declared_consumer(change, "acme", "gold", ["clerk"], 5.0)
        assert declared_consumer(change, "acme", "", [], 6.0) == StoredConsumer("acme", "", (), 5.0)
        assert change.consumer("acme") == StoredConsumer("acme", "", (), 5.0)
