from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portcullis.control.consumer_rules import Declared
from portcullis.control.key_orders import NewKey
from portcullis.control.keys import KeyService
from portcullis.control.users.orders import (
    InvalidUserOrder,
    NewPassword,
    NewRoles,
    NewUser,
    UnknownUser,
    UserConflict,
    UserRecord,
)
from portcullis.control.users.passwords import PasswordHasher, PasswordRules
from portcullis.control.users.service import UserService
from portcullis.engine.authentication.user_messages import UserUpdate
from portcullis.stores.database.connection import Database
from portcullis.stores.database.users import UserStore

PASSWORD = "correct horse battery"
IMPORTED = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$pWxKL3FiNYsIPBZBJKBlFBA5lzBKXoOd0lAyPqSzfXk"


@pytest.fixture
def told(users: UserService) -> list[UserUpdate]:
    """What subscribers were told."""
    told: list[UserUpdate] = []
    users.subscribe(told.append)
    return told


def _hash(store: UserStore, name: str) -> str:
    found = store.find(name)[1]
    assert found is not None
    return found.password


def test_a_user_is_a_consumer_with_a_password(
    users: UserService, store: UserStore, hasher: PasswordHasher, told: list[UserUpdate]
) -> None:
    record = users.add(NewUser("alice", PASSWORD, "gold", ("clerk",), ("orders:read",)))
    assert (record.plan, record.roles, record.scopes, record.state) == ("gold", ("clerk",), ("orders:read",), "active")
    assert hasher.verify(_hash(store, "alice"), PASSWORD)
    assert told == [UserUpdate(1, 0, ("alice",))]
    assert users.latest() == UserUpdate(1)
    assert users.listing() == [record]
    with pytest.raises(UserConflict, match="already"):
        users.add(NewUser("alice", PASSWORD))


def test_the_password_is_nowhere_in_the_database(users: UserService, database: Database, tmp_path: Path) -> None:
    users.add(NewUser("alice", PASSWORD))
    users.set_password("alice", NewPassword("another horse battery"))
    database.close()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert PASSWORD.encode() not in content
        assert b"another horse" not in content


def test_a_user_joins_the_consumer_of_its_name(users: UserService, service: KeyService) -> None:
    service.create(NewKey("acme", "gold", ("clerk",)))
    with pytest.raises(UserConflict, match="exists with plan gold, not plan free"):
        users.add(NewUser("acme", PASSWORD, "free"))
    assert users.add(NewUser("acme", PASSWORD)).plan == "gold"


def test_what_passwords_must_be_is_asked_of_all_of_them(users: UserService, tmp_path: Path) -> None:
    (tmp_path / "common.txt").write_text("correct horse battery\n")
    users.declare(Declared(), PasswordRules.of(16, "common.txt", tmp_path))
    with pytest.raises(InvalidUserOrder, match="too common"):
        users.add(NewUser("alice", PASSWORD))
    users.add(NewUser("alice", PASSWORD + "!"))
    with pytest.raises(InvalidUserOrder, match="at least 16"):
        users.set_password("alice", NewPassword("fifteen letters"))
    users.declare(Declared(), PasswordRules.of(16, "missing.txt", tmp_path))
    with pytest.raises(InvalidUserOrder, match="can't be read: No such file"):
        users.set_password("alice", NewPassword(PASSWORD))


def test_only_declared_plans_and_roles_are_given(users: UserService) -> None:
    users.declare(Declared.of(["gold"], ["clerk", "auditor"], [("auditor", "clerk")]), PasswordRules())
    with pytest.raises(InvalidUserOrder, match="no plan 'free'"):
        users.add(NewUser("alice", PASSWORD, "free"))
    users.add(NewUser("alice", PASSWORD, "gold", ("clerk",)))
    for order in (NewRoles(("boss",)), NewRoles((), "free"), NewRoles(("clerk", "auditor"))):
        with pytest.raises(InvalidUserOrder):
            users.set_roles("alice", order)
    with pytest.raises(InvalidUserOrder, match="no role 'boss'"):
        users.import_records([UserRecord("bob", roles=("boss",), password=IMPORTED)])


def test_another_password_is_another_hash_and_told(
    users: UserService, store: UserStore, hasher: PasswordHasher, clock: Any, told: list[UserUpdate]
) -> None:
    made = users.add(NewUser("alice", PASSWORD))
    clock.now += 60
    changed = users.set_password("alice", NewPassword("another horse battery"))
    assert hasher.verify(_hash(store, "alice"), "another horse battery")
    assert made.password_changed is not None
    assert changed.password_changed is not None
    assert (changed.password_changed - made.password_changed).total_seconds() == 60
    assert told[-1] == UserUpdate(2, 1, ("alice",))


def test_roles_are_those_of_its_keys_too(users: UserService, service: KeyService, told: list[UserUpdate]) -> None:
    users.add(NewUser("acme", PASSWORD, "gold", ("clerk",)))
    service.create(NewKey("acme"))
    assert users.set_roles("acme", NewRoles(("auditor", "auditor"))).roles == ("auditor",)
    assert users.set_roles("acme", NewRoles((), "free")).plan == "free"
    [key] = service.listing()
    assert (key.plan, key.roles) == ("free", ())
    assert told[-1].names == ("acme",)
    assert users.set_roles("acme", NewRoles((), None)).plan == "free"


def test_keys_that_change_a_consumer_change_its_user(
    users: UserService, service: KeyService, told: list[UserUpdate]
) -> None:
    users.add(NewUser("acme", PASSWORD, "gold"))
    issued = service.create(NewKey("acme"))
    service.import_records([msgspec.structs.replace(issued.record, plan="free")])
    assert users.poll()
    assert told[-1] == UserUpdate(2, 1, ("acme",))
    assert users.listing()[0].plan == "free"


def test_a_user_is_disabled_and_enabled(users: UserService, told: list[UserUpdate]) -> None:
    users.add(NewUser("alice", PASSWORD))
    assert users.set_disabled("alice", disabled=True).state == "disabled"
    assert users.set_disabled("alice", disabled=True).state == "disabled"
    assert users.set_disabled("alice", disabled=False).state == "active"
    assert [update.revision for update in told] == [1, 2, 3]


def test_a_removed_user_is_gone_and_told(users: UserService, told: list[UserUpdate]) -> None:
    users.add(NewUser("alice", PASSWORD))
    assert users.remove("alice").name == "alice"
    assert users.listing() == []
    assert told[-1] == UserUpdate(2, 1, ("alice",))
    users.add(NewUser("alice", PASSWORD, "free"))


def test_users_that_another_process_has_removed_may_have_been_anyone(
    users: UserService, store: UserStore, hasher: PasswordHasher, told: list[UserUpdate]
) -> None:
    users.add(NewUser("alice", PASSWORD))
    other = UserService(store, hasher)
    other.add(NewUser("bob", PASSWORD))
    assert users.poll()
    assert told[-1] == UserUpdate(2, 1, ("bob",))
    other.remove("bob")
    assert users.poll()
    assert told[-1] == UserUpdate(3)
    assert not users.poll()


def test_what_nobody_knows_can_not_be_changed(users: UserService) -> None:
    for change in (
        lambda: users.set_password("bob", NewPassword(PASSWORD)),
        lambda: users.set_roles("bob", NewRoles(())),
        lambda: users.set_disabled("bob", disabled=True),
        lambda: users.remove("bob"),
    ):
        with pytest.raises(UnknownUser, match="there is no user 'bob'"):
            change()


def test_what_is_exported_can_be_imported(users: UserService, store: UserStore, told: list[UserUpdate]) -> None:
    users.add(NewUser("alice", PASSWORD, "gold", ("clerk",), ("a",)))
    exported = [msgspec.structs.replace(record, password=IMPORTED) for record in users.export()]
    assert users.import_records(exported).changed == 1
    assert users.import_records(users.export()).unchanged == 1
    assert _hash(store, "alice") == IMPORTED
    bob = UserRecord("bob", password=IMPORTED)
    disabled = msgspec.structs.replace(exported[0], disabled=exported[0].created, plan="free")
    imported = users.import_records([bob, disabled])
    assert (imported.added, imported.changed) == (1, 1)
    assert [record.state for record in users.listing()] == ["disabled", "active"]
    assert told[-1] == UserUpdate(
        3,
        2,
        (
            "alice",
            "bob",
        ),
    )


def test_an_import_is_all_or_nothing(users: UserService) -> None:
    bob = UserRecord("bob", password=IMPORTED)
    for wrong in (UserRecord("carol", password="hunter2"), UserRecord("carol"), UserRecord("c:d", password=IMPORTED)):
        with pytest.raises(InvalidUserOrder) as caught:
            users.import_records([bob, wrong])
        assert "hunter2" not in str(caught.value)
    assert users.listing() == []


def test_a_deaf_subscriber_does_not_keep_others_from_being_told(
    users: UserService, told: list[UserUpdate], caplog: pytest.LogCaptureFixture
) -> None:
    def deaf(_update: UserUpdate) -> None:
        raise RuntimeError("deaf")

    users.subscribe(deaf)
    with caplog.at_level(logging.CRITICAL):
        users.add(NewUser("alice", PASSWORD))
    assert len(told) == 1
