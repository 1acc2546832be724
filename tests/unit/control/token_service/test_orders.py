from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.control.token_service.orders import (
    InvalidTokenOrder,
    NewClient,
    SecretRotation,
    TokenText,
    record_of,
)
from portcullis.engine.token_service.metadata import GRANTS
from portcullis.stores.database.token_clients import StoredClient

AUDIENCES = ("shop", "payments")


def test_a_client_may_be_asked_for() -> None:
    NewClient("checkout", ("shop",), ("orders:read",), ("clerk",)).check(AUDIENCES)
    NewClient("app", ("shop",), grants=("refresh_token",), public=True).check(AUDIENCES)


@rows(
    "order",
    [
        {"id": ""},
        {"id": "two words"},
        {"id": "x" * 200},
        {"audiences": ()},
        {"audiences": ("ledger",)},
        {"serves": ("ledger",)},
        {"grants": ("password",)},
        {"grants": ("token_exchange",)},
        {"scopes": ("two words",)},
        {"scopes": tuple(f"s{number}" for number in range(65))},
        {"public": True},
        {"public": True, "grants": ("refresh_token",), "keys": "{}"},
        {"public": True, "grants": ("refresh_token", "client_credentials")},
    ],
)
def test_what_makes_no_sense_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenOrder):
        NewClient(**{"id": "checkout", "audiences": ("shop",), **order}).check(AUDIENCES)


@rows("overlap", [-1.0, float("nan"), float("inf"), 1e9])
def test_an_overlap_is_a_reasonable_time(overlap: float) -> None:
    with pytest.raises(InvalidTokenOrder):
        SecretRotation(overlap).check()
    SecretRotation(0.0).check()


def test_a_listing_has_no_secret() -> None:
    stored = StoredClient("c", b"d" * 32, GRANTS, ("a",), ("shop",), (), (), 0.0, 1.0, b"e" * 32, 2.0)
    record = record_of(stored)
    assert record.grants == ("client_credentials", "refresh_token", "token_exchange")
    assert (record.public, record.previous_works_until is not None) == (False, True)
    assert "ddd" not in repr(record)
    assert repr(TokenText("secret")) == "TokenText(***)"


def test_keys_that_can_not_be_used_are_told() -> None:
    for order in (NewClient("a", keys="{}"), SecretRotation(keys="{}")):
        with pytest.raises(InvalidTokenOrder, match="neither a JWK set nor"):
            order.key_set()
    assert NewClient("a").key_set() is None


def test_a_record_says_how_a_client_shows_who_it_is() -> None:
    stored = StoredClient("c", b"d" * 32, GRANTS, (), (), (), (), 0.0, 1.0)
    signer = msgspec.structs.replace(stored, secret=None, key_set=b"{}")
    app = msgspec.structs.replace(stored, secret=None)
    assert [(record_of(each).proof, record_of(each).public) for each in (stored, signer, app)] == [
        ("secret", False),
        ("key", False),
        ("none", True),
    ]
