"""Operations by what people call them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rows import rows

from portcullis.control.operation_search import find_operations


def routed(name: str, prefix: str) -> Any:
    method, _, path = name.partition(" ")
    return SimpleNamespace(declared=SimpleNamespace(method=method, path=path), template=prefix + path)


OPERATIONS = [
    routed("GET /orders", "/shop/v1"),
    routed("GET /orders/{order_id}", "/shop/v1"),
    routed("DELETE /orders/{order_id}", "/shop/v1"),
    routed("GET /orders/mine", "/shop/v1"),
    routed("GET /orders", "/shop/v2"),
    routed("GET /files/{name}.json", "/shop/v2"),
    routed("GET /", "/shop/v2"),
]


@rows(
    ("call", "templates"),
    [
        ("GET /orders/{order_id}", ["/shop/v1/orders/{order_id}"]),
        ("GET /orders/{id}", ["/shop/v1/orders/{order_id}"]),
        ("GET /shop/v1/orders/{id}/", ["/shop/v1/orders/{order_id}"]),
        ("GET /v1/orders/{id}", ["/shop/v1/orders/{order_id}"]),
        ("GET /orders", ["/shop/v1/orders", "/shop/v2/orders"]),
        ("GET /v2/orders?limit=5", ["/shop/v2/orders"]),
        ("GET /shop/v1/orders/17", ["/shop/v1/orders/{order_id}"]),
        ("GET /orders/17", ["/shop/v1/orders/{order_id}"]),
        ("GET /shop/v1/orders/mine", ["/shop/v1/orders/mine"]),
        ("GET /shop/v2/files/a.json", ["/shop/v2/files/{name}.json"]),
        ("GET /shop/v2/", ["/shop/v2/"]),
        ("GET /", ["/shop/v2/"]),
        ("DELETE /orders/{id}", ["/shop/v1/orders/{order_id}"]),
        ("DELETE /orders", []),
        ("PUT /orders/{id}", []),
        ("GET /rders", []),
        ("GET /shop/v3/orders", []),
        ("get /orders", []),
        ("GET", []),
        ("", []),
    ],
)
def test_an_operation_is_found_by_any_of_its_names(call: str, templates: list[str]) -> None:
    assert [found.template for found in find_operations(OPERATIONS, call)] == templates
