"""Finding the operation that was meant."""

from __future__ import annotations

import time

import pytest
from rows import rows

from portcullis.engine.operation_names import OperationNames

NAMES = ("GET /orders", "POST /orders", "GET /orders/{order_id}", "GET /customers/{customer_id}/address", "GET /")


@rows(
    ("written", "meant"),
    [
        ("GET /orders/{id}", "GET /orders/{order_id}"),
        ("GET /Orders", "GET /orders"),
        ("GET /orders/", "GET /orders"),
        ("POST /shop/v1/orders", "POST /orders"),
        ("GET /shop/orders/{order_id}", "GET /orders/{order_id}"),
        ("GET /oders", "GET /orders"),
        ("GET /customer/{id}/address", "GET /customers/{customer_id}/address"),
    ],
)
def test_the_operation_that_was_meant_is_found(written: str, meant: str) -> None:
    assert OperationNames(NAMES).nearest(written) == meant


@rows("written", ["DELETE /invoices", "GET /payments/{id}", "TRACE /x"])
def test_nothing_is_guessed_where_nothing_is_near(written: str) -> None:
    assert OperationNames(NAMES).nearest(written) == ""


def test_where_nothing_is_known_nothing_is_near() -> None:
    assert OperationNames(()).nearest("GET /orders") == ""


@pytest.mark.slow
def test_very_many_mistakes_are_not_compared_letter_by_letter() -> None:
    names = OperationNames([f"GET /accounts/{{account}}/things/{number}" for number in range(2_000)])
    begun = time.process_time()
    found = [names.nearest(f"GET /acounts/{{account}}/things/{number}x") for number in range(2_000)]
    assert time.process_time() - begun < 2
    assert found[0]
    assert not found[-1]
    assert names.nearest("GET /accounts/{id}/things/7") == "GET /accounts/{account}/things/7"
