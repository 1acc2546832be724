"""An API of one WebSocket: orders go in, and each comes back as it was sent."""

from __future__ import annotations

import base64
import json

from bench.load import Request

PATH = "/feed"

_FIELDS: dict[str, object] = {
    "type": {"type": "string", "enum": ["buy", "sell"]},
    "id": {"type": "string", "format": "uuid"},
    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
    "quantity": {"type": "integer", "minimum": 1, "maximum": 100},
    "limit_cents": {"type": "integer", "minimum": 0},
    "note": {"type": "string", "maxLength": 200},
}

SCHEMA: dict[str, object] = {
    "type": "object",
    "required": list(_FIELDS),
    "properties": _FIELDS,
    "additionalProperties": False,
}
"""JSON Schema of a message: a closed object with a format, a pattern and bounds."""

HANDSHAKE = Request(
    "GET",
    PATH,
    {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(range(16))).decode(),
    },
)


def message(**changes: object) -> str:
    """A message that the schema allows, or one with other values."""
    order: dict[str, object] = {
        "type": "buy",
        "id": "4e0f3b52-7c1d-4d9a-8a55-0c2f9be1d7a3",
        "sku": "BK-1042",
        "quantity": 3,
        "limit_cents": 4290,
        "note": "Two of the books are a present: wrap them in paper without a price.",
    }
    return json.dumps({**order, **changes}, separators=(",", ":"))


def document() -> dict[str, object]:
    """Its OpenAPI document."""
    operation = {"operationId": "feed", "responses": {"101": {"description": "A WebSocket."}}}
    return {"openapi": "3.0.3", "info": {"title": "Feed", "version": "1.0.0"}, "paths": {PATH: {"get": operation}}}
