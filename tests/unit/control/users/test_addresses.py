from __future__ import annotations

import pytest

from portcullis.control.users import addresses
from portcullis.control.users.addresses import KNOWN_NS, UserAddresses
from portcullis.engine.backoff import Backoff

MINUTE = 60_000_000_000
RULE = Backoff(3, 15 * MINUTE, MINUTE, 8 * MINUTE)
HOME, AWAY = ("staff", "alice", "192.0.2.7"), ("staff", "alice", "198.51.100.9")


def test_a_user_is_known_where_he_has_proven_himself_for_a_while() -> None:
    pairs = UserAddresses()
    assert not pairs.is_known(HOME, 0)
    assert pairs.proven(HOME, 5) == 0
    assert pairs.is_known(HOME, 5 + KNOWN_NS - 1)
    assert not pairs.is_known(HOME, 5 + KNOWN_NS)
    assert not pairs.is_known(AWAY, 5)


def test_failures_are_counted_by_pair_and_forgotten_with_a_success() -> None:
    pairs = UserAddresses()
    word = 0
    for _ in range(3):
        word = pairs.failed(HOME, RULE, 0)
    assert RULE.locked_for(word, 0) > 0
    assert pairs.failures(HOME, 0) == word
    assert pairs.failures(AWAY, 0) == 0
    assert pairs.failures(HOME, word) == 0
    assert pairs.proven(HOME, 0) == word
    assert pairs.failures(HOME, 0) == 0


def test_failures_push_out_failures_and_never_who_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_ENTRIES", 2)
    pairs = UserAddresses()
    pairs.proven(HOME, 0)
    pairs.failed(HOME, RULE, 0)
    for number in range(5):
        pairs.failed(("staff", "alice", str(number)), RULE, 0)
    assert pairs.is_known(HOME, 0)
    assert pairs.failures(HOME, 0) == 0
    assert pairs.failures(("staff", "alice", "4"), 0) > 0
    for number in range(2):
        pairs.proven(("staff", "bob", str(number)), 0)
    assert not pairs.is_known(HOME, 0)
