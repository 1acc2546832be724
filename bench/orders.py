"""The API that most cases speak of, a shop with items, orders and checkouts, and what its upstream answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

ORDER_BYTES = 850
"""Size of the order in bytes: a common one for a JSON call that does something."""

ITEMS = json.dumps(
    {"items": [{"sku": f"BK-{n:04}", "title": f"Book number {n}", "price_cents": 1290 + n} for n in range(3)]},
    separators=(",", ":"),
)
"""Answer of the upstream to ``GET /items``."""

_ACCEPTED = {"order_id": "9b2f6c1e-5d0a-4c8e-9f63-2a7d4b1c8e90", "state": "accepted"}

ACCEPTED = json.dumps(_ACCEPTED, separators=(",", ":"))
"""Answer of the upstream to ``POST /orders``."""

CHECKED_OUT = json.dumps({**_ACCEPTED, "margin_cents": 412}, separators=(",", ":"))
"""Answer of the upstream to ``POST /checkouts``, which takes the same order: the last field is not declared."""

STRIPPED = ACCEPTED
"""The same without it, as a client gets it from who looks at answers."""


_NOTE = (
    "Please leave the parcel with the neighbours at number three if nobody opens, they are at home until six. The bell "
    "does not ring, so knock twice. Two of the books are a present: wrap them in paper without a price, and put the "
    "card in that comes with the other letter. Thank you very much, and greetings to everybody in the shop. I will be "
    "away from Monday on, and come back in the second week of next month."
)


def order() -> str:
    """An order that the schema allows, of exactly :data:`ORDER_BYTES` bytes."""
    lines = [
        {"sku": f"BK-{1000 + n}", "title": f"A book of some length, volume {n}", "quantity": n, "price_cents": 1290 + n}
        for n in range(1, 6)
    ]
    document = {
        "customer_id": "4e0f3b52-7c1d-4d9a-8a55-0c2f9be1d7a3",
        "currency": "EUR",
        "placed_at": "2026-03-14T09:26:53Z",
        "express": True,
        "ship_to": {
            "name": "Ada Example",
            "street": "1 Long Road",
            "city": "Rotterdam",
            "postcode": "3011 AA",
            "country": "NL",
        },
        "lines": lines,
        "note": "",
    }
    document["note"] = _NOTE[: ORDER_BYTES - len(_compact(document))]
    return _compact(document)


def _text(longest: int) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _closed(properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


ORDER_SCHEMA = _closed(
    {
        "customer_id": {"type": "string", "format": "uuid"},
        "currency": {"type": "string", "enum": ["EUR", "GBP", "USD"]},
        "placed_at": {"type": "string", "format": "date-time"},
        "express": {"type": "boolean"},
        "ship_to": _closed(
            {
                "name": _text(100),
                "street": _text(100),
                "city": _text(100),
                "postcode": {"type": "string", "pattern": "^[0-9A-Z ]{3,10}$"},
                "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
            }
        ),
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": _closed(
                {
                    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
                    "title": _text(200),
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 100},
                    "price_cents": {"type": "integer", "minimum": 0},
                }
            ),
        },
        "note": {"type": "string", "maxLength": 500},
    }
)
"""JSON Schema of an order: closed objects, formats, patterns and bounds, as a careful document has them."""


def answer_of(schema: Mapping[str, object]) -> dict[str, object]:
    """A response of an OpenAPI document: JSON of this schema."""
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def document() -> dict[str, object]:
    """The OpenAPI document of the shop."""
    item = _closed({"sku": _text(10), "title": _text(200), "price_cents": {"type": "integer"}})
    accepted = _closed({"order_id": {"type": "string", "format": "uuid"}, "state": _text(20)})
    placed = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": ORDER_SCHEMA}}},
        "responses": {"201": answer_of(accepted)},
    }
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1.0.0"},
        "paths": {
            "/items": {
                "get": {
                    "operationId": "listItems",
                    "parameters": [limit],
                    "responses": {"200": answer_of(_closed({"items": {"type": "array", "items": item}}))},
                }
            },
            "/orders": {"post": {"operationId": "placeOrder", **placed}},
            "/checkouts": {"post": {"operationId": "checkOut", **placed}},
        },
    }


def _compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
