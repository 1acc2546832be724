"""Who has credentials, as the database says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portcullis.control.key_orders import NewKey
from portcullis.control.keys import KeyService
from portcullis.control.stored_credentials import stored_keys, stored_users
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.model import Configuration
from portcullis.stores.database.connection import Database
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.users import StoredUser, UserStore


def configuration(state: Path) -> Configuration:
    text = f"""\
listeners: {{public: {{bind: "127.0.0.1:0"}}}}
apis: {{shop: {{hosts: ["*"], upstream: {{targets: ["http://127.0.0.1:1"]}}, versions: {{v1: {{spec: a.yaml}}}}}}}}
state: {{directory: "{state}"}}
"""
    return load_configuration(text, "p.yaml").configuration


def test_keys_that_no_longer_work_reach_nothing(service: KeyService, tmp_path: Path, clock: Any) -> None:
    kept = service.create(NewKey("acme")).record
    service.revoke(service.create(NewKey("acme")).record.id)
    assert [record.id for record in stored_keys(configuration(tmp_path), tmp_path / "p.yaml")] == [kept.id]


def test_users_that_are_disabled_can_do_nothing(database: Database, tmp_path: Path) -> None:
    with UserStore(database).changing() as change:
        for name, disabled_at in (("alice", None), ("bob", 5.0)):
            consumer = StoredConsumer(name, "", (), 1.0)
            change.put_consumer(consumer)
            change.put_user(StoredUser(consumer, "$argon2id$", (), 1.0, 1.0, disabled_at))
    assert [user.name for user in stored_users(configuration(tmp_path), tmp_path / "p.yaml")] == ["alice"]


def test_without_a_database_there_are_none(tmp_path: Path) -> None:
    nowhere = configuration(tmp_path / "none")
    assert stored_keys(nowhere, tmp_path / "p.yaml") == []
    assert stored_users(nowhere, tmp_path / "p.yaml") == []
    assert list(tmp_path.iterdir()) == []
