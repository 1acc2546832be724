from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication import verified_users
from portcullis.engine.authentication.user_messages import UserUpdate, encode
from portcullis.engine.authentication.verified_users import CHANGED_NS, VerifiedUsers
from portcullis.engine.identity import Identity

ALICE, BOB = Identity("basic", "alice"), Identity("basic", "bob")
FIELD = b"Basic YWxpY2U6c2VjcmV0"


def _remembering(lasts_ns: int = 100) -> VerifiedUsers:
    verified = VerifiedUsers(lasts_ns)
    verified.apply(encode(UserUpdate(5)), 0)
    for user in (ALICE, BOB):
        verified.keep(user.subject.encode(), user, 5, 0)
    return verified


def _known(verified: VerifiedUsers, now: int = 1) -> list[Identity]:
    return [user for user in (ALICE, BOB) if verified.find(user.subject.encode(), now) is user]


def test_who_proved_himself_is_known_for_a_while() -> None:
    verified = _remembering()
    assert _known(verified, 99) == [ALICE, BOB]
    assert _known(verified, 100) == []
    assert repr(verified) == "VerifiedUsers(2 entries, revision=5)"


def test_a_digest_is_of_the_credential_and_the_address_and_nobody_elses() -> None:
    verified = VerifiedUsers(100)
    digest = verified.digest(FIELD, "192.0.2.7")
    assert verified.digest(FIELD, "192.0.2.7") == digest
    assert verified.digest(FIELD, "192.0.2.8") != digest
    assert verified.digest(FIELD + b"x", "192.0.2.7") != digest
    assert VerifiedUsers(100).digest(FIELD, "192.0.2.7") != digest
    assert len(digest) == 32


def test_a_user_that_changes_is_forgotten_and_others_are_not() -> None:
    verified = _remembering()
    verified.apply(encode(UserUpdate(6, 5, ("alice", "carol"))), 0)
    assert _known(verified) == [BOB]
    assert verified.revision == 6


@rows("update", [UserUpdate(6), UserUpdate(8, 6, ("carol",)), UserUpdate(3, -1)])
def test_where_it_is_not_known_who_changed_everyone_is_forgotten(update: UserUpdate) -> None:
    verified = _remembering()
    verified.apply(encode(update), 0)
    assert (_known(verified), verified.revision) == ([], update.revision)


def test_what_is_told_again_changes_nothing() -> None:
    verified = _remembering()
    verified.apply(encode(UserUpdate(5)), 0)
    assert _known(verified) == [ALICE, BOB]


def test_what_was_found_out_before_a_change_is_not_kept_after_it() -> None:
    verified = VerifiedUsers(100)
    verified.apply(encode(UserUpdate(6)), 0)
    verified.keep(b"alice", ALICE, 5, 0)
    assert _known(verified) == []
    verified.keep(b"bob", BOB, 7, 0)
    assert _known(verified) == [BOB]
    verified.apply(encode(UserUpdate(7, 6, ("bob",))), 0)
    assert _known(verified) == []


def test_whoever_was_never_told_of_users_forgets_everyone_when_he_is() -> None:
    verified = VerifiedUsers(100)
    verified.keep(b"alice", ALICE, 4, 0)
    verified.apply(encode(UserUpdate(5)), 0)
    assert _known(verified) == []


def test_nobody_is_remembered_where_that_is_not_wanted() -> None:
    assert len(_remembering(0)) == 0


def test_what_has_been_there_longest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_users, "MAX_ENTRIES", 2)
    verified = _remembering()
    verified.keep(b"alice", ALICE, 5, 0)
    verified.keep(b"carol", Identity("basic", "carol"), 5, 0)
    assert _known(verified) == [ALICE]
    assert len(verified) == 2


def test_what_is_no_message_is_an_error_and_changes_nothing() -> None:
    verified = _remembering()
    with pytest.raises(ValueError, match=r"."):
        verified.apply(b"nonsense", 0)
    assert _known(verified) == [ALICE, BOB]


def test_that_a_user_has_changed_is_known_for_a_while() -> None:
    verified = VerifiedUsers(10)
    verified.apply(encode(UserUpdate(5)), 100)
    assert not verified.changed("alice", 0)
    verified.apply(encode(UserUpdate(6, 5, ("alice",))), 200)
    assert verified.changed("alice", 199)
    assert not verified.changed("alice", 200)
    assert not verified.changed("carol", 199)
    verified.apply(encode(UserUpdate(7, 6, ("carol",))), 200 + CHANGED_NS)
    assert not verified.changed("alice", 199)


def test_where_nobody_tells_who_has_changed_anybody_may_have() -> None:
    verified = VerifiedUsers(10)
    verified.apply(encode(UserUpdate(5)), 100)
    verified.apply(encode(UserUpdate(9)), 300)
    assert verified.changed("alice", 299)
    assert not verified.changed("alice", 300)
