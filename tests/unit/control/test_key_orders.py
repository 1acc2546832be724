from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rows import rows

from portcullis.control.key_orders import (
    InvalidOrder,
    KeyRecord,
    NewKey,
    record_of,
    state_of,
)
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.keys import StoredKey

DIGEST = "sha256:" + 64 * "a"
BAD_NAMES = ["", " ", "a b", "a\n", "\na", "a\0b", "-a", "é", "٣", "a" * 129, "a/b", "[red]"]


@rows("name", BAD_NAMES, ids=ascii)
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


@rows("name", ["a", "acme", "Acme_Corp.2", "ops@example.com", "a" * 128])
def test_what_is_a_name_is_taken(name: str) -> None:
    NewKey(name, name, (name,), ("orders:read",), "live eu-1").check()


@rows("label", [" x", "x\n", "\t", "a" * 65, "é"], ids=ascii)
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", label=label).check()


@rows("scopes", [("a b",), ("",), ("a\n",), ("a",) * 65])
def test_what_are_no_scopes_is_refused(scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", scopes=scopes).check()


@rows(
    "places",
    [
        {"apis": ("a b",)},
        {"apis": ("",)},
        {"operations": ("GET",)},
        {"operations": ("get /orders",)},
        {"operations": ("GET orders",)},
        {"networks": ("10.0.0.1/8",)},
        {"networks": ("example.com",)},
        {"networks": ("10.0.0.0/8",) * 65},
    ],
)
def test_what_are_no_places_to_work_at_is_refused(places: dict[str, Any]) -> None:
    for order in (NewKey("acme", **places), KeyRecord("abcdefgh", DIGEST, "acme", **places)):
        with pytest.raises(InvalidOrder):
            order.check()


def test_where_a_key_works_may_be_said() -> None:
    places: dict[str, Any] = {"apis": ("shop",), "operations": ("GET /orders/{id}",), "networks": ("10.0.0.0/8", "::1")}
    NewKey("acme", **places).check()
    record = KeyRecord("abcdefgh", DIGEST, "acme", **places)
    record.check()
    assert record.works_at("shop", "GET /orders/{id}")
    assert not record.works_at("mail", "GET /orders/{id}")
    assert not record.works_at("shop", "GET /orders")
    assert KeyRecord("abcdefgh", DIGEST, "acme").works_at("any", "GET /any")


def test_a_key_ends_by_whatever_comes_first() -> None:
    first, second = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    assert KeyRecord("abcdefgh", DIGEST, "acme").ends is None
    assert KeyRecord("abcdefgh", DIGEST, "acme", expires=second).ends == second
    assert KeyRecord("abcdefgh", DIGEST, "acme", expires=second, works_until=first).ends == first


def test_too_many_roles_are_refused() -> None:
    with pytest.raises(InvalidOrder):
        NewKey("acme", roles=("clerk",) * 65).check()


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(InvalidOrder, match="offset"):
        NewKey("acme", expires=datetime(2027, 1, 1)).check()  # noqa: DTZ001


@rows(
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


@rows(
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
