from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from rows import rows

from portcullis.control.users.orders import (
    InvalidUserOrder,
    NewPassword,
    NewRoles,
    NewUser,
    UserRecord,
    record_of,
)
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.users import StoredUser

ALICE = StoredUser(StoredConsumer("alice", "gold", ("clerk",), 0.0), "$argon2id$hash", ("a",), 1.0, 2.0)


@rows(
    "order",
    [
        NewUser("", "p"),
        NewUser("a:b", "p"),
        NewUser("a b", "p"),
        NewUser("alice", "p", "no plan"),
        NewUser("alice", "p", None, ("no role",)),
        NewUser("alice", "p", None, None, ("no scope",)),
        UserRecord("a:b"),
        UserRecord("alice", scopes=("no scope",)),
        UserRecord("alice", created=datetime(2027, 1, 1)),  # noqa: DTZ001
        UserRecord("alice", disabled=datetime(2027, 1, 1)),  # noqa: DTZ001
    ],
)
def test_what_can_not_be_a_user_is_refused(order: Any) -> None:
    with pytest.raises(InvalidUserOrder):
        order.check()


def test_roles_are_names() -> None:
    NewRoles((), None).check("alice")
    for order in (NewRoles(("no role",)), NewRoles((), "no plan")):
        with pytest.raises(InvalidUserOrder):
            order.check("alice")


def test_a_record_has_the_hash_only_where_it_is_asked_for() -> None:
    shown = record_of(ALICE)
    assert (shown.name, shown.plan, shown.roles, shown.scopes) == ("alice", "gold", ("clerk",), ("a",))
    assert (shown.state, shown.password) == ("active", "")
    assert record_of(ALICE, with_hash=True).password == "$argon2id$hash"


def test_no_password_and_no_hash_is_in_a_representation() -> None:
    secret = "correct horse battery"
    shown = repr([NewUser("alice", secret), NewPassword(secret), record_of(ALICE, with_hash=True)])
    assert secret not in shown
    assert "argon2id" not in shown
