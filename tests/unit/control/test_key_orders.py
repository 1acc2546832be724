from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from portcullis.control.key_orders import (
    InvalidOrder,
    KeyRecord,
    NewKey,
    record_of,
    state_of,
)
from portcullis.stores.database.keys import StoredConsumer, StoredKey

DIGEST = "sha256:" + 64 * "a"
BAD_NAMES = ["", " ", "a b", "a\n", "\na", "a\0b", "-a", "é", "٣", "a" * 129, "a/b", "[red]"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_what_is_no_name_is_refused_everywhere(name: str) -> None:
    orders: list[NewKey | KeyRecord] = [
        NewKey(name),
        NewKey("acme", None, (name,)),
        KeyRecord("abcdefgh", DIGEST, name),
    ]
    if name:
        orders += [NewKey("acme", name), KeyRecord("abcdefgh", DIGEST, "acme", name), NewKey("acme", label=name + "\n")]
    for order in orders:
        with pytest.raises(InvalidOrder):
            order.check()


@pytest.mark.parametrize("name", ["a", "acme", "Acme_Corp.2", "ops@example.com", "a" * 128])
def test_what_is_a_name_is_taken(name: str) -> None:
    NewKey(name, name, (name,), ("orders:read",), "live eu-1").check()


@pytest.mark.parametrize("label", [" x", "x\n", "\t", "a" * 65, "é"], ids=ascii)
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", label=label).check()


@pytest.mark.parametrize("scopes", [("a b",), ("",), ("a\n",), ("a",) * 65])
def test_what_are_no_scopes_is_refused(scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", scopes=scopes).check()


def test_too_many_roles_are_refused() -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", roles=("clerk",) * 65).check()


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(InvalidOrder, match="offset"):
        NewKey("acme", expires=datetime(2027, 1, 1)).check()  # noqa: DTZ001


@pytest.mark.parametrize(
    "values",
    [
        {"id": "abc"},
        {"id": "abcdefgh\n"},
        {"lineage": "nope"},
        {"replaced_by": "ABCDEFGH"},
        {"digest": "a" * 64},
        {"digest": "md5:" + 64 * "a"},
        {"digest": DIGEST + "\n"},
        {"digest": DIGEST.upper()},
        {"digest": "sha256:" + 64 * "٣"},
    ],
)
def test_what_is_no_record_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidOrder):
        KeyRecord(**{"id": "abcdefgh", "digest": DIGEST, "consumer": "acme", **values}).check()


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "live"),
        ({"expires": 11.0}, "live"),
        ({"expires": 10.0}, "expired"),
        ({"not_after": 11.0}, "rotating"),
        ({"not_after": 10.0}, "replaced"),
        ({"not_after": 11.0, "expires": 10.0}, "expired"),
        ({"revoked_at": 1.0, "not_after": 11.0, "expires": 10.0}, "revoked"),
    ],
)
def test_the_state_of_a_key(values: dict[str, Any], state: str) -> None:
    key = StoredKey("abcdefgh", b"\xaa" * 32, StoredConsumer("acme", "", (), 0.0), "abcdefgh", (), "", 0.0, **values)
    assert state_of(key, 10.0) == state
    assert record_of(key, 10.0).state == state
    assert record_of(key, 10.0).digest == DIGEST
