"""A service with orders in its memory, which knows nothing of whose they are."""

from __future__ import annotations

import json
import threading
from typing import Any

from upstream import Exchange, Respond, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
components:
  schemas:
    Order: {type: object, properties: {id: {type: integer}, qty: {type: integer}}}
paths:
  /orders:
    get:
      responses:
        "200":
          description: All
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Order"}}}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      responses: {"201": {description: It, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
  /orders/{order_id}:
    parameters: [{name: order_id, in: path, required: true, schema: {type: integer}}]
    get:
      responses: {"200": {description: It, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
    delete: {responses: {"204": {description: Gone}}}
"""


class Shop:
    """``orders``: what there is, by number."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.upstream = Upstream(_Behaviours(self))

    @property
    def url(self) -> str:
        return self.upstream.url

    @property
    def calls(self) -> list[str]:
        """What was asked for, ``GET /shop/orders/1``."""
        return [exchange.line.rpartition(" ")[0] for exchange in self.upstream.seen]

    def stop(self) -> None:
        self.upstream.stop()

    def add(self, *numbers: int) -> None:
        self.orders |= {number: {"id": number, "qty": 1} for number in numbers}

    def respond(self, exchange: Exchange) -> None:
        method, _, number = exchange.line.split(" ")[0], "", exchange.path.rpartition("/")[2]
        with self.lock:
            if number == "orders" and method == "POST":
                order = {**json.loads(exchange.body), "id": len(self.orders) + 1}
                self.orders[order["id"]] = order
                exchange.answer(json.dumps(order).encode(), "201 Created")
            elif number == "orders":
                exchange.answer(json.dumps(list(self.orders.values())).encode())
            elif int(number) not in self.orders:
                exchange.answer(b'{"title": "none"}', "404 Not Found")
            elif method == "DELETE":
                del self.orders[int(number)]
                exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            else:
                exchange.answer(json.dumps(self.orders[int(number)]).encode())


class _Behaviours(dict[str, Respond]):
    """Lets the shop answer whatever is asked for."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop

    def get(self, _path: str, _default: Any = None) -> Respond:  # type: ignore[override]
        return self.shop.respond
